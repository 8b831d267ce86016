"""Whom a namespace's pods and EndpointSlices show as leaders, as two watches tell."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.api import Api
from bench.stage import PODS
from cluster_support.kubernetes import Object, pods_path, slices_path

_SERVICE = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Pod:
    """What is looked at of a pod."""

    name: str
    uid: str
    election: str
    leads: bool
    ready: bool
    terminating: bool


class Moment:
    """The first time at which a condition was true, by the time of the event that made it so."""

    def __init__(self, condition: Callable[[], bool], what: str) -> None:
        self._condition = condition
        self._what = what
        self._at_s = math.inf
        self._came = asyncio.Event()

    @property
    def is_awaited(self) -> bool:
        """Whether it has not come yet."""
        return not self._came.is_set()

    def look(self, now_s: float) -> None:
        """Look whether it is true."""
        if self.is_awaited and self._condition():
            self._at_s = now_s
            self._came.set()

    async def wait(self, timeout_s: float) -> float:
        """Return its monotonic time. Raises TimeoutError."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._came.wait()
        except TimeoutError:
            raise TimeoutError(f"Within {timeout_s:g} seconds, this did not become true: {self._what}.") from None
        return self._at_s


class Routes:
    """The leaders of elections whose pods have the election's name as their label `app`, and the Services' endpoints.

    `role(election)` is the key and the value of the label that a leader has. `on_pod` is told of each pod that changed.
    """

    def __init__(
        self, namespace: str, role: Callable[[str], tuple[str, str]], on_pod: Callable[[Pod], None] = lambda _: None
    ) -> None:
        self.namespace = namespace
        self._role = role
        self._on_pod = on_pod
        self._pods: dict[str, dict[str, Pod]] = {}
        self._endpoints: dict[str, set[str]] = {}
        self._moments: list[Moment] = []
        self._watches: list[asyncio.Task[None]] = []

    async def start(self, api: Api) -> None:
        """Look from now on."""
        self._watches = [
            await api.watch(pods_path(self.namespace), self._see_pod),
            await api.watch(slices_path(self.namespace), self._see_slice),
        ]

    async def stop(self) -> None:
        """Look no longer. Raises what ended a watch before."""
        for watch in self._watches:
            watch.cancel()
        for result in await asyncio.gather(*self._watches, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    def pods(self, election: str) -> Sequence[Pod]:
        """The pods of an election."""
        return list(self._pods.get(election, {}).values())

    def leaders(self, election: str) -> list[Pod]:
        """Those with the leader label."""
        return [pod for pod in self.pods(election) if pod.leads]

    def label_of_another(self, leader: Pod) -> Moment:
        """When another pod than this one has the leader label."""
        return self._moment(
            lambda: any(pod.uid != leader.uid for pod in self.leaders(leader.election)),
            f"{leader.election} has another leader than {leader.name}",
        )

    def endpoint_of_another(self, leader: Pod) -> Moment:
        """When the Service has an endpoint that is ready, and it is not this pod's."""
        return self._moment(
            lambda: bool(self._endpoints.get(leader.election, set()) - {leader.uid}),
            f"the Service {leader.election} routes to another pod than {leader.name}",
        )

    async def settle(self, election: str, *, timeout_s: float) -> Pod:
        """Return the leader, once all pods are Ready, one of them is labelled, and the Service routes to it."""

        def is_settled() -> bool:
            pods = self.pods(election)
            leaders = self.leaders(election)
            all_are_well = len(pods) == PODS and all(pod.ready and not pod.terminating for pod in pods)
            return all_are_well and len(leaders) == 1 and self._endpoints.get(election) == {leaders[0].uid}

        await self._moment(is_settled, f"{election} has {PODS} pods and a leader").wait(timeout_s)
        return self.leaders(election)[0]

    def _moment(self, condition: Callable[[], bool], what: str) -> Moment:
        moment = Moment(condition, what)
        moment.look(time.monotonic())
        self._moments.append(moment)
        return moment

    def _look(self, now_s: float) -> None:
        for moment in self._moments:
            moment.look(now_s)
        self._moments = [moment for moment in self._moments if moment.is_awaited]

    def _see_pod(self, kind: str, body: Object, now_s: float) -> None:
        metadata = body["metadata"]
        election = metadata["labels"]["app"]
        key, value = self._role(election)
        conditions = body["status"].get("conditions") or ()
        pod = Pod(
            name=metadata["name"],
            uid=metadata["uid"],
            election=election,
            leads=metadata["labels"].get(key) == value,
            ready=any(one["type"] == "Ready" and one["status"] == "True" for one in conditions),
            terminating="deletionTimestamp" in metadata,
        )
        pods = self._pods.setdefault(election, {})
        if kind == "DELETED":
            pods.pop(pod.uid, None)
        else:
            pods[pod.uid] = pod
            self._on_pod(pod)
        self._look(now_s)

    def _see_slice(self, kind: str, body: Object, now_s: float) -> None:
        service = body["metadata"]["labels"][_SERVICE]
        endpoints = [] if kind == "DELETED" else body.get("endpoints") or []
        self._endpoints[service] = {one["targetRef"]["uid"] for one in endpoints if one["conditions"].get("ready")}
        self._look(now_s)
