"""What must hold after every change of an EndpointSlice: its address is the leader's, and there is no gap."""

from __future__ import annotations

from typing import Any

from model.api_server import SLICES, Change
from simulator.cluster import FORGED_ADDRESS, Cluster, owner_of
from simulator.invariants import Violation
from simulator.world import World
from tenure.api import PLURAL
from tenure.election.labels import parse_term
from tenure.election.pod import PodRef
from tenure.kubernetes.slices import TERM


class Routing:
    """Observes every version of the slices of the election that is there, but for what others forge.

    The endpoint of a slice with term T is the pod to which the status gave T, from the first write on; there is none
    only if that pod is gone or has ended. T does not fall in the life of a slice.
    """

    def __init__(self, world: World, cluster: Cluster) -> None:
        self._world = world
        self._cluster = cluster
        self._shown: dict[tuple[str, int], PodRef | None] = {}
        """Which pod a status gave a term, by the UID of the election."""
        self._written: dict[str, tuple[str, str, int]] = {}
        """What was written last, by the name of the slice: its UID, its owner, and the term."""
        cluster.server.on_change.append(self._see_change)

    def _fail(self, what: str) -> None:
        raise Violation(f"at {self._world.now_s:.6f} s: slice: {what}")

    def _see_change(self, change: Change) -> None:
        if change.after is None:
            return
        if change.kind == PLURAL:
            status = change.after.resource.status
            self._shown[change.after.uid, status.term] = status.leader.pod if status.leader is not None else None
        elif change.kind == SLICES:
            self._see_slice(change.after.body)

    def _see_slice(self, body: dict[str, Any]) -> None:
        name, owner = body["metadata"]["name"], owner_of(body)
        addresses = [address for endpoint in body["endpoints"] for address in endpoint["addresses"]]
        if addresses == [FORGED_ADDRESS]:
            self._written.pop(name, None)
            return
        resource = self._cluster.resource
        if resource is None or resource.uid != owner:
            return  # It is of a former election, and is about to be collected.
        term = parse_term(body["metadata"]["annotations"][TERM]) or 0
        if (owner, term) not in self._shown:
            self._fail(f"{name} has term {term}, which no status has shown")
        leader = self._shown[owner, term]
        routed = [(endpoint["targetRef"]["name"], endpoint["targetRef"]["uid"]) for endpoint in body["endpoints"]]
        if len(addresses) > 1:
            self._fail(f"{name} has two addresses: {addresses}")
        if routed and (leader is None or routed != [(leader.name, leader.uid)]):
            self._fail(f"{name} routes to {routed} in term {term}, which the status gave to {leader}")
        pod = self._cluster.pod(leader.name, leader.uid) if leader is not None else None
        if not routed and pod is not None and not pod.finished:
            self._fail(f"{name} routes to nobody in term {term}, though its leader {leader} is there")
        written = (body["metadata"]["uid"], owner, term)
        if (known := self._written.get(name)) is not None and known[:2] == written[:2] and term < known[2]:
            self._fail(f"the term of {name} fell from {known[2]} to {term}")
        self._written[name] = written
