"""What is known of an election's record, since when, and how long it is to be respected."""

from __future__ import annotations

from dataclasses import dataclass

from tenure.election.entry import Entry
from tenure.election.record import LeaseRecord, Unbelievable, parse

MAX_UNSTATED_RESPECT_S = 60.0
"""How long a record that does not state its duration is respected at most, unless our own duration is longer."""

MAX_STATED_RESPECT_S = 3600.0
"""How long any record is respected at most: the longest duration that a resource can ask for."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The record as last observed.

    `seen_at_s` is the monotonic time since which this very revision has been known. Expiry is judged by it alone, as
    client-go does: clocks of other machines do not count, only that nothing has changed for the duration.

    `read_at_s` is the monotonic time at which the read from the stream's leader that showed this revision was begun, or
    None when it is known from the watch or from our own write.

    `connection` is the connection on which the revision was learnt: a compare-and-set may be sent on no other.
    """

    revision: int
    record: LeaseRecord | Unbelievable | None
    seen_at_s: float
    respect_s: float
    connection: int
    read_at_s: float | None = None

    def runs_out_at_s(self) -> float:
        """The monotonic time from which the record counts as expired, if nothing changes it before."""
        return self.seen_at_s + self.respect_s

    def expired(self, now_s: float) -> bool:
        """Whether the same revision has been seen for as long as it is to be respected."""
        return now_s >= self.runs_out_at_s()

    @property
    def holder(self) -> str:
        """The identity in the record; "" when it is released, absent or unbelievable."""
        return self.record.holder if isinstance(self.record, LeaseRecord) else ""

    @property
    def term(self) -> int:
        """The term in the record; 0 when it is absent or unbelievable."""
        return self.record.term if isinstance(self.record, LeaseRecord) else 0


def observe(
    previous: Lease | None,
    entry: Entry,
    *,
    now_s: float,
    own_duration_s: int,
    connection: int,
    read_at_s: float | None = None,
    known: LeaseRecord | None = None,
) -> Lease:
    """Return what is known after `entry` was seen at `now_s`. `known` is its record, if it need not be parsed for that.

    What is older than what is known changes nothing. A lower revision in a read from the stream's leader is taken all
    the same if the read was begun after the known one was seen: then the bucket was lost or rolled back.
    """
    if previous is not None:
        if entry.revision == previous.revision and (entry.value is None) == (previous.record is None):
            if read_at_s is None and connection == previous.connection:
                return previous
            return Lease(
                revision=previous.revision,
                record=previous.record,
                seen_at_s=previous.seen_at_s,
                respect_s=previous.respect_s,
                connection=connection,
                read_at_s=read_at_s if read_at_s is not None else previous.read_at_s,
            )
        if entry.revision < previous.revision and (read_at_s is None or read_at_s < previous.seen_at_s):
            return previous
    record = None if entry.value is None else known or parse(entry.value)
    return Lease(
        revision=entry.revision,
        record=record,
        seen_at_s=now_s,
        respect_s=_respect_s(record, entry.written_at_s, own_duration_s),
        connection=connection,
        read_at_s=read_at_s,
    )


def written(record: LeaseRecord | None, *, revision: int, sent_at_s: float, duration_s: int, connection: int) -> Lease:
    """Return what is known after our own write was acknowledged: its age counts from before it was sent."""
    return Lease(revision=revision, record=record, seen_at_s=sent_at_s, respect_s=duration_s, connection=connection)


def _respect_s(record: LeaseRecord | Unbelievable | None, written_at_s: float | None, own_duration_s: int) -> float:
    if not isinstance(record, LeaseRecord):
        return own_duration_s
    if record.duration_s is not None:
        return min(record.duration_s, MAX_STATED_RESPECT_S)
    stated_s = record.expires_at_s - written_at_s if written_at_s is not None else 0.0
    return min(max(own_duration_s, stated_s), max(own_duration_s, MAX_UNSTATED_RESPECT_S))
