"""Faults carried out, each with its own mending, at the times of the plan."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from chaos.history import History, Injected
from chaos.leadership import State
from chaos.plan import LEADER, Fault, Kind
from chaos.stage import Stage
from cluster_support.kubernetes import Refused
from cluster_support.operator_process import Operator
from environment import EnvironmentFailed, NatsServer
from environment.proxy import Proxy

_API_ATTEMPTS = 200
_ASK_AGAIN_S = 0.3


class Injector:
    """Breaks and mends, and writes down what was broken. Nothing is broken twice at once: the second waits."""

    def __init__(self, stage: Stage, history: History, now_s: Callable[[], float], state: Callable[[], State]) -> None:
        self._stage = stage
        self._history = history
        self._now_s = now_s
        self._state = state
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def is_at_work_on(self, target: str) -> bool:
        """Whether something is being done to it, or is about to be."""
        return self._locks[target].locked()

    async def carry_out(self, faults: Sequence[Fault]) -> None:
        """Inject all of them at their times from now on, and return when all are mended."""
        began_s = self._now_s()
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                group.create_task(self._inject(fault, began_s + fault.at_s), name=fault.kind)

    async def _inject(self, fault: Fault, at_s: float) -> None:
        await asyncio.sleep(max(0.0, at_s - self._now_s()))
        target = self._find_pod(*fault.targets) if fault.kind.is_of_pods else " ".join(fault.targets)
        if target is None:
            return  # That pod is on its way out already.
        async with contextlib.AsyncExitStack() as locks:
            for one in () if fault.kind.is_of_pods else fault.targets:
                await locks.enter_async_context(self._locks[one])
            async with self._broken(fault, target):
                injected_s = self._now_s()
                await asyncio.sleep(fault.lasts_s)
            self._history.faults.append(Injected(fault.kind, target, injected_s, self._now_s()))

    def _find_pod(self, election: str, whom: str) -> str | None:
        pods = [pod for pod in self._state().pods[election].values() if not pod.terminating]
        if whom == LEADER:
            pods.sort(key=lambda pod: pod.role(election) != LEADER)
        else:
            pods = [pod for pod in pods if pod.name == f"{election}-{whom}"]
        return pods[0].name if pods else None

    def _broken(self, fault: Fault, target: str) -> AbstractAsyncContextManager[None]:
        """Break it on entry, and mend it on exit."""
        stage = self._stage
        match fault.kind:
            case Kind.POD_DELETE:
                return self._deleted(target)
            case Kind.POD_UNREADY:
                return self._unready(target)
            case Kind.API_RESTART:
                return self._api_server_down()
            case Kind.OPERATOR_KILL | Kind.OPERATOR_RESTART | Kind.OPERATOR_PAUSE:
                return self._operator_broken(fault.kind, target)
            case Kind.NATS_KILL | Kind.NATS_STOP | Kind.NATS_PAUSE | Kind.NATS_OUTAGE:
                return _servers_broken(fault.kind, [stage.servers[name] for name in fault.targets])
            case Kind.NATS_CUT | Kind.NATS_BLOCK | Kind.NATS_SLOW:
                return _roads_broken(fault, stage.roads_to_nats[target])
            case Kind.API_CUT | Kind.API_BLOCK | Kind.API_SLOW:
                return _roads_broken(fault, [stage.roads_to_api[target]])

    def _operator_broken(self, kind: Kind, name: str) -> AbstractAsyncContextManager[None]:
        if kind is Kind.OPERATOR_PAUSE:
            return _paused(self._stage.operators[name])
        return self._operator_down(name, killed=kind is Kind.OPERATOR_KILL)

    @asynccontextmanager
    async def _operator_down(self, name: str, *, killed: bool) -> AsyncIterator[None]:
        operator = self._stage.operators[name]
        try:
            if killed:
                await asyncio.to_thread(operator.kill)
            else:
                await self._stage.end(operator)
        except EnvironmentFailed as error:
            self._history.complaints.append(str(error))
        try:
            yield
        finally:
            operator.start(wait=False)

    @asynccontextmanager
    async def _api_server_down(self) -> AsyncIterator[None]:
        control_plane = self._stage.environment.control_plane
        await asyncio.to_thread(control_plane.api_server.kill)
        try:
            yield
        finally:
            await asyncio.to_thread(control_plane.start_api_server)

    @asynccontextmanager
    async def _deleted(self, name: str) -> AsyncIterator[None]:
        await self._insist(lambda: self._stage.delete_pod(name))
        yield

    @asynccontextmanager
    async def _unready(self, name: str) -> AsyncIterator[None]:
        await self._insist(lambda: self._stage.set_ready(name, ready=False))
        try:
            yield
        finally:
            await self._insist(lambda: self._stage.set_ready(name, ready=True))

    @staticmethod
    async def _insist(request: Callable[[], None]) -> None:
        """Ask the API server until it does so: it may be broken as well."""
        for _ in range(_API_ATTEMPTS):
            try:
                return await asyncio.to_thread(request)
            except OSError:
                pass
            except Refused as refused:
                if refused.status < 500 and refused.status not in (409, 429):
                    raise
            await asyncio.sleep(_ASK_AGAIN_S)
        raise EnvironmentFailed(f"The API server did not do what it was asked to, {_API_ATTEMPTS} times.")


def _servers_broken(kind: Kind, servers: Sequence[NatsServer]) -> AbstractAsyncContextManager[None]:
    if kind is Kind.NATS_PAUSE:
        return _paused(servers[0])
    return _servers_down(servers, NatsServer.stop if kind is Kind.NATS_STOP else NatsServer.kill)


@asynccontextmanager
async def _servers_down(servers: Sequence[NatsServer], end: Callable[[NatsServer], None]) -> AsyncIterator[None]:
    await asyncio.gather(*(asyncio.to_thread(end, server) for server in servers))
    try:
        yield
    finally:
        for server in servers:
            server.launch()


@asynccontextmanager
async def _paused(process: NatsServer | Operator) -> AsyncIterator[None]:
    await asyncio.to_thread(process.pause)
    try:
        yield
    finally:
        process.resume()


@asynccontextmanager
async def _roads_broken(fault: Fault, roads: Sequence[Proxy]) -> AsyncIterator[None]:
    for road in roads:
        match fault.kind:
            case Kind.NATS_CUT | Kind.API_CUT:
                road.cut()
            case Kind.NATS_BLOCK | Kind.API_BLOCK:
                road.block()
            case _:
                road.slow_down(fault.delay_s)
    try:
        yield
    finally:
        for road in roads:
            road.open()
