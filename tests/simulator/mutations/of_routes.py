"""Mistakes with the EndpointSlices that an operator writes: a wrong address, or a gap."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from simulator.mutations.mutation import Mutation, put
from simulator.mutations.worlds import LATE_ROUTES, STALE_ROUTES, TROUBLED_ROUTES, UNSEEN_DELETIONS
from tenure.election.clock import Instant
from tenure.election.effects import Effect, RouteServices
from tenure.election.labeller import Labeller
from tenure.election.labels import parse_term
from tenure.election.routing import Plan
from tenure.kubernetes import slices
from tenure.kubernetes.client import KubernetesClient
from tenure.kubernetes.errors import Conflict
from tenure.runtime.resync import Resync

_put, _merge_patch, _decide = slices._put, KubernetesClient.merge_patch, Labeller.decide


async def _patch_whatever_its_version(self: KubernetesClient, path: str, body: Any, **how: Any) -> Any:
    if "endpointslices" in path:
        body = {**body, "metadata": {**body["metadata"], "resourceVersion": None}}
    return await _merge_patch(self, path, body, **how)


async def _empty_it_first(
    client: Any, body: dict[str, Any], present: Any, found: Any, *, wanted: RouteServices
) -> None:
    empties = present is not None and present["endpoints"] and present["endpoints"] != body["endpoints"]
    await _put(client, {**body, "endpoints": []} if empties else body, present, found, wanted=wanted)
    if empties:
        raise Conflict("The address comes with the next write.")


def _route_before_the_status(self: Labeller, now: Instant, planned: Plan) -> list[Effect]:
    decided, state, resource = _decide(self, now, planned), self._state, self._state.resource
    if resource is None or state.status_write is None:
        return decided
    state.resource = replace(resource, status=state.status_write.write.status)
    try:
        return [*decided, *self._route(now.monotonic_s)]
    finally:
        state.resource = resource


async def _compare_nothing(_self: Resync) -> None:
    """The watch is believed to have shown everything."""


def _see_no_higher_term(term: str | None) -> int | None:
    return min(parse_term(term) or 0, 0)


OF_ROUTES = (
    Mutation(
        "write a slice whatever its version",
        "slice",
        LATE_ROUTES,
        put(KubernetesClient, "merge_patch", _patch_whatever_its_version),
    ),
    Mutation("write a slice whatever its term", "slice", STALE_ROUTES, put(slices, "parse_term", _see_no_higher_term)),
    Mutation(
        "write a slice before the status is acknowledged",
        "slice",
        TROUBLED_ROUTES,
        put(Labeller, "decide", _route_before_the_status),
        begin_at=4,
    ),
    Mutation(
        "overlook that a slice is gone",
        "G5",
        UNSEEN_DELETIONS,
        put(Resync, "_compare_slices", _compare_nothing),
        faults=10,
    ),
    Mutation("empty a slice before the next address", "slice", LATE_ROUTES, put(slices, "_put", _empty_it_first)),
)
