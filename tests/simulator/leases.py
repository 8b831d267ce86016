"""A process's lease bucket: the modelled server behind a connection that can be lost, and a watch that can be blind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NoReturn, TypeVar

from model.bucket import ModelBucket
from simulator.link import Link
from simulator.loop import Loop
from simulator.world import World
from tenure.election.entry import Entry
from tenure.nats.store import BucketMissing, LeaseStore, OutcomeUnknown, Unavailable
from tenure.runtime.leases import ECHO_TIMEOUT_S, RETRY_MIN_S, Leases

Result = TypeVar("Result")


class SimulatedLeases(Leases):
    """`Leases` with another store, and another way to keep the bucket present and watched, to the same effect.

    Connections have numbers, a new one for each. A watch shows the entries of one bucket on one connection, in their
    order; it is blind for a bucket that was made again, and can fall silent without a word.
    """

    def __init__(self, world: World, loop: Loop, link: Link, bucket: ModelBucket) -> None:
        self._world = world
        self._loop = loop
        self._link = link
        self._model = bucket
        self._on_entry: list[Callable[[str, Entry, int], None]] = []
        self._on_connection: list[Callable[[int], None]] = []
        self.entries: dict[str, Entry] = {}
        self._being_written = {}
        self._count = lambda *_: None
        self._written_revision = 0
        self._watched_connection = 0
        self._served = _Store(self)
        self.usable_connection = 0
        self._connections = 0
        self._watches = 0
        self._watched_bucket = 0
        self._watch_is_silent = False
        self._last_entry_s = 0.0
        self._last_seen = 0
        self._looks_at_bucket = False
        self.end = bucket.listen(self._hear)
        """To be called when the process ends."""

    @property
    def connection(self) -> int:
        return self.usable_connection

    def connect(self) -> None:
        """Make a new connection, and a watch on it."""
        self._connections += 1
        number = self._connections
        self._tell_after(self._delay_s(), self._become_usable, number)

    def disconnect(self) -> None:
        """Lose the connection."""
        self._connections += 1
        self._watched_connection = 0
        self._loop.call_soon(self._set_usable, 0)

    def silence_watch(self) -> None:
        """Let the watch show nothing any more."""
        self._watch_is_silent = True

    def _open_store(self) -> LeaseStore:
        return self._served

    async def ask(self, serve: Callable[[ModelBucket], Result], timeout_s: float) -> Result:
        """Return what the server does, or raise TimeoutError when no answer comes."""
        number = self._connections
        async with asyncio.timeout(timeout_s):
            result = await self._link.ask(self._loop, lambda: serve(self._model), refused=_refuse)
            if number != self._connections:
                raise TimeoutError  # The answer came on a connection that is lost.
            return result

    def need(self, number: int) -> None:
        """Raise Unavailable unless the connection with this number is usable."""
        if not number or number != self.usable_connection:
            raise Unavailable("That connection is gone.")

    # The connection, the bucket and the watch

    def _delay_s(self) -> float:
        return self._world.delay_s(self._link.trouble.latency_s)

    def _tell_after(self, delay_s: float, tell: Callable[..., None], *arguments: object) -> None:
        def come() -> None:
            self._loop.call_soon(tell, *arguments)

        self._world.after(delay_s, come)

    def _become_usable(self, number: int) -> None:
        if number != self._connections:
            return
        if self._link.is_cut:
            self._loop.call_later(RETRY_MIN_S, self._become_usable, number)
            return
        self._model.make()
        self._begin_watch()
        self._set_usable(number)

    def _begin_watch(self) -> None:
        self._watches += 1
        self._watched_bucket = self._model.lives
        self._watch_is_silent = False
        self._watched_connection = self._connections
        self.entries.clear()
        self._last_seen = 0
        for key, entry in self._model.snapshot():
            self._see(self._watches, key, entry)

    def _hear(self, key: str, entry: Entry) -> None:
        if self._watch_is_silent or self._link.is_cut or self._watched_bucket != self._model.lives:
            return
        at_s = max(self._last_entry_s, self._world.now_s + self._delay_s())
        self._last_entry_s = at_s
        watch = self._watches
        self._tell_after(at_s - self._world.now_s, self._see, watch, key, entry)

    def _see(self, watch: int, key: str, entry: Entry) -> None:
        if watch != self._watches:
            return
        self._last_seen = max(self._last_seen, entry.revision)
        self._see_entry(key, entry)

    def expect_echo_of(self, revision: int) -> None:
        """Look in a while whether a write of our own has come back through the watch."""
        self._loop.call_later(ECHO_TIMEOUT_S, self._expect_echo, self._watches, revision)

    def _expect_echo(self, watch: int, revision: int) -> None:
        """Tell a dead watch by our own writes, which must come back through it."""
        if watch == self._watches and self._last_seen < revision and not self._link.is_cut and self._model.exists:
            self._begin_watch()

    def _doubt(self) -> None:
        """Look at the bucket, and make it when it is missing."""
        if not self._looks_at_bucket:
            self._looks_at_bucket = True
            self._tell_after(self._delay_s(), self._look, self._connections)

    def _look(self, number: int) -> None:
        self._looks_at_bucket = False
        if number == self._connections and not self._link.is_cut:
            self._model.make()
            if self._watched_bucket != self._model.lives:
                self._begin_watch()


class _Store:
    """The modelled server, as one process reaches it."""

    def __init__(self, leases: SimulatedLeases) -> None:
        self._leases = leases

    @property
    def connection(self) -> int:
        return self._leases.connection

    async def read(self, key: str, *, timeout_s: float) -> Entry:
        def serve(bucket: ModelBucket) -> Entry:
            if not bucket.exists:
                raise BucketMissing("The bucket does not exist.")
            return bucket.read(key)

        self._leases.need(self._leases.connection)
        try:
            return await self._leases.ask(serve, timeout_s)
        except TimeoutError:
            raise Unavailable(f"{key} was not read.") from None

    async def write(
        self,
        key: str,
        value: bytes | None,
        *,
        expected_revision: int,
        connection: int,
        timeout_s: float,
        ttl_s: int | None = None,
    ) -> int:
        def serve(bucket: ModelBucket) -> int:
            if not bucket.exists:
                raise Unavailable("Nobody serves the bucket.")
            return bucket.compare_and_set(key, value, expected_revision=expected_revision, ttl_s=ttl_s)

        self._leases.need(connection)
        try:
            revision = await self._leases.ask(serve, timeout_s)
        except TimeoutError:
            raise OutcomeUnknown(f"{key} may have been written.") from None
        self._leases.expect_echo_of(revision)
        return revision


def _refuse() -> NoReturn:
    raise Unavailable("Nobody serves the bucket.")
