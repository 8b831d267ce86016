"""Whom a namespace's pods and EndpointSlices show as leaders, as two watches tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.api import Api
from bench.moments import Moment, Moments
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
        self._moments = Moments()
        self._watches: list[asyncio.Task[None]] = []

    async def start(self, api: Api) -> None:
        """Look from now on."""
        self._watches = [
            await api.watch(pods_path(self.namespace), self._see_pod),
            await api.watch(slices_path(self.namespace), self._see_slice),
        ]
        for watch in self._watches:
            self._moments.rely_on(watch)

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
        return self._moments.begin(
            lambda: any(pod.uid != leader.uid for pod in self.leaders(leader.election)),
            f"{leader.election} has another leader than {leader.name}",
        )

    def endpoint_of_another(self, leader: Pod) -> Moment:
        """When the Service has an endpoint that is ready, and it is not this pod's."""
        return self._moments.begin(
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

        await self._moments.begin(is_settled, f"{election} has {PODS} pods and a leader").wait(timeout_s)
        return self.leaders(election)[0]

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
        self._moments.look(now_s)

    def _see_slice(self, kind: str, body: Object, now_s: float) -> None:
        service = body["metadata"]["labels"][_SERVICE]
        endpoints = [] if kind == "DELETED" else body.get("endpoints") or []
        self._endpoints[service] = {one["targetRef"]["uid"] for one in endpoints if one["conditions"].get("ready")}
        self._moments.look(now_s)
