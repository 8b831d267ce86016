"""The lease bucket, kept usable: connected, present, and watched."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from copy import copy

from tenure.election.entry import Entry
from tenure.nats.bucket import BucketRefused, BucketSettings, ensure_bucket
from tenure.nats.connection import NatsConnection, NatsSettings
from tenure.nats.inspection import Inspection, inspect
from tenure.nats.jetstream import JetStreamLeaseStore
from tenure.nats.store import LeaseStore, OutcomeUnknown, StoreError, Unavailable, WrongRevision
from tenure.nats.watch import BucketWatch

logger = logging.getLogger(__name__)

SNAPSHOT_TIMEOUT_S = 2.0
"""How long elections wait for the watch to show what is there before they read for themselves."""

RETRY_MIN_S = 0.2
RETRY_MAX_S = 2.0

ECHO_TIMEOUT_S = 6.0
"""A watch through which our own writes have not come back for so long is dead, whatever it says (two intervals)."""

INSPECTION_INTERVAL_S = 2.0
INSPECTION_TIMEOUT_S = 1.0


class Leases:
    """The store, the watch behind it, and the last entry of each key that either has shown.

    The watch is of all keys (`>`), or of the one that `keys` names.

    What happens is told to those that `listen`. `count(operation, result)` is called for each request, with the words
    of `metrics.REQUEST_RESULTS`.
    """

    def __init__(
        self,
        nats: NatsSettings,
        bucket: BucketSettings,
        *,
        keys: str = ">",
        count: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        self._nats = NatsConnection(nats)
        self._count = count
        self.entries: dict[str, Entry] = {}
        self._being_written: dict[str, bytes | None] = {}
        self.usable_connection = 0
        self._bucket = bucket
        self._on_entry: list[Callable[[str, Entry, int], None]] = []
        self._on_connection: list[Callable[[int], None]] = []
        self._store: JetStreamLeaseStore | None = None
        self._watch = BucketWatch(
            self._nats,
            bucket.name,
            keys=keys,
            on_entry=self._see_entry,
            on_snapshot_done=self._end_snapshot,
            on_broken=self._break_watch,
        )
        self._watched_connection = 0
        self._snapshot_done = asyncio.Event()
        self._wake = asyncio.Event()
        self._written_revision = 0
        self._echo_missing_for_s = 0.0
        self._is_doubtful = False
        self._keeper: asyncio.Task[None] | None = None
        self._inspecting = asyncio.Lock()
        self._inspection: Inspection | StoreError = Unavailable("NATS has not been looked at yet.")
        self._inspected_at_s = float("-inf")
        self._nats.on_connected(lambda _: self._wake.set())
        self._nats.on_disconnected(self._lose_connection)

    @property
    def connection(self) -> int:
        """See `LeaseStore.connection`."""
        return self._nats.connection

    def listen(self, *, on_entry: Callable[[str, Entry, int], None], on_connection: Callable[[int], None]) -> None:
        """From now on call `on_entry(key, entry, connection)` for each entry that the watch shows.

        What is written here comes back through the watch as well, and is not told: whoever writes learns it by the
        answer. Only if none comes, what the watch has shown of that write is told.

        `on_connection(number)` is called when the bucket can be used on a new connection, and with 0 when on none any
        more. What was before stands in `entries` and `usable_connection`.
        """
        self._on_entry.append(on_entry)
        self._on_connection.append(on_connection)

    async def start(self) -> None:
        """Connect and make the bucket; from then on trouble is retried.

        Raises BucketRefused, and Unavailable when there is no NATS or no JetStream yet: call it again then.
        """
        await self._nats.connect()
        facts = await ensure_bucket(self._nats.session(), self._bucket)
        for warning in facts.warnings:
            logger.warning(warning)
        self._store = JetStreamLeaseStore(self._nats, facts)
        self._wake.set()
        self._keeper = asyncio.create_task(self._keep(), name="keeper of the lease bucket")

    async def close(self) -> None:
        """Stop watching and end the connection."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper}, timeout=1.0)
        if self._nats.connection:
            try:
                async with asyncio.timeout(0.5):
                    await self._watch.stop()
            except (TimeoutError, StoreError):
                pass  # The server drops the consumer by itself.
        await self._nats.close()

    async def inspect(self) -> Inspection:
        """Look at the server and the bucket. Raises StoreError.

        Whoever asks within `INSPECTION_INTERVAL_S` of another gets the same answer, so that asking costs nothing.
        """
        async with self._inspecting:
            if time.monotonic() >= self._inspected_at_s + INSPECTION_INTERVAL_S:
                try:
                    self._inspection = await inspect(self._nats.session(), self._bucket, timeout_s=INSPECTION_TIMEOUT_S)
                except StoreError as error:
                    self._inspection = error
                self._inspected_at_s = time.monotonic()
            seen = self._inspection
        if not isinstance(seen, Inspection):
            raise copy(seen) from seen  # One that is raised again and again grows by a traceback each time.
        return seen

    async def read(self, key: str, *, timeout_s: float) -> Entry:
        """See `LeaseStore.read`."""
        try:
            entry = await self._open_store().read(key, timeout_s=timeout_s)
        except Unavailable:
            self._count("read", "unavailable")
            self._doubt()
            raise
        self._count("read", "ok")
        return entry

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
        """See `LeaseStore.write`, and `listen`."""
        self._being_written[key] = value
        try:
            revision = await self._open_store().write(
                key, value, expected_revision=expected_revision, connection=connection, timeout_s=timeout_s, ttl_s=ttl_s
            )
        except StoreError as error:
            echo = self.entries.get(key)
            if echo is not None and value is not None and echo.value == value:
                self._tell(key, echo)
            self._count("write", _result_of(error))
            if isinstance(error, Unavailable):
                self._doubt()
            raise
        finally:
            self._being_written.pop(key, None)
        self._count("write", "ok")
        self._written_revision = max(self._written_revision, revision)
        seen = self.entries.get(key)
        if connection == self._watched_connection and (seen is None or seen.revision < revision):
            self.entries[key] = Entry(revision, value, written_at_s=None)
        return revision

    def _doubt(self) -> None:
        self._is_doubtful = True
        self._wake.set()

    def _open_store(self) -> LeaseStore:
        if self._store is None:
            raise Unavailable("The lease bucket has not been opened yet.")
        return self._store

    def _see_entry(self, key: str, entry: Entry) -> None:
        seen, self.entries[key] = self.entries.get(key), entry
        is_answered = seen is not None and (seen.revision, seen.value) == (entry.revision, entry.value)
        is_being_written = entry.value is not None and entry.value == self._being_written.get(key)
        if not is_answered and not is_being_written:
            self._tell(key, entry)

    def _tell(self, key: str, entry: Entry) -> None:
        if self.usable_connection == self._watched_connection:
            for tell in self._on_entry:
                tell(key, entry, self._watched_connection)

    def _end_snapshot(self) -> None:
        self._snapshot_done.set()

    def _break_watch(self, reason: str) -> None:
        logger.info("The watch of the bucket is made anew: %s", reason)
        self._watched_connection = 0
        self._wake.set()

    def _lose_connection(self) -> None:
        self._watched_connection = 0
        self._set_usable(0)

    def _set_usable(self, connection: int) -> None:
        if connection != self.usable_connection:
            self.usable_connection = connection
            for tell in self._on_connection:
                tell(connection)

    async def _keep(self) -> None:
        """Restore what is missing, at once when told to, and look by itself every second."""
        retry_s = RETRY_MIN_S
        while True:
            try:
                async with asyncio.timeout(1.0):
                    await self._wake.wait()
            except TimeoutError:
                self._check_echo()
            self._wake.clear()
            number = self._nats.connection
            if not number or not (self._is_doubtful or self._watched_connection != number):
                continue
            try:
                await self._restore(number)
            except (StoreError, BucketRefused) as error:
                logger.warning("The lease bucket cannot be used: %s", error)
            except Exception:
                logger.exception("The lease bucket could not be looked at")
            else:
                retry_s = RETRY_MIN_S
                continue
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, RETRY_MAX_S)
            self._wake.set()

    async def _restore(self, number: int) -> None:
        """Make the bucket if it is missing, and watch it on this connection if nothing does yet."""
        self._is_doubtful = False
        facts = await ensure_bucket(self._nats.session(number), self._bucket)
        assert self._store is not None
        if facts.created_at_s != self._store.bucket.created_at_s:
            logger.warning("The lease bucket %s is another one than before: it was lost, and made again", facts.name)
            self._watched_connection = 0
        self._store.bucket = facts
        try:
            if self._watched_connection != number:
                await self._start_watch(number)
        finally:
            # With or without a watch: after the loss of a server, reads and writes may work long before a watch does.
            if self.connection == number:
                self._set_usable(number)

    async def _start_watch(self, number: int) -> None:
        self._snapshot_done.clear()
        self.entries.clear()  # What was seen on another connection may be another bucket's.
        self._watched_connection = number
        self._written_revision = 0
        try:
            await self._watch.start(number)
            async with asyncio.timeout(SNAPSHOT_TIMEOUT_S):
                await self._snapshot_done.wait()
        except TimeoutError:
            logger.warning("The watch of the bucket has not shown all of it within %g s", SNAPSHOT_TIMEOUT_S)
        except BaseException:
            self._watched_connection = 0
            raise

    def _check_echo(self) -> None:
        """Tell a dead watch by our own writes, which must come back through it."""
        if not self._watched_connection or self._watch.last_sequence >= self._written_revision:
            self._echo_missing_for_s = 0.0
            return
        self._echo_missing_for_s += 1.0
        if self._echo_missing_for_s >= ECHO_TIMEOUT_S:
            self._echo_missing_for_s = 0.0
            self._break_watch("our own writes do not come back through it")


def _result_of(error: StoreError) -> str:
    match error:
        case WrongRevision():
            return "wrong_revision"
        case OutcomeUnknown():
            return "unknown"
        case _:
            return "unavailable"
