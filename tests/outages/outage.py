"""What is taken away, one thing at a time, and given back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from chaos.stage import BUCKET, Stage
from cluster_support import Bucket, Operator
from environment import EnvironmentFailed


@dataclass(frozen=True, slots=True)
class Outage:
    """`broken(stage)` breaks it on entry and mends it on exit.

    It is mended after `lasts_s` seconds, or, where that is 0, when the election that lost its leader has another one.
    """

    name: str
    broken: Callable[[Stage], AbstractAsyncContextManager[None]]
    lasts_s: float = 0.0


def acting(stage: Stage) -> Operator:
    """Return the operator that acts. Raises EnvironmentFailed when none does."""
    for operator in stage.operators.values():
        if operator.readiness()[0] == 200 and operator.metrics().value("tenure_operator_leader") == 1:
            return operator
    raise EnvironmentFailed("No operator acts.")


@asynccontextmanager
async def _nothing(_: Stage) -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def _operator_killed(stage: Stage) -> AsyncIterator[None]:
    operator = acting(stage)
    await asyncio.to_thread(operator.kill)
    yield
    await asyncio.to_thread(operator.start)


@asynccontextmanager
async def _operator_stopped(stage: Stage) -> AsyncIterator[None]:
    operator = acting(stage)
    ending = asyncio.create_task(stage.end(operator), name="end of an operator")
    yield
    await ending
    await asyncio.to_thread(operator.start)


@asynccontextmanager
async def _operators_updated(stage: Stage) -> AsyncIterator[None]:
    async def update() -> None:
        for operator in stage.operators.values():
            await stage.end(operator)
            await asyncio.to_thread(operator.start)

    updating = asyncio.create_task(update(), name="update of the operators")
    yield
    await updating


@asynccontextmanager
async def _operators_away(stage: Stage) -> AsyncIterator[None]:
    for operator in stage.operators.values():
        await asyncio.to_thread(operator.kill)
    yield
    for operator in stage.operators.values():
        operator.start(wait=False)


@asynccontextmanager
async def _operator_halted(stage: Stage) -> AsyncIterator[None]:
    operator = acting(stage)
    operator.pause()
    yield
    operator.resume()


@asynccontextmanager
async def _cut_off_from_api(stage: Stage) -> AsyncIterator[None]:
    road = stage.roads_to_api[_name_of(stage, acting(stage))]
    road.cut()
    yield
    road.open()


@asynccontextmanager
async def _cut_off_from_nats(stage: Stage) -> AsyncIterator[None]:
    roads = stage.roads_to_nats[_name_of(stage, acting(stage))]
    for road in roads:
        road.cut()
    yield
    for road in roads:
        road.open()


def _name_of(stage: Stage, operator: Operator) -> str:
    return next(name for name, one in stage.operators.items() if one is operator)


@asynccontextmanager
async def _nats_leader_killed(stage: Stage) -> AsyncIterator[None]:
    server = stage.servers[await asyncio.to_thread(Bucket(stage.nats_urls[0], BUCKET).leader)]
    await asyncio.to_thread(server.kill)
    yield
    await asyncio.to_thread(server.start)


@asynccontextmanager
async def _nats_away(stage: Stage) -> AsyncIterator[None]:
    servers = list(stage.servers.values())
    await asyncio.gather(*(asyncio.to_thread(server.kill) for server in servers))
    yield
    for server in servers:
        server.launch()
    await asyncio.gather(*(asyncio.to_thread(server.wait_until_ready) for server in servers))


@asynccontextmanager
async def _api_restarted(stage: Stage) -> AsyncIterator[None]:
    """It answers again on entry already: while it is away, nobody loses a leader."""
    control_plane = stage.environment.control_plane
    await asyncio.to_thread(control_plane.api_server.kill)
    await asyncio.to_thread(control_plane.start_api_server)
    yield


OUTAGES = (
    Outage("nothing is away", _nothing),
    Outage("the operator that acts is killed", _operator_killed),
    Outage("the operator that acts is stopped", _operator_stopped),
    Outage("the operators are stopped and started, one after the other", _operators_updated),
    Outage("the operator that acts cannot reach the API", _cut_off_from_api),
    Outage("the operator that acts cannot reach NATS", _cut_off_from_nats),
    Outage("the operator that acts is halted for 30 s", _operator_halted, lasts_s=30.0),
    Outage("all operators are away for 30 s", _operators_away, lasts_s=30.0),
    Outage("the NATS server that leads the bucket is killed", _nats_leader_killed),
    Outage("all NATS servers are away for 30 s", _nats_away, lasts_s=30.0),
    Outage("the API server was killed, and answers again", _api_restarted),
)
