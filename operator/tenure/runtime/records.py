"""The records of all elections: in the operator's own bucket, or elsewhere where that was allowed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from tenure.election.conditions import Reason
from tenure.election.entry import Entry
from tenure.election.resource import RecordName, Refusal, Resource
from tenure.nats.bucket import BucketRefused
from tenure.nats.store import Unavailable
from tenure.runtime.keys import Key
from tenure.runtime.leases import Leases
from tenure.runtime.record_book import RecordBook

logger = logging.getLogger(__name__)

RETRY_S = 2.0


@dataclass(slots=True)
class _Elsewhere:
    """A record in another bucket: its leases, the task that opens them, and why the bucket cannot be used."""

    leases: Leases
    opening: asyncio.Task[None] | None = None
    trouble: str = ""


class Records:
    """Where each election reads and writes its record.

    `own` is the operator's own bucket, `book` says which record each election has. `connect` makes the leases of a
    record in another bucket, when the first election names it: each has a connection and a watch of its own.
    """

    def __init__(self, own: Leases, book: RecordBook, connect: Callable[[RecordName], Leases]) -> None:
        self.own = own
        self.book = book
        self._connect = connect
        self._elsewhere: dict[RecordName, _Elsewhere] = {}
        self._on_entry: Callable[[Key, Entry, int], None] = lambda *_: None
        self._on_connection: Callable[[Leases], None] = lambda _: None
        self._on_change: Callable[[Key], None] = lambda _: None

    def listen(
        self,
        *,
        on_entry: Callable[[Key, Entry, int], None],
        on_connection: Callable[[Leases], None],
        on_change: Callable[[Key], None],
    ) -> None:
        """From now on tell what happens to the records that elections have.

        `on_entry` has the entry that a watch has shown, and on which connection. `on_connection` tells that a bucket
        can be used on another connection, or on none. `on_change` tells that a bucket cannot be used for an election's
        record, or that it can again.
        """
        self._on_entry, self._on_connection, self._on_change = on_entry, on_connection, on_change
        self._follow(self.own, self.book.bucket)

    def leases_of(self, record: RecordName) -> Leases:
        """Return the bucket that a record is in; the operator's own for a record that may not be used."""
        if not self.book.is_elsewhere(record):
            return self.own
        found = self._elsewhere.get(record)
        if found is None:
            found = self._elsewhere[record] = _Elsewhere(self._connect(record))
            self._follow(found.leases, record.bucket)
            found.opening = asyncio.create_task(self._open(record, found), name=f"opening of the record {record}")
        return found.leases

    def elsewhere(self) -> dict[RecordName, Leases]:
        """Return the records in other buckets that elections have at present, each with its bucket."""
        return {record: one.leases for record, one in self._elsewhere.items() if self.book.owner(record) is not None}

    def refusal(self, resource: Resource) -> Refusal | None:
        """Return why an election may not have the record that it names, or cannot."""
        if refusal := self.book.refusal(resource):
            return refusal
        found = self._elsewhere.get(self.book.name_of(resource))
        return Refusal(Reason.BUCKET_REFUSED, found.trouble) if found is not None and found.trouble else None

    async def close(self) -> None:
        """Close what is elsewhere; the operator's own bucket is its owner's to close."""
        for found in self._elsewhere.values():
            if found.opening is not None:
                found.opening.cancel()
                await asyncio.wait({found.opening}, timeout=1.0)
        await asyncio.gather(*(found.leases.close() for found in self._elsewhere.values()))

    def _follow(self, leases: Leases, bucket: str) -> None:
        leases.listen(
            on_entry=lambda key, entry, connection: self._see_entry(RecordName(bucket, key), entry, connection),
            on_connection=lambda _: self._on_connection(leases),
        )

    def _see_entry(self, record: RecordName, entry: Entry, connection: int) -> None:
        owner = self.book.owner(record)
        if owner is not None:
            self._on_entry(owner, entry, connection)

    async def _open(self, record: RecordName, found: _Elsewhere) -> None:
        """Begin, and if that fails, again and again."""
        while True:
            trouble = ""
            try:
                await found.leases.start()
            except BucketRefused as refused:
                trouble = f"{refused} Mend it, or name another record in spec.record."
            except Unavailable as error:
                logger.warning("The record %s cannot be used yet: %s", record, error)
            except Exception:
                logger.exception("The record %s could not be opened", record)
            else:
                self._note(record, found, "")
                return
            self._note(record, found, trouble)
            await asyncio.sleep(RETRY_S)

    def _note(self, record: RecordName, found: _Elsewhere, trouble: str) -> None:
        is_news, found.trouble = trouble != found.trouble, trouble
        owner = self.book.owner(record)
        if is_news and owner is not None:
            self._on_change(owner)
