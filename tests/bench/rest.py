"""What elections cost at rest: nobody's, ours and the peer's on the same pods, in turn."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from bench.elections import Elections
from bench.peer import LABEL, LEADER, Peer
from bench.stage import PODS, Stage, names
from bench.usage import Usage, mean, measure
from cluster_support.kubernetes import pods_path
from cluster_support.operator_process import Operator
from demo.terminal import Terminal

NAMESPACE = "bench-rest"
NOBODY, OURS, PEER = "nobody", "Tenure", "client-go"

ROUNDS = 2
"""So often each of them comes to its turn."""

_START_TIMEOUT_S = 300.0
_CALM_S = 15.0
"""After so long, what the start left to do has been done."""

_ASK_AGAIN_S = 1.0


@dataclass
class Rest:
    """What was used by whoever looked after the elections, in each window of `window_s`."""

    elections: int
    window_s: float
    windows: dict[str, list[Usage]] = field(default_factory=dict)

    @property
    def usage(self) -> dict[str, Usage]:
        """What was used on average."""
        return {who: mean(windows) for who, windows in self.windows.items()}


async def measure_rest(stage: Stage, terminal: Terminal, *, elections: int, window_s: float) -> Rest:
    """Measure each for so many seconds in all. kwok must not run: the pods are objects, and nothing else."""
    rest = Rest(elections, window_s / ROUNDS)
    with terminal.step(f"Making {elections} elections of {PODS} pods", f"Made {elections} elections of {PODS} pods"):
        await stage.make_namespace(NAMESPACE)
        await stage.make_bare_pods(NAMESPACE, names(elections))
        await stage.make_elections(NAMESPACE, names(elections))
        await asyncio.sleep(_CALM_S)

    async def look(who: str, **pids: int) -> None:
        windows = rest.windows.setdefault(who, [])
        with terminal.step(f"Measuring {who} at rest", lambda: f"At rest, {who}: {_brief(windows[-1])}"):
            windows.append(await measure(stage.api, {**stage.pids(), **pids}, for_s=rest.window_s))

    for _ in range(ROUNDS):
        await look(NOBODY)
        operator = stage.operator(NAMESPACE)
        try:
            with terminal.step("Starting the operator", "All elections are led"):
                await _start_ours(stage, operator, elections)
            await look(OURS, operator=operator.process.pid)
        finally:
            await asyncio.to_thread(operator.stop)
        peer = stage.peer(NAMESPACE)
        try:
            with terminal.step("Starting client-go", "All elections of client-go are led"):
                await _start_peer(stage, peer, elections)
            await look(PEER, peer=peer.pid)
        finally:
            await asyncio.to_thread(peer.stop)
        await asyncio.sleep(_CALM_S)
    return rest


def _brief(usage: Usage) -> str:
    return f"{usage.all_cores:.1%} of a core, {usage.all_requests:.1f} requests a second"


async def _start_ours(stage: Stage, operator: Operator, elections: int) -> None:
    watched = Elections(NAMESPACE)
    await watched.start(stage.api)
    try:
        operator.process.start()
        await asyncio.to_thread(operator.wait_until_ready)
        await watched.settle(elections, timeout_s=_START_TIMEOUT_S)
    finally:
        await watched.stop()
    await asyncio.sleep(_CALM_S)


async def _start_peer(stage: Stage, peer: Peer, elections: int) -> None:
    for name in names(elections):
        for number in range(PODS):
            peer.start_candidate(name, f"{name}-{number}")
    async with asyncio.timeout(_START_TIMEOUT_S):
        while await _labelled(stage) < elections:
            await asyncio.sleep(_ASK_AGAIN_S)
    await asyncio.sleep(_CALM_S)


async def _labelled(stage: Stage) -> int:
    found = await stage.api.request("GET", f"{pods_path(NAMESPACE)}?labelSelector={LABEL}%3D{LEADER}")
    return len(found["items"])
