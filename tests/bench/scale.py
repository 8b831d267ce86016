"""How start, rest and the loss of many leaders grow with the number of elections."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial

from bench.api import in_bulk
from bench.elections import Elections
from bench.processes import cpu_s, resident_mb
from bench.stage import PODS, Stage, names
from bench.usage import Usage, measure, requests_made
from cluster_support.kubernetes import pods_path
from cluster_support.operator_process import Operator
from cluster_support.scrape import Scrape
from demo.terminal import Terminal

_START_TIMEOUT_S = 900.0
_LOSS_TIMEOUT_S = 300.0
CALM_S = 15.0
"""After so long, what the start left to do has been done."""

_LATENESS = "tenure_lease_renewal_lateness_seconds_bucket"
_RENEWALS = "tenure_lease_renewal_lateness_seconds_count"


@dataclass
class Loss:
    """Leaders that were lost at once: their pods were deleted as fast as the API server takes it.

    `acknowledged_s` is how long that took, `replaced_s` how long until all elections had new leaders, both from the
    first request on; `each_s` has for each election how long it took after its own deletion was acknowledged. The
    mailboxes' depth is that of the moment in which the last deletion was acknowledged; `lateness` is that of the
    renewals meanwhile, as in `Size`.
    """

    leaders: int
    acknowledged_s: float
    replaced_s: float
    each_s: list[float]
    mailbox_depth: float
    lateness: dict[str, float]


@dataclass
class Size:
    """What was measured of one number of elections: nothing of what comes after a failure, which `failure` tells.

    Until all elections were led, `start_cpu_s` has the processor seconds of each process, `start_requests` the requests
    to the API server by verb and resource, and `start_renewals` how many leases fell due meanwhile. `lateness` has the
    renewals in the window at rest, by the bound in seconds that they were not later than (`+Inf` for the rest of them).
    """

    elections: int
    made_s: float | None = None
    started_s: float | None = None
    start_cpu_s: dict[str, float] = field(default_factory=dict)
    start_requests: dict[str, int] = field(default_factory=dict)
    start_renewals: int | None = None
    resident_mb: float | None = None
    rest: Usage = field(default_factory=Usage)
    lateness: dict[str, float] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)
    failure: str = ""


async def measure_size(stage: Stage, terminal: Terminal, size: Size, *, window_s: float, losses: Sequence[int]) -> None:
    """Fill in one size, in a namespace of its own. kwok must not run: the pods are objects, and nothing else.

    Of `losses`, the numbers of leaders that are lost at once, those count that are no more than the elections.
    """
    elections = size.elections
    namespace = f"bench-{elections}"
    began_s = time.monotonic()
    with terminal.step(f"Making {elections} elections of {PODS} pods", f"Made {elections} elections of {PODS} pods"):
        await stage.make_namespace(namespace)
        await stage.make_bare_pods(namespace, names(elections))
        await stage.make_elections(namespace, names(elections))
    size.made_s = time.monotonic() - began_s
    async with AsyncExitStack() as stack:
        operator = stage.operator(namespace)
        stack.push_async_callback(asyncio.to_thread, operator.stop)
        watched = Elections(namespace)
        await watched.start(stage.api)
        stack.push_async_callback(watched.stop)
        with terminal.step("Starting the operator", lambda: f"All are led, labelled and in status: {_brief(size)}"):
            await _start(stage, operator, watched, size)
        with terminal.step("Measuring it at rest", lambda: f"At rest: {size.rest.cores['operator']:.1%} of a core"):
            await _rest(stage, operator, size, window_s=window_s)
        for leaders in losses:
            if leaders <= elections:
                done = f"{leaders} leaders have been replaced"
                with terminal.step(f"Losing {leaders} leaders at once", done):
                    size.losses.append(await _lose(stage, operator, namespace, watched, leaders))


def _brief(size: Size) -> str:
    assert size.started_s is not None
    assert size.resident_mb is not None
    return f"{size.started_s:.1f} s, {size.resident_mb:.0f} MB"


async def _start(stage: Stage, operator: Operator, watched: Elections, size: Size) -> None:
    made = await requests_made(stage.api)
    before_s = cpu_s(stage.pids())
    began_s = time.monotonic()
    operator.process.start()
    size.started_s = await watched.settle(size.elections, timeout_s=_START_TIMEOUT_S) - began_s
    used_s = cpu_s({**stage.pids(), "operator": operator.process.pid})
    size.start_cpu_s = {name: seconds - before_s.get(name, 0.0) for name, seconds in used_s.items()}
    size.start_requests = dict(await requests_made(stage.api) - made)
    size.start_renewals = round((await asyncio.to_thread(operator.metrics)).value(_RENEWALS))
    await asyncio.sleep(CALM_S)
    size.resident_mb = resident_mb(operator.process.pid)


async def _rest(stage: Stage, operator: Operator, size: Size, *, window_s: float) -> None:
    before = await asyncio.to_thread(operator.metrics)
    size.rest = await measure(stage.api, {**stage.pids(), "operator": operator.process.pid}, for_s=window_s)
    size.lateness = _between(before, await asyncio.to_thread(operator.metrics))


def _between(before: Scrape, after: Scrape) -> dict[str, float]:
    """Return what was counted between two scrapes, by bound: of each, what the bound below it does not have."""
    cumulative = [
        (labels["le"], value - before.value(_LATENESS, **labels)) for labels, value in after.series(_LATENESS)
    ]
    smaller = itertools.chain([0.0], (count for _, count in cumulative))
    return {bound: count - below for (bound, count), below in zip(cumulative, smaller, strict=False)}


async def _lose(stage: Stage, operator: Operator, namespace: str, watched: Elections, leaders: int) -> Loss:
    lost: Mapping[str, str] = dict(itertools.islice(watched.leaders.items(), leaders))
    acknowledged_s: dict[str, float] = {}

    async def delete(election: str, pod: str) -> None:
        await stage.api.request("DELETE", pods_path(namespace, pod))
        acknowledged_s[election] = time.monotonic()

    before = await asyncio.to_thread(operator.metrics)
    replaced = watched.all_replaced(lost)
    began_s = time.monotonic()
    await in_bulk(partial(delete, election, pod) for election, pod in lost.items())
    depth = (await asyncio.to_thread(operator.metrics)).value("tenure_mailbox_depth")
    replaced_s = await replaced.wait(_LOSS_TIMEOUT_S) - began_s
    lateness = _between(before, await asyncio.to_thread(operator.metrics))
    each_s = [watched.replaced_at_s[election] - at_s for election, at_s in acknowledged_s.items()]
    return Loss(leaders, max(acknowledged_s.values()) - began_s, replaced_s, each_s, depth, lateness)
