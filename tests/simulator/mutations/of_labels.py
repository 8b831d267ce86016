"""Mistakes with labels and with the ledger that allows them: they break G3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from simulator.mutations.mutation import Mutation, put
from simulator.mutations.worlds import CHANGED_LABELS, LATE_LABELS, REBIRTHS, STALE_VIEWS, TROUBLED_API
from tenure.api import resource as resource_json
from tenure.api.status import parse_status
from tenure.election import labeller, ledger, routing
from tenure.election.effects import Effect, WriteLabels, WriteStatus
from tenure.election.labels import PodRole, term_key
from tenure.election.pod import PodRef
from tenure.election.resource import Reign, Resource, Status
from tenure.kubernetes import pods
from tenure.kubernetes.resources import read_resource, write_status
from tenure.runtime import executor

_plan, _stamp, _must_stamp, _advance = routing.plan, routing._stamp, ledger.must_stamp, ledger.advance
_patch_of, _write_status = pods.patch_of, write_status
_label_plan, _label_decide = labeller.Labeller.plan, labeller.Labeller.decide

Operations = list[dict[str, Any]]


def _stamp_nobody(_status: Status, _listed: tuple[PodRef, ...] | None) -> tuple[PodRef, ...]:
    return ()


def _skip_the_first(status: Status, listed: tuple[PodRef, ...] | None) -> tuple[PodRef, ...] | None:
    targets = _must_stamp(status, listed)
    return targets[1:] if targets else targets


def _call_all_stamped(*arguments: Any) -> tuple[bool, list[PodRef], bool]:
    _, unknown, needs_list = _stamp(*arguments)
    return True, unknown, needs_list


def _call_all_settled(*arguments: Any, **named: Any) -> routing.Plan:
    return replace(_plan(*arguments, **named), settled=True)


def _follow_without_a_term(election: str, status: Status, **named: Any) -> routing.Plan:
    if status.term:
        return _plan(election, status, **named)
    bare = [pod for pod in named["candidates"] if pod.role(election) is None]
    return routing.Plan(
        tuple(
            WriteLabels(pod.ref, pod.term(election), None, PodRole.FOLLOWER, None, no_labels_map=pod.labels is None)
            for pod in bare
        )
    )


def _forget_the_old_leader(status: Status, reign: Reign, **named: Any) -> Status:
    return replace(_advance(status, reign, **named), unfenced=status.unfenced)


def _begin_with_nobody(status: Any) -> Status:
    parsed = parse_status(status)
    return parsed if "unfenced" in status else replace(parsed, unfenced=())


@contextmanager
def _label_before_the_status() -> Iterator[None]:
    def plan(self: labeller.Labeller) -> routing.Plan:
        state = self._state
        resource = state.resource
        assert resource is not None
        if state.status_write is not None:
            state.resource = replace(resource, status=state.status_write.write.status)
        try:
            return _label_plan(self)
        finally:
            state.resource = resource

    def decide(self: labeller.Labeller, now: Any, planned: routing.Plan) -> list[Effect]:
        pending, self._state.status_write = self._state.status_write, None
        try:
            return _label_decide(self, now, planned)
        finally:
            self._state.status_write = pending

    with patch.object(labeller.Labeller, "plan", plan), patch.object(labeller.Labeller, "decide", decide):
        yield


def _call_higher_terms_forged(*arguments: Any, **named: Any) -> routing.Plan:
    return _plan(*arguments, **{**named, "forged": frozenset(named["pods"])})


def _call_them_forged_after_a_renewal(self: labeller.Labeller) -> routing.Plan:
    """A term is called forged because the lease was renewed after it was seen."""
    state = self._state
    read_at_s = state.resource_read_at_s
    if state.leading is not None:
        state.resource_read_at_s = max(read_at_s, state.leading.lease_from_s)
    try:
        return _label_plan(self)
    finally:
        state.resource_read_at_s = read_at_s


def _patch_labels(
    change: Callable[[str, WriteLabels, Operations], Operations],
) -> Callable[[], AbstractContextManager[object]]:
    """Return how the JSON Patch of every label write is changed."""
    return put(pods, "patch_of", lambda election, write: change(election, write, _patch_of(election, write)))


def _without_test_of(key: str) -> Callable[[], AbstractContextManager[object]]:
    def change(_election: str, _write: WriteLabels, operations: Operations) -> Operations:
        return [one for one in operations if one["op"] != "test" or key not in one["path"]]

    return _patch_labels(change)


def _take_the_term_off_too(election: str, write: WriteLabels, operations: Operations) -> Operations:
    path = "/metadata/labels/" + term_key(election).replace("/", "~1")
    if write.role is None and write.expected_term is not None:
        return [*operations, {"op": "remove", "path": path}]
    return operations


def _crown_without_the_term(election: str, write: WriteLabels, operations: Operations) -> Operations:
    path = "/metadata/labels/" + term_key(election).replace("/", "~1")
    is_crown = write.role is PodRole.LEADER
    return [one for one in operations if not (is_crown and one["op"] == "add" and one["path"] == path)]


async def _write_whatever_its_version(client: Any, namespace: str, name: str, write: WriteStatus) -> Resource:
    current = await read_resource(client, namespace, name)
    return await _write_status(client, namespace, name, replace(write, resource_version=current.resource_version))


OF_LABELS = (
    Mutation("label before the status is acknowledged", "G3|tombstone", TROUBLED_API, _label_before_the_status),
    Mutation("stamp from a cache instead of the ledger", "G3", LATE_LABELS, put(routing, "must_stamp", _stamp_nobody)),
    Mutation("skip a stamp", "G3", LATE_LABELS, put(routing, "must_stamp", _skip_the_first)),
    Mutation("crown before the stamps are acknowledged", "G3", LATE_LABELS, put(routing, "_stamp", _call_all_stamped)),
    Mutation("settle too early", "G3", LATE_LABELS, put(routing, "plan", _call_all_settled)),
    Mutation("forget the old leader in the ledger", "G3", LATE_LABELS, put(ledger, "advance", _forget_the_old_leader)),
    Mutation("take the term label off at clean-up", "tombstone", LATE_LABELS, _patch_labels(_take_the_term_off_too)),
    Mutation("write labels without testing the term", "tombstone", LATE_LABELS, _without_test_of("term.tenure.dev")),
    Mutation(
        "write labels without testing the UID",
        "G3",
        CHANGED_LABELS,
        _without_test_of("/metadata/uid"),
        begin_at=21,
    ),
    Mutation("give a role before there is a term", "G3", REBIRTHS, put(routing, "plan", _follow_without_a_term)),
    Mutation("crown without the term", "G3", LATE_LABELS, _patch_labels(_crown_without_the_term)),
    Mutation(
        "call a higher term forged without reading the resource",
        "tombstone",
        STALE_VIEWS,
        put(routing, "plan", _call_higher_terms_forged),
    ),
    Mutation(
        "call a higher term forged because a renewal succeeded",
        "tombstone",
        STALE_VIEWS,
        put(labeller.Labeller, "plan", _call_them_forged_after_a_renewal),
        begin_at=4,
    ),
    Mutation(
        "write the status whatever its version",
        "G1|G2|G4",
        STALE_VIEWS,
        put(executor, "write_status", _write_whatever_its_version),
    ),
    Mutation("begin with nobody unfenced", "G3", REBIRTHS, put(resource_json, "parse_status", _begin_with_nobody)),
)
