"""The modelled lease store: the port that the runtime uses, and the failures that a network adds.

Nothing here waits: a call that would time out fails at once. What happens depends on the calls alone.
"""

from __future__ import annotations

import contextlib
import enum
from collections import deque
from collections.abc import Callable

from model.bucket import ModelBucket
from tenure.election.entry import Entry
from tenure.nats.store import BucketMissing, OutcomeUnknown, Unavailable, WrongRevision, check_key


class Fault(enum.Enum):
    """What becomes of one write."""

    REFUSED = "refused"
    """The server says that it did not serve it: Unavailable."""

    LOST = "lost"
    """It never arrives: OutcomeUnknown."""

    UNANSWERED = "unanswered"
    """It is applied, or refused for its revision, and the answer never arrives: OutcomeUnknown."""

    LATE = "late"
    """OutcomeUnknown now; it arrives at the next `ModelBucket.deliver_late_writes`."""


class ModelLeaseStore:
    """`LeaseStore` on a ModelBucket, for one operator: it has a connection of its own, and faults of its own.

    It is connected from the start, with number 1. `on_connected` and `on_disconnected` are as in `NatsConnection`.
    """

    def __init__(self, bucket: ModelBucket) -> None:
        self.bucket = bucket
        self.faults: deque[Fault | None] = deque()
        """What becomes of the next writes, in turn; None is a write that goes well, as those after the last do."""
        self.reads_to_fail = 0
        """How many of the next reads raise Unavailable."""
        self._number = 1
        self._connected = True
        self._paused = False
        self._when_connected: list[Callable[[int], None]] = []
        self._when_disconnected: list[Callable[[], None]] = []

    @property
    def connection(self) -> int:
        return self._number if self._connected else 0

    @property
    def paused(self) -> bool:
        """Whether the server is halted, as this store sees it."""
        return self._paused

    async def read(self, key: str, *, timeout_s: float) -> Entry:
        check_key(key)
        self._need_connection()
        if self.reads_to_fail > 0 or self._paused:
            self.reads_to_fail = max(0, self.reads_to_fail - 1)
            raise Unavailable(f"No answer within {timeout_s:g} s.")
        if not self.bucket.exists:
            raise BucketMissing("The bucket does not exist.")
        return self.bucket.read(key)

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
        check_key(key)
        self._need_connection(connection)
        fault = self.faults.popleft() if self.faults else None
        if self._paused:
            fault = Fault.LATE
        if fault is Fault.REFUSED or (fault is None and not self.bucket.exists):
            raise Unavailable("Nobody serves the bucket.")

        def apply() -> int:
            return self.bucket.compare_and_set(key, value, expected_revision=expected_revision, ttl_s=ttl_s)

        if fault is None:
            return apply()
        if fault is Fault.LATE:
            self.bucket.keep_for_later(apply)
        if fault is Fault.UNANSWERED:
            with contextlib.suppress(WrongRevision):
                apply()
        raise OutcomeUnknown(f"No answer within {timeout_s:g} s.")

    def on_connected(self, callback: Callable[[int], None]) -> None:
        self._when_connected.append(callback)

    def on_disconnected(self, callback: Callable[[], None]) -> None:
        self._when_disconnected.append(callback)

    def disconnect(self) -> None:
        """Lose the connection; watches fall silent."""
        if self._connected:
            self._connected = False
            for callback in self._when_disconnected:
                callback()

    def reconnect(self) -> None:
        """Get a connection with the next number."""
        assert not self._connected, "disconnect first"
        self._number += 1
        self._connected = True
        for callback in self._when_connected:
            callback(self._number)

    def pause(self) -> None:
        """Halt the server: writes arrive when it goes on, reads get no answer, watches are silent."""
        self._paused = True

    def resume(self) -> None:
        """Let the server go on: it finds the writes that were sent meanwhile."""
        self._paused = False
        self.bucket.deliver_late_writes()

    def _need_connection(self, number: int | None = None) -> None:
        if not self._connected:
            raise Unavailable("There is no connection.")
        if number is not None and number != self._number:
            raise Unavailable(f"Connection {number} is gone; the present one is {self._number}.")


class ModelWatch:
    """`BucketWatch` on a ModelLeaseStore. Entries come within the write that makes them, unless `hold` is called."""

    def __init__(
        self,
        store: ModelLeaseStore,
        *,
        on_entry: Callable[[str, Entry], None],
        on_snapshot_done: Callable[[], None],
        on_broken: Callable[[str], None],
    ) -> None:
        self._store = store
        self._on_entry = on_entry
        self._on_snapshot_done = on_snapshot_done
        self._on_broken = on_broken
        self._unlisten: Callable[[], None] | None = None
        self._connection = 0
        self._held: list[tuple[str, Entry]] | None = None
        self.last_sequence = 0
        self.is_working = False

    async def start(self, connection: int) -> None:
        await self.stop()
        if connection != self._store.connection or self._store.paused:
            raise Unavailable("That connection is gone, or nobody answers on it.")
        if not self._store.bucket.exists:
            raise BucketMissing("The bucket does not exist.")
        self._connection = connection
        self.last_sequence = 0
        self.is_working = True
        for key, entry in self._store.bucket.snapshot():
            self._deliver(key, entry)
        self._on_snapshot_done()
        self._unlisten = self._store.bucket.listen(self._hear)

    async def stop(self) -> None:
        if self._unlisten is not None:
            self._unlisten()
        self._unlisten = None
        self._held = None if self._held is None else []
        self.last_sequence = 0
        self.is_working = False

    def hold(self) -> None:
        """Keep entries back from now on."""
        self._held = self._held or []

    def release(self, count: int | None = None) -> None:
        """Deliver the entries that were kept back: the first `count` of them, or all and the next ones at once."""
        held = self._held or []
        now, later = (held, []) if count is None else (held[:count], held[count:])
        self._held = None if count is None else later
        for key, entry in now:
            self._deliver(key, entry)

    def break_down(self, reason: str = "broken by the test") -> None:
        """Lose the watch as a lost consumer does: it is noticed, and nothing more comes."""
        if self._unlisten is not None:
            self._unlisten()
        self._unlisten = None
        self.is_working = False
        self._on_broken(reason)

    def fall_silent(self) -> None:
        """Lose the watch without anybody noticing."""
        if self._unlisten is not None:
            self._unlisten()
        self._unlisten = None

    def _hear(self, key: str, entry: Entry) -> None:
        if self._store.connection != self._connection or self._store.paused:
            return
        if self._held is not None:
            self._held.append((key, entry))
            return
        self._deliver(key, entry)

    def _deliver(self, key: str, entry: Entry) -> None:
        self.last_sequence = entry.revision
        self._on_entry(key, entry)
