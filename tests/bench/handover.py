"""How long a hand-over takes, from the API's acknowledgement of its cause: ours, the floor, and the peer's, in turn."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from bench.api import MERGE_PATCH
from bench.floor import Floor
from bench.peer import LABEL, LEADER, Peer
from bench.routes import Pod, Routes
from bench.stage import Stage, names
from cluster_support import Bucket
from cluster_support.kubernetes import elections_path, pods_path
from demo.terminal import Terminal
from tenure.election.labels import PodRole, role_key

OURS, PEERS, FLOOR = "bench-tenure", "bench-peer", "bench-floor"

DELETED, NOT_READY, SWITCHOVER = "leader's pod deleted", "leader not Ready", "switchover"
PEER_ENDS, PEER_KILLED = "client-go, leader's pod deleted", "client-go, leader killed and not Ready"

_START_TIMEOUT_S = 120.0
_TIMEOUT_S = 60.0


@dataclass
class Series:
    """The runs of one cause: seconds until the label, and until the EndpointSlice.

    `two_leaders` counts the runs after which the API showed two pods with the leader label.
    """

    label_s: list[float] = field(default_factory=list)
    endpoint_s: list[float] = field(default_factory=list)
    two_leaders: int = 0


@dataclass
class HandOvers:
    """All that was measured: series by their cause, and the floor."""

    series: dict[str, Series] = field(
        default_factory=lambda: {cause: Series() for cause in (DELETED, NOT_READY, SWITCHOVER, PEER_ENDS, PEER_KILLED)}
    )
    floor_s: list[float] = field(default_factory=list)


async def measure(stage: Stage, terminal: Terminal, *, runs: int, elections: int) -> HandOvers:
    """Measure every cause so many times, on so many elections of three pods, and as many of the peer's."""
    async with AsyncExitStack() as stack:
        play = _Play(stage, elections, stack)
        what = f"{elections} elections, and {elections} of client-go"
        with terminal.step(f"Starting {what}", f"Started {what}"):
            await play.begin()
        for first in range(0, runs, elections):
            batch = min(elections, runs - first)
            what = f"hand-overs {first + 1} to {first + batch} of {runs}"
            with terminal.step(f"Measuring {what}", f"Measured {what}"):
                for _ in range(batch):
                    await play.round()
                await play.kill_peers(batch)
        return play.measured


class _Sidecars:
    """Plays the kubelets for the peer: a candidate for each pod that is Ready, until the pod is to end."""

    peer: Peer

    def __init__(self) -> None:
        self._running: set[str] = set()

    def see(self, pod: Pod) -> None:
        """React to a pod that changed."""
        if pod.terminating and pod.uid in self._running:
            self._running.discard(pod.uid)
            self.peer.end_candidate(pod.name)
        elif pod.ready and not pod.terminating and pod.uid not in self._running:
            self._running.add(pod.uid)
            self.peer.start_candidate(pod.election, pod.name)

    def kill(self, pod: Pod) -> None:
        """Kill a candidate. It is started again when its pod changes and is Ready."""
        self.peer.kill_candidate(pod.name)
        self._running.discard(pod.uid)


class _Play:
    """Both sides at work, with watches of what they write."""

    def __init__(self, stage: Stage, elections: int, stack: AsyncExitStack) -> None:
        self.measured = HandOvers()
        self._stage = stage
        self._stack = stack
        self._names = names(elections)
        self._turns = itertools.cycle(self._names)
        self._peer_turns = itertools.cycle(self._names)
        self._switchovers = itertools.count(1)
        self._ours = Routes(OURS, lambda election: (role_key(election), PodRole.LEADER))
        self._sidecars = _Sidecars()
        self._peers = Routes(PEERS, lambda _: (LABEL, LEADER), self._sidecars.see)
        self._floor: Floor

    async def begin(self) -> None:
        """Make all that takes part; the stack ends it."""
        for namespace in (OURS, PEERS, FLOOR):
            await self._stage.make_namespace(namespace)
        operator = self._stage.operator(OURS)
        self._stack.push_async_callback(asyncio.to_thread, operator.stop)
        await asyncio.to_thread(operator.start)
        self._sidecars.peer = self._stage.peer(PEERS)
        self._stack.callback(self._sidecars.peer.stop)
        for routes in (self._ours, self._peers):
            await routes.start(self._stage.api)
            self._stack.push_async_callback(routes.stop)
        await self._stage.make_workloads(OURS, self._names, lambda name: {role_key(name): PodRole.LEADER})
        await self._stage.make_workloads(PEERS, self._names, lambda _: {LABEL: LEADER})
        await self._stage.make_elections(OURS, self._names)
        for routes in (self._ours, self._peers):
            for name in self._names:
                await routes.settle(name, timeout_s=_START_TIMEOUT_S)
        await self._prepare_floor()

    async def round(self) -> None:
        """Measure each cause once, but for the kill."""
        await self._lose(self._ours, next(self._turns), DELETED, self._delete)
        self.measured.floor_s.append(await self._floor.measure())
        await self._lose(self._ours, next(self._turns), NOT_READY, self._make_unready)
        await self._lose(self._ours, next(self._turns), SWITCHOVER, self._switch_over)
        await self._lose(self._peers, next(self._peer_turns), PEER_ENDS, self._delete)

    async def kill_peers(self, count: int) -> None:
        """Kill the leaders of so many of the peer's elections, all at once: each waits for its lease alone."""
        async with asyncio.TaskGroup() as group:
            for name in self._names[:count]:
                group.create_task(self._lose(self._peers, name, PEER_KILLED, self._kill))

    async def _lose(
        self, routes: Routes, election: str, cause: str, bring_about: Callable[[Pod], Awaitable[None]]
    ) -> None:
        leader = await routes.settle(election, timeout_s=_TIMEOUT_S)
        label, endpoint = routes.label_of_another(leader), routes.endpoint_of_another(leader)
        await bring_about(leader)
        acknowledged_s = time.monotonic()
        series = self.measured.series[cause]
        series.label_s.append(await label.wait(_TIMEOUT_S) - acknowledged_s)
        series.two_leaders += len(routes.leaders(election)) > 1
        series.endpoint_s.append(await endpoint.wait(_TIMEOUT_S) - acknowledged_s)
        if cause in (NOT_READY, PEER_KILLED):
            await self._mend(routes.namespace, leader, is_peers=routes is self._peers)

    async def _delete(self, leader: Pod) -> None:
        namespace = OURS if leader in self._ours.pods(leader.election) else PEERS
        await self._stage.api.request("DELETE", pods_path(namespace, leader.name))

    async def _make_unready(self, leader: Pod) -> None:
        await self._stage.set_ready(OURS, leader.name, ready=False)

    async def _switch_over(self, leader: Pod) -> None:
        body = {"spec": {"switchover": {"id": str(next(self._switchovers))}}}
        await self._stage.api.request("PATCH", elections_path(OURS, leader.election), body, content=MERGE_PATCH)

    async def _kill(self, leader: Pod) -> None:
        self._sidecars.kill(leader)
        await self._stage.set_ready(PEERS, leader.name, ready=False)

    async def _mend(self, namespace: str, pod: Pod, *, is_peers: bool) -> None:
        if is_peers:  # The dead candidate has left its label.
            body = {"metadata": {"labels": {LABEL: None}}}
            await self._stage.api.request("PATCH", pods_path(namespace, pod.name), body, content=MERGE_PATCH)
        await self._stage.set_ready(namespace, pod.name, ready=True)

    async def _prepare_floor(self) -> None:
        first, api = self._names[0], self._stage.api
        await self._stage.make_elections(FLOOR, [first])
        await self._stage.make_bare_pods(FLOOR, [first])
        url = self._stage.environment.nats_url
        election = await api.request("GET", elections_path(OURS, first))
        record = await asyncio.to_thread(Bucket(url, OURS).record, f"{OURS}.{first}")
        self._floor = Floor(api, FLOOR, first, status=election["status"], record=json.dumps(record).encode())
        await self._floor.start(url)
        self._stack.push_async_callback(self._floor.stop)
