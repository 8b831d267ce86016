"""The server's side of the modelled lease store: one bucket, its revisions, and what a server can do to them."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from tenure.election.entry import ABSENT, Entry
from tenure.nats.store import WrongRevision

MAX_ROLL_BACK = 64
"""Writes that can be taken back."""


@dataclass(frozen=True, slots=True)
class _Write:
    """What one write replaced, for taking it back."""

    key: str
    before: Entry
    expires_before_s: float | None


class ModelBucket:
    """A key-value bucket as a NATS server keeps it: last entries, markers, and one sequence of revisions for all keys.

    `clock` returns Unix seconds. The first revision is its time in microseconds, as it is for the buckets that Tenure
    makes. Any number of stores can share a bucket, as operators do.
    """

    def __init__(self, clock: Callable[[], float], *, allows_ttl: bool = True) -> None:
        self._clock = clock
        self.allows_ttl = allows_ttl
        self.exists = True
        self.lives = 0
        """How often the bucket was made: a lost one that is made again is another."""
        self.leaves_markers = False
        """Whether an entry whose time has run out leaves a marker, with a revision of its own."""
        self.max_age_s: float | None = None
        """For how long anything is kept, markers too, unless it is written again; None for ever."""
        self._listeners: list[Callable[[str, Entry], None]] = []
        self._late: list[Callable[[], object]] = []
        self._begin()

    def _begin(self) -> None:
        self.lives += 1
        self.last_revision = int(self._clock() * 1_000_000) - 1
        self._entries: dict[str, Entry] = {}
        self._expires_s: dict[str, float] = {}
        self._writes: deque[_Write] = deque(maxlen=MAX_ROLL_BACK)

    # What stores ask for.

    def read(self, key: str) -> Entry:
        """Return the key's entry; a marker is one without a value."""
        self.expire()
        return self._entries.get(key, ABSENT)

    def compare_and_set(
        self, key: str, value: bytes | None, *, expected_revision: int, ttl_s: int | None = None
    ) -> int:
        """Write if the key's last revision, be it a marker's, is the expected one, or raise WrongRevision."""
        last = self.read(key).revision
        if last != expected_revision:
            raise WrongRevision(f"{key} has revision {last}, not {expected_revision}.")
        return self._append(key, value, ttl_s if self.allows_ttl else None)

    def snapshot(self) -> list[tuple[str, Entry]]:
        """Return the last entry of every key, markers included, in the order of revisions."""
        self.expire()
        return sorted(self._entries.items(), key=lambda item: item[1].revision)

    def listen(self, listener: Callable[[str, Entry], None]) -> Callable[[], None]:
        """Call `listener` at every write from now on; the returned function ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # What others do to the bucket.

    def put(self, key: str, value: bytes) -> int:
        """Write whatever is there, as a foreign writer may."""
        return self._append(key, value, None)

    def delete(self, key: str) -> int:
        """Put a marker in the key's place; for a purge, which leaves one as well, it is the same."""
        return self._append(key, None, None)

    def expire(self) -> None:
        """Drop the entries whose time is over, without telling listeners unless markers are left."""
        now_s = self._clock()
        for key, entry in [item for item in self._entries.items() if self._ends_s(*item) <= now_s]:
            if self.leaves_markers and entry.value is not None:
                self._append(key, None, None)
            else:
                del self._entries[key]
                self._expires_s.pop(key, None)

    def lose(self) -> None:
        """Lose the bucket and all that is in it. Listeners are not told."""
        self.exists = False

    def make(self) -> None:
        """Make the bucket again if it is lost. Its revisions begin at the present time."""
        if not self.exists:
            self.exists = True
            self._begin()

    def roll_back(self, writes: int) -> None:
        """Take the last writes back, as a server that crashed before its disk had them. Their revisions are reused.

        At most `MAX_ROLL_BACK` of them, and none from before the bucket was made.
        """
        for _ in range(min(writes, len(self._writes))):
            write = self._writes.pop()
            self.last_revision -= 1
            self._expires_s.pop(write.key, None)
            if write.before.revision == 0:
                self._entries.pop(write.key, None)
            else:
                self._entries[write.key] = write.before
            if write.expires_before_s is not None:
                self._expires_s[write.key] = write.expires_before_s

    # Writes that were sent and have not arrived.

    def keep_for_later(self, write: Callable[[], object]) -> None:
        """Hold a write that its sender has given up on."""
        self._late.append(write)

    def deliver_late_writes(self) -> None:
        """Let the held writes arrive, each to be refused or applied; nobody learns which."""
        late, self._late = self._late if self.exists else [], []
        for write in late:
            with contextlib.suppress(WrongRevision):
                write()

    def _ends_s(self, key: str, entry: Entry) -> float:
        assert entry.written_at_s is not None
        forgotten_s = math.inf if self.max_age_s is None else entry.written_at_s + self.max_age_s
        return min(self._expires_s.get(key, math.inf), forgotten_s)

    def _append(self, key: str, value: bytes | None, ttl_s: int | None) -> int:
        self._writes.append(_Write(key, self._entries.get(key, ABSENT), self._expires_s.pop(key, None)))
        now_s = self._clock()
        self.last_revision += 1
        entry = Entry(self.last_revision, value, now_s)
        self._entries[key] = entry
        if ttl_s is not None:
            self._expires_s[key] = now_s + ttl_s
        for listener in list(self._listeners):
            listener(key, entry)
        return entry.revision
