"""Which election has which record: that of its own name, or one that it names in its spec and that was allowed."""

from __future__ import annotations

from collections.abc import Collection

from tenure.election.conditions import Reason
from tenure.election.resource import RecordName, Refusal, Resource, Spec
from tenure.runtime.keys import Key, lease_key

_Rank = tuple[bool, float, str]
"""By which one of several that name a record goes first: the one whose own it is, then the oldest."""


class RecordBook:
    """The records of all elections of one process.

    `bucket` is the operator's own, in which each election has a record under its own name. `allowed` are the records
    that elections may name beside these. Of several that name one record, only the first has it.
    """

    def __init__(self, bucket: str, allowed: Collection[RecordName] = ()) -> None:
        self.bucket = bucket
        self._allowed = frozenset(allowed)
        self._names: dict[Key, RecordName] = {}
        self._claims: dict[RecordName, dict[Key, _Rank]] = {}

    def name_of(self, resource: Resource) -> RecordName:
        """The record of an election, whether it may have it or not."""
        asked = resource.spec.record if isinstance(resource.spec, Spec) else RecordName()
        own = self._own(resource)
        return RecordName(asked.bucket or own.bucket, asked.key or own.key)

    def is_elsewhere(self, record: RecordName) -> bool:
        """Whether a record is in another bucket than the operator's, and may be used."""
        return record.bucket != self.bucket and record in self._allowed

    def enter(self, resource: Resource) -> set[Key]:
        """Note an election, and return the others of which another one has the record now."""
        key, record = (resource.namespace, resource.name), self.name_of(resource)
        is_own = record == self._own(resource)
        changed = self.leave(key) if self._names.get(key, record) != record else set()
        if is_own or record in self._allowed:
            before = self.owner(record)
            self._names[key] = record
            self._claims.setdefault(record, {})[key] = (not is_own, resource.created_at_s, resource.uid)
            changed |= self._changed(before, record)
        return changed - {key}

    def leave(self, key: Key) -> set[Key]:
        """Forget an election, and return the others of which another one has the record now."""
        record = self._names.pop(key, None)
        if record is None:
            return set()
        before = self.owner(record)
        del self._claims[record][key]
        if not self._claims[record]:
            del self._claims[record]
        return self._changed(before, record) - {key}

    def owner(self, record: RecordName) -> Key | None:
        """The election that has a record."""
        claims = self._claims.get(record)
        return min(claims, key=claims.__getitem__) if claims else None

    def refusal(self, resource: Resource) -> Refusal | None:
        """Return why an election, once entered, may not have the record that it names."""
        record = self.name_of(resource)
        if record != self._own(resource) and record not in self._allowed:
            return Refusal(
                Reason.RECORD_NOT_ALLOWED,
                f"spec.record is {record}, which no election may name here: leave it out, or start the operator with "
                f"--allow-record {record}.",
            )
        owner = self.owner(record)
        if owner in (None, (resource.namespace, resource.name)):
            return None
        return Refusal(
            Reason.RECORD_CONFLICT,
            f"The record {record} is that of the election {'/'.join(owner)}: name another one in spec.record.",
        )

    def _own(self, resource: Resource) -> RecordName:
        return RecordName(self.bucket, lease_key((resource.namespace, resource.name)))

    def _changed(self, before: Key | None, record: RecordName) -> set[Key]:
        after = self.owner(record)
        return set() if before == after else {key for key in (before, after) if key is not None}
