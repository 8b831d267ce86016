"""What one process knows of one record in NATS, and what is on its way to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from tenure.election import inputs
from tenure.election.alarm import FOREVER_S, Backoff
from tenure.election.elector import Elector, Role
from tenure.election.entry import Entry
from tenure.election.inputs import WriteOutcome
from tenure.election.lease import Lease, observe, written
from tenure.election.operations import LeaseOperation
from tenure.election.record import LeaseRecord
from tenure.election.timing import Timing

LeaseInput = inputs.EntrySeen | inputs.LeaseRead | inputs.LeaseWritten
"""What changes what is known of the record."""


@dataclass(slots=True)
class LeaseState:
    """See the module. At most one read or write of the record is on its way. Times are monotonic seconds.

    `connection` is the number of the connection to NATS, 0 while there is none. `lease_certain` is false while a write
    of unknown outcome may have changed the record: then it must be read before the next write, and `doubtful` is what
    may stand there. `electors` are the candidates that this process campaigns for, by identity.
    """

    connection: int = 0
    lease: Lease | None = None
    lease_certain: bool = True
    doubtful: LeaseRecord | None = None
    lease_operation: LeaseOperation | None = None
    lease_backoff: Backoff = field(default_factory=lambda: Backoff(0.2, 2.0))
    electors: dict[str, Elector] = field(default_factory=dict)

    @property
    def nats_is_available(self) -> bool:
        """Whether NATS is connected, and did not leave the last two reads or writes without an answer."""
        return self.connection != 0 and self.lease_backoff.failures < 2

    @property
    def being_written(self) -> LeaseRecord | None:
        """The record that is on its way, if a write is; None for a marker, too."""
        operation = self.lease_operation
        return operation.write.record if operation is not None and operation.write is not None else None

    @property
    def leading(self) -> Elector | None:
        """The elector that leads."""
        for elector in self.electors.values():  # A generator would take three times as long, several times a step.
            if elector.role is Role.LEADER:
                return elector
        return None

    def absorb_lease(self, now_s: float, happened: LeaseInput, timing: Timing) -> None:
        """Take what was seen of the record, or the result of a read or write of it."""
        match happened:
            case inputs.EntrySeen(entry, connection) if connection == self.connection:
                self._see_entry(now_s, entry, connection, None, timing)
            case inputs.LeaseRead(entry):
                operation, self.lease_operation = self.lease_operation, None
                assert operation is not None
                if entry is None:
                    self.lease_backoff.failed(now_s)
                else:
                    self.lease_backoff.succeeded()
                    self._see_entry(now_s, entry, operation.connection, operation.sent_at_s, timing)
            case inputs.LeaseWritten(outcome, revision):
                self._conclude_write(now_s, outcome, revision, timing)

    def _see_entry(self, now_s: float, entry: Entry, connection: int, read_at_s: float | None, timing: Timing) -> None:
        self.lease = observe(
            self.lease,
            entry,
            now_s=now_s,
            own_duration_s=timing.duration_s,
            connection=connection,
            read_at_s=read_at_s,
            known=self._known_record(entry),
        )
        if read_at_s is not None:
            self.lease_certain, self.doubtful = True, None
        for elector in self.electors.values():
            elector.observe(now_s, self.lease, timing)

    def _known_record(self, entry: Entry) -> LeaseRecord | None:
        """Return the record of an entry that this process itself is writing: most are, and to parse one takes long."""
        write = self.lease_operation.write if self.lease_operation is not None else None
        return write.record if write is not None and write.value == entry.value else None

    def _conclude_write(self, now_s: float, outcome: WriteOutcome, revision: int, timing: Timing) -> None:
        operation, self.lease_operation = self.lease_operation, None
        assert operation is not None
        assert operation.write is not None
        assert self.lease is not None
        record = operation.write.record
        current = self.lease.record
        is_ours = isinstance(current, LeaseRecord) and record is not None and current.nonce == record.nonce
        if is_ours and outcome is not WriteOutcome.APPLIED:
            outcome, revision = WriteOutcome.APPLIED, self.lease.revision
        if outcome is WriteOutcome.APPLIED:
            self.lease_backoff.succeeded()
            if revision >= self.lease.revision:
                self.lease = written(
                    record,
                    revision=revision,
                    sent_at_s=operation.sent_at_s,
                    duration_s=(record.duration_s if record is not None else None) or timing.duration_s,
                    connection=operation.connection,
                )
        else:
            if outcome is not WriteOutcome.WRONG_REVISION:
                # After one of unknown outcome comes a read, which need not wait.
                self.lease_backoff.failed(now_s, at_most_s=FOREVER_S if outcome is WriteOutcome.UNAVAILABLE else 0.0)
            is_explained = self.lease.revision != operation.write.expected_revision
            if outcome is WriteOutcome.UNKNOWN or (outcome is WriteOutcome.WRONG_REVISION and not is_explained):
                # The write may have been made, or somebody else has made one that was not seen yet. What was surely
                # not written leaves the record as it is known, and so does a refusal for a revision that was seen.
                self.lease_certain, self.doubtful = False, record
        if operation.elector is not None:
            stands = record if outcome is WriteOutcome.APPLIED else None
            operation.elector.concluded(now_s, stands, sent_at_s=operation.sent_at_s, timing=timing)
        for elector in self.electors.values():
            elector.observe(now_s, self.lease, timing)
