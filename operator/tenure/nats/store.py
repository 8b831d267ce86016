"""The port to the lease bucket: what the runtime asks of it, and how it may fail."""

from __future__ import annotations

import re
from typing import Protocol

from tenure.election.entry import Entry


class StoreError(Exception):
    """A lease operation had no result.

    StoreError
    ├── Unavailable      a read, or a write that surely did nothing: no connection, or the server did not serve it
    │   └── BucketMissing    there is no such bucket (any more): make it before the next attempt
    ├── WrongRevision    the compare-and-set was refused: the key has another revision
    └── OutcomeUnknown   a write may have been applied, or may still be: read back before the next step
    """


class Unavailable(StoreError):
    """Nothing was read or written; trying again later is safe."""


class BucketMissing(Unavailable):
    """The server has no such bucket. A read or a watch sees that; a write only learns that nobody answers."""


class WrongRevision(StoreError):
    """The key's revision is not the expected one; nothing was written."""


class OutcomeUnknown(StoreError):
    """No answer in time. The write may have been applied, or may be applied later."""


_KEY = re.compile(r"[-/_=a-zA-Z0-9]+(\.[-/_=a-zA-Z0-9]+)*")


def check_key(key: str) -> None:
    """Raise ValueError when `key` cannot be a key of a bucket, by the rules of NATS key-value stores."""
    if _KEY.fullmatch(key) is None:
        raise ValueError(f"{key!r} cannot be a key: letters, digits and -/_=, in parts that single dots join.")


class LeaseStore(Protocol):
    """Compare-and-set on the keys of one bucket.

    A key is a namespace, a dot and a name (which may have dots itself), or begins with `_operator.`; any other text
    than `check_key` allows raises ValueError.
    """

    @property
    def connection(self) -> int:
        """The number of the present connection, from 1, one more after each reconnect; 0 while there is none."""

    async def read(self, key: str, *, timeout_s: float) -> Entry:
        """Return the key's entry from the stream's leader (never from a mirror or a replica).

        Raises Unavailable when there was no answer within `timeout_s` seconds, BucketMissing when there is no bucket.
        """

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
        """Replace the entry with revision `expected_revision` (see `Entry.revision`) and return the new revision.

        A `value` of None puts a marker there, as a deletion does: the key is absent then, with a revision.

        It is sent only on the connection with number `connection`: on any other one `expected_revision`
        may mean another entry. `ttl_s` (whole seconds, at least 1) lets the server drop the entry after
        that time where the bucket allows it, and is left out where it does not.

        Raises WrongRevision, Unavailable (surely not written) or OutcomeUnknown.
        """
