"""Carries effects out, and brings their results back. Every await has a deadline, every effect has one result."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from tenure.election import effects, inputs
from tenure.election.clock import Instant
from tenure.election.inputs import LabelOutcome, WriteOutcome
from tenure.election.resource import Resource, Spec
from tenure.kubernetes.client import KubernetesClient
from tenure.kubernetes.errors import ApiError, Conflict, NotFound
from tenure.kubernetes.events import post_event
from tenure.kubernetes.pods import read_pod, write_labels
from tenure.kubernetes.resources import read_resource, write_status
from tenure.kubernetes.slices import route_services
from tenure.nats.store import LeaseStore
from tenure.runtime.keys import Key
from tenure.runtime.lease_requests import read_lease, write_lease
from tenure.runtime.listings import PodListings
from tenure.runtime.tasks import Tasks, report

logger = logging.getLogger(__name__)

EVENT_DELAY_S = 0.5
"""How long an event waits: most tell of a hand-over, whose labels are to have the API server to themselves."""

LAST_EVENTS_TIMEOUT_S = 0.5
"""How long a process that stops goes on posting events: no other process tells what happened before it began."""

MAX_WAITING_EVENTS = 1000
"""Events that wait for the API server; more are dropped, the log has them all."""

DROP_LOG_INTERVAL_S = 10.0
"""One line in this time tells how many events have been dropped: at a start it may be thousands."""

_NO_SLICES = (
    "This operator writes no EndpointSlices: start it with --endpoint-slices, or take spec.routing.services away.",
)

Post = Callable[[inputs.Input], None]


class Executor:
    """Carries out the effects of all elections.

    `locate(key)` tells in which store, and under which key of it, an election's record is. `resource_is_gone(key, uid)`
    is called when the API does not know a resource any more.
    """

    def __init__(
        self,
        client: KubernetesClient,
        locate: Callable[[Key], tuple[LeaseStore, str]],
        *,
        instance: str,
        read_clock: Callable[[], Instant],
        writes_slices: bool,
        resource_is_gone: Callable[[Key, str], None],
    ) -> None:
        self._client = client
        self._locate = locate
        self._listings = PodListings(client)
        self._instance = instance
        self._read_clock = read_clock
        self._writes_slices = writes_slices
        self._resource_is_gone = resource_is_gone
        self._tasks = Tasks()
        self._event_tasks = Tasks()
        self._events_waiting = 0
        self._events_dropped = 0
        self._drop_logged_at_s = float("-inf")
        self._event_slots = asyncio.Semaphore(8)
        self._is_closing = asyncio.Event()

    async def close(self) -> None:
        """Cancel what is under way. Events are posted before, without delay: as many as there is time for."""
        await self._tasks.close()
        self._is_closing.set()
        await self._event_tasks.close(after_s=LAST_EVENTS_TIMEOUT_S)

    def carry_out(self, key: Key, resource: Resource, effect: effects.Effect, post: Post) -> None:
        """Begin one effect of an election; its result is given to `post`, once: or never, if the resource is gone."""
        work: Coroutine[Any, Any, inputs.Input | None]
        failed: inputs.Input
        match effect:
            case effects.WriteLease():
                work, failed = write_lease(*self._locate(key), effect), inputs.LeaseWritten(WriteOutcome.UNKNOWN)
            case effects.ReadLease():
                work, failed = read_lease(*self._locate(key), effect), inputs.LeaseRead(None)
            case effects.WriteStatus():
                work, failed = self._write_status(key, resource, effect), inputs.StatusWritten(None)
            case effects.ReadResource():
                work, failed = self._read_resource(key, resource), inputs.ResourceReadFailed()
            case effects.WriteLabels(ref=ref):
                work, failed = (
                    self._write_labels(key, effect),
                    inputs.LabelsWritten(ref, LabelOutcome.UNAVAILABLE),
                )
            case effects.ReadPod(ref):
                work, failed = self._read_pod(key, effect), inputs.PodRead(ref, None)
            case effects.ListPods():
                work, failed = self._list_pods(key, resource), inputs.PodsListed(None)
            case effects.RouteServices():
                work, failed = self._route(key, resource, effect), inputs.ServicesRouted({}, is_done=False)
            case effects.Announce():
                self._announce(key, resource, effect)
                return
        self._tasks.start(report(work, failed, post), name=f"{type(effect).__name__} of {'/'.join(key)}")

    async def _write_status(self, key: Key, resource: Resource, effect: effects.WriteStatus) -> inputs.Input | None:
        try:
            return inputs.StatusWritten(await write_status(self._client, *key, effect))
        except NotFound:
            self._resource_is_gone(key, resource.uid)
            return None
        except Conflict:
            return inputs.StatusWritten(None)
        except ApiError as error:
            logger.warning("Status not written", extra={"election": "/".join(key), "error": str(error)})
            return inputs.StatusWritten(None)

    async def _read_resource(self, key: Key, resource: Resource) -> inputs.Input | None:
        begun_at_s = self._read_clock().monotonic_s
        try:
            found = await read_resource(self._client, *key)
        except NotFound:
            self._resource_is_gone(key, resource.uid)
            return None
        except ApiError as error:
            logger.warning("Resource not read", extra={"election": "/".join(key), "error": str(error)})
            return inputs.ResourceReadFailed()
        if found.uid != resource.uid:
            self._resource_is_gone(key, resource.uid)
            return None
        return inputs.ResourceSeen(found, begun_at_s)

    async def _write_labels(self, key: Key, effect: effects.WriteLabels) -> inputs.Input:
        result = await write_labels(self._client, key[0], key[1], effect)
        fields = {"election": "/".join(key), "pod": effect.ref.name, "role": effect.role, "term": effect.term}
        if result.outcome is LabelOutcome.APPLIED:
            logger.debug("Labels written", extra=fields)
        elif result.outcome is LabelOutcome.REFUSED:
            logger.warning("Labels refused", extra={**fields, "error": result.reason})
        return result

    async def _read_pod(self, key: Key, effect: effects.ReadPod) -> inputs.Input:
        try:
            pod = await read_pod(self._client, key[0], effect.ref)
        except ApiError as error:
            logger.warning("Pod not read", extra={"election": "/".join(key), "error": str(error)})
            return inputs.PodRead(effect.ref, None)
        return inputs.PodGone(effect.ref.uid) if pod is None else inputs.PodRead(effect.ref, pod)

    async def _list_pods(self, key: Key, resource: Resource) -> inputs.Input:
        namespace, name = key
        try:
            listed = await self._listings.list(namespace)
        except ApiError as error:
            logger.warning("Pods not listed", extra={"election": "/".join(key), "error": str(error)})
            return inputs.PodsListed(None)
        selector = resource.spec.selector if isinstance(resource.spec, Spec) else None
        return inputs.PodsListed(listed.concerning(name, selector))

    async def _route(self, key: Key, resource: Resource, effect: effects.RouteServices) -> inputs.Input:
        if not self._writes_slices:
            return inputs.ServicesRouted({}, _NO_SLICES if effect.services else ())
        try:
            return await route_services(self._client, resource, effect)
        except ApiError as error:
            logger.warning("Services not routed", extra={"election": "/".join(key), "error": str(error)})
            return inputs.ServicesRouted({}, is_done=False)

    def _announce(self, key: Key, resource: Resource, news: effects.Announce) -> None:
        level = logging.WARNING if news.warning else logging.INFO
        logger.log(level, news.note, extra={"election": "/".join(key), "reason": news.reason})
        if self._events_waiting >= MAX_WAITING_EVENTS:
            self._drop_event()
            return
        self._events_waiting += 1
        self._event_tasks.start(self._post_event(resource, news), name=f"event of {'/'.join(key)}")

    def _drop_event(self) -> None:
        self._events_dropped += 1
        now_s = self._read_clock().monotonic_s
        if now_s >= self._drop_logged_at_s + DROP_LOG_INTERVAL_S:
            logger.warning("Events dropped, as too many wait for the API server: %d so far", self._events_dropped)
            self._drop_logged_at_s = now_s

    async def _post_event(self, resource: Resource, news: effects.Announce) -> None:
        wall_s = self._read_clock().wall_s
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVENT_DELAY_S):
                    await self._is_closing.wait()
            async with self._event_slots:
                await post_event(self._client, resource, news, instance=self._instance, wall_s=wall_s)
        except ApiError as error:
            logger.warning(
                "Event not posted", extra={"election": f"{resource.namespace}/{resource.name}", "error": str(error)}
            )
        finally:
            self._events_waiting -= 1
