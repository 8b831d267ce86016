"""What the lease bucket holds under one key."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of the bucket as one read, one watch event or one own write showed it.

    `revision` is what a compare-and-set must expect to replace what is there. It is 0 only for a key
    that has never been written or of which nothing is left: a deletion, a purge and a max-age marker
    have a revision of their own, and the server refuses a compare-and-set against 0 while one stands.

    `value` is None when the key is absent, whichever way it went.

    `written_at_s` is the server's timestamp of the entry in Unix seconds, for display and for records
    that do not state their duration; None when there is no entry.
    """

    revision: int
    value: bytes | None
    written_at_s: float | None


ABSENT = Entry(revision=0, value=None, written_at_s=None)
