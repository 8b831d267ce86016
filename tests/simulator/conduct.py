"""What a process decides, it must be allowed to decide: by its mandate, and by what it knows of its own last write."""

from __future__ import annotations

from collections.abc import Callable

from simulator.history import History
from simulator.process import Process
from tenure.election.effects import Announce, Effect, ReadLease, WriteLease
from tenure.election.inputs import Input, LeaseRead, LeaseWritten, WriteOutcome
from tenure.election.mandate import Mandate
from tenure.election.record import LeaseRecord


class Conduct:
    """Watches one process: every effect that it decides on, and every result that it is told. `fail` ends the run."""

    def __init__(self, process: Process, history: History, fail: Callable[[str], None]) -> None:
        self._process = process
        self._history = history
        self._fail = fail
        self._last: WriteLease | None = None
        self._unanswered: WriteLease | None = None
        process.on_deed = self._see

    def _see(self, deed: Effect | Input) -> None:
        match deed:
            case LeaseRead(entry) if entry is not None:
                self._unanswered = None
            case LeaseWritten(WriteOutcome.UNKNOWN):
                self._unanswered = self._last
            case WriteLease():
                self._check_certainty(deed)
                self._last = deed
        if isinstance(deed, Effect):
            self._check_mandate(deed)

    def _check_certainty(self, write: WriteLease) -> None:
        """After a write without an answer the record is read, before anything else is put in the same place."""
        before = self._unanswered
        if before is None or before.record is None or write.record is None:
            return
        if write.record.writer == before.record.writer and write.expected_revision == before.expected_revision:
            self._fail(f"conduct: {self._process.name} decides on {write} and does not know what became of {before}")

    def _check_mandate(self, effect: Effect) -> None:
        """At this very moment, by its own clock, the process may decide this."""
        match self._process.mandate, effect:
            case (Mandate.ACT, _) | (Mandate.RENEW, ReadLease() | Announce()):
                return
            case Mandate.RENEW, WriteLease(record=LeaseRecord(writer=str(writer), holder=str(holder), term=term)):
                if holder and self._history.was_written_by(writer, holder, term):
                    return
        self._fail(f"conduct: {self._process.name} may {self._process.mandate}, and decides on {effect}")
