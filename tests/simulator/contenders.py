"""Nodes that contend for the key of the Go library's bucket: candidates of ours, and nodes in Go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar, NoReturn, TypeVar
from unittest.mock import patch

import nats.errors
from nats.js.errors import ServiceUnavailableError

from model.bucket import ModelBucket
from model.go_bucket import ModelGoBucket, Request
from model.go_node import BUCKET, KEY, GoElection
from simulator.leases import SimulatedLeases
from simulator.link import Link, Trouble
from simulator.loop import Loop
from simulator.world import World
from tenure.candidate import Candidate, ElectionConfig, candidate
from tenure.election.entry import Entry
from tenure.election.record import LeaseRecord, parse
from tenure.nats.settings import NatsSettings
from tenure.nats.store import Unavailable

LEASE_S = 15

GO_TIMEOUT_S = 5.0
"""How long the NATS client of a node in Go waits for an answer."""

RATE_ERROR = 0.005
"""By how much the clock of a candidate may run too fast or too slow."""

Answer = TypeVar("Answer")


@dataclass
class Ground:
    """What the nodes have in common. `go_skew_s` is by how much the wall clocks of those in Go are ahead."""

    world: World
    bucket: ModelBucket
    python_trouble: Trouble
    go_trouble: Trouble
    go_skew_s: float
    go_is_deleting: bool = field(default=False, init=False)


def term_of(entry: Entry) -> int:
    """Return the term of the record that stands there, 0 for none."""
    record = parse(entry.value) if entry.value is not None else None
    return record.term if isinstance(record, LeaseRecord) else 0


class _Leases(SimulatedLeases):
    """The connection of one candidate, which notes the highest term that it has shown."""

    highest_term = 0

    async def start(self) -> None:
        self.listen(on_entry=lambda _, entry, __: self._note(entry), on_connection=lambda _: None)
        self.connect()

    async def close(self) -> None:
        self.disconnect()

    async def read(self, key: str, *, timeout_s: float) -> Entry:
        entry = await super().read(key, timeout_s=timeout_s)
        self._note(entry)
        return entry

    async def write(self, key: str, value: bytes | None, **how: Any) -> int:
        revision = await super().write(key, value, **how)
        self._note(Entry(revision, value, None))
        return revision

    def _note(self, entry: Entry) -> None:
        self.highest_term = max(self.highest_term, term_of(entry))


class PythonNode:
    """A whole `Candidate`, on a loop and a connection that are simulated."""

    kind: ClassVar = "python"

    def __init__(self, ground: Ground, name: str) -> None:
        world = ground.world
        self.name = name
        self.link = Link(world, ground.python_trouble)
        offset_s, rate = world.random.uniform(0, 1e6), 1.0 + world.random.uniform(-RATE_ERROR, RATE_ERROR)
        self.loop = Loop(world, offset_s=offset_s, rate=rate, skew_s=0.0)  # type: ignore[abstract]
        self.leases = _Leases(world, self.loop, self.link, ground.bucket)
        with patch.object(candidate, "Leases", lambda *_, **__: self.leases):
            self.candidate = Candidate(
                name, key=KEY, bucket=BUCKET, nats=NatsSettings(urls=("nats://nats:4222",)), config=ElectionConfig()
            )
        self.writer = self.candidate._candidacy._name
        self.loop.call_soon(lambda: self.loop.create_task(self.candidate.start()))

    @property
    def is_leader(self) -> bool:
        """What it would say at this moment, halted or not."""
        return self.candidate._leadership(self.loop.now()).led_term is not None

    def resign(self, then: Callable[[], None]) -> None:
        """End in good order."""
        self.loop.call_soon(lambda: self.loop.create_task(self._stop(then)))

    async def _stop(self, then: Callable[[], None]) -> None:
        await self.candidate.stop()
        then()

    def kill(self) -> None:
        """End at once; what is on its way to the server still arrives."""
        self.loop.end()
        self.leases.end()

    def mend(self) -> None:
        """Mend the link; the connection that was on it is replaced."""
        self.link.is_cut = False
        self.leases.disconnect()
        self.leases.connect()


class GoNode:
    """A node that runs the Go library. The module `mixed_cluster` says what never happens to one, and why."""

    kind: ClassVar = "go"

    def __init__(self, ground: Ground, name: str) -> None:
        self.name = name
        self._ground = ground
        self._world = ground.world
        self._link = Link(ground.world, ground.go_trouble)
        self.loop = Loop(ground.world, offset_s=0.0, rate=1.0, skew_s=ground.go_skew_s)  # type: ignore[abstract]
        self.election = GoElection(
            name,
            lease_timeout_s=LEASE_S,
            heartbeat_interval_s=3.0,
            election_timeout_s=2.0,
            clock_ns=lambda: int(self.loop.now().wall_s * 1e9),
        )
        self.election.bucket = ModelGoBucket(ground.bucket, self._ask)
        self._last_shown_s = 0.0
        self._unlisten = ground.bucket.listen(lambda _, entry: self._show(entry))
        for _, entry in ground.bucket.snapshot():
            self._show(entry)
        self.loop.call_soon(self._begin)

    @property
    def is_leader(self) -> bool:
        return self.election.is_leader

    def resign(self, then: Callable[[], None]) -> None:
        """End in good order."""
        self.loop.call_soon(lambda: self.loop.create_task(self._stop(then)))

    def kill(self) -> None:
        """End at once; what is on its way to the server still arrives."""
        self.loop.end()
        self._unlisten()

    def _begin(self) -> None:
        self._loops = [self.loop.create_task(one()) for one in (self.election.campaign, self.election.keep_renewing)]

    async def _stop(self, then: Callable[[], None]) -> None:
        for one in self._loops:
            one.cancel()
        with suppress(nats.errors.Error, ServiceUnavailableError):
            await self.election.resign()
        then()

    def _show(self, entry: Entry) -> None:
        """Bring an entry of the watch, in its order."""
        self._last_shown_s = max(self._last_shown_s, self._world.now_s + self._world.delay_s(0.002))
        self._after(self._last_shown_s - self._world.now_s, lambda: self.election.see(entry.value))

    def _after(self, delay_s: float, do: Callable[[], None]) -> None:
        """Have the node do something later, if there is one yet."""

        def come() -> None:
            self.loop.call_soon(do)

        self._world.after(delay_s, come)

    async def _ask(self, request: Request, serve: Callable[[], Answer]) -> Answer:
        try:
            async with asyncio.timeout(GO_TIMEOUT_S):
                match request:
                    case Request.READ if not self.is_leader:
                        return await self._answered(serve)
                    case Request.DELETE:
                        return await self._answered(lambda: self._delete(serve), answer_s=0.0)
                    case _:
                        return await self._link.ask(self.loop, serve, refused=_refuse)
        except TimeoutError:
            raise nats.errors.TimeoutError from None
        except Unavailable:
            raise ServiceUnavailableError from None

    def _answered(self, serve: Callable[[], Answer], *, answer_s: float | None = None) -> asyncio.Future[Answer]:
        answer: asyncio.Future[Answer] = self.loop.create_future()
        world = self._world

        def come() -> None:
            served = serve()
            delay_s = world.delay_s(0.002) if answer_s is None else answer_s
            self._after(delay_s, lambda: None if answer.done() else answer.set_result(served))

        world.after(world.delay_s(0.002), come)
        return answer

    def _delete(self, serve: Callable[[], Answer]) -> Answer:
        self._ground.go_is_deleting = True
        try:
            return serve()
        finally:
            self._ground.go_is_deleting = False


def _refuse() -> NoReturn:
    raise Unavailable("Nobody serves the bucket.")
