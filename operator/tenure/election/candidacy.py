"""One process that campaigns for itself: an application, or the operator, of which one replica at a time is to act.

The same protocol as for pods (`elector`, `lease_state`, `lease_writer`), without status and labels: there is nobody
above the candidates who would choose one of them, so each claims as soon as the lease is free, and the compare-and-set
decides.
"""

from __future__ import annotations

from collections.abc import Sequence

from tenure.election import inputs
from tenure.election.alarm import FOREVER_S, Alarm
from tenure.election.clock import Instant
from tenure.election.effects import Effect
from tenure.election.elector import Elector, Role, Wish
from tenure.election.entry import Entry
from tenure.election.inputs import Input, WriteOutcome
from tenure.election.lease import Lease
from tenure.election.lease_state import LeaseInput, LeaseState
from tenure.election.lease_writer import LeaseWriter
from tenure.election.mandate import Mandate
from tenure.election.notices import Leadership
from tenure.election.record import MAX_TERM, LeaseRecord, Unbelievable, parse
from tenure.election.timing import Timing

_MAY_STAND = (WriteOutcome.APPLIED, WriteOutcome.UNKNOWN)


class Candidacy:
    """The decisions of one candidate.

    `identity` is what stands in the record when it leads, and must be no other candidate's. `poll_interval_s` is how
    often a record is read that somebody else holds, behind the watch. Until a first `StandBack` comes it stands back: a
    process that is not ready to work must not lead.
    """

    def __init__(
        self, *, identity: str, writer: str, namespace_uid: str | None, timing: Timing, poll_interval_s: float
    ) -> None:
        self.identity = identity
        self.wakes_at_s = FOREVER_S
        """The monotonic time at which `step` must be called again, even with no input."""
        self._name = writer
        self._timing = timing
        self._poll_interval_s = poll_interval_s
        self._state = LeaseState()
        self._elector = self._state.electors[identity] = Elector(identity)
        self._alarm = Alarm()
        self._writer = LeaseWriter(self._state, self._alarm, writer=writer, namespace_uid=namespace_uid)
        self._stands_back_until_s = FOREVER_S
        self._is_unreplaced = False
        self._highest_term = 0
        self._first_revision: int | None = None

    @property
    def holder(self) -> str:
        """Who holds the lease as far as is known; "" for nobody."""
        lease = self._state.lease
        return lease.holder if lease is not None else ""

    @property
    def complaint(self) -> str:
        """What a person must know of the record, and mend, in sentences; "" for nothing.

        What stands there in this candidate's name at the first look may be its own, from before a restart. What is
        written in its name after that, and not by itself, is a double's.
        """
        lease = self._state.lease
        if lease is None:
            return ""
        if isinstance(lease.record, Unbelievable):
            said = f"What stands under the key is no lease record: {lease.record.reason}."
            return f"{said} It is replaced after {lease.respect_s:g} s: give the election another key to keep it."
        if self.holder == self.identity and not self._is_mine(lease) and lease.revision != self._first_revision:
            return f"Another process uses the identity {self.identity} as well: give each its own."
        return ""

    def leadership(self, now_s: float) -> Leadership:
        """Who leads now, as far as is known."""
        lease = self._state.lease
        leads = self.mandate(now_s) is Mandate.ACT
        if lease is None or not lease.holder or lease.expired(now_s):
            return Leadership()
        return Leadership(lease.holder, lease.term, lease.term if leads else None)

    def remaining_s(self, now_s: float) -> float:
        """For how many seconds this candidate certainly leads yet, whatever happens; 0 when it does not."""
        if self.mandate(now_s) is not Mandate.ACT:
            return 0.0
        return self._elector.deadline_s(self._timing) - now_s

    def respected_s(self, now_s: float) -> float:
        """For how many seconds others certainly still respect the lease that this candidate holds, or has lost.

        That is longer than it leads. 0 when the record is not its own any more.
        """
        lease = self._state.lease
        if lease is None or not self._is_mine(lease) or lease.term != self._elector.term:
            return 0.0
        return max(0.0, self._elector.lease_from_s + self._elector.lease_duration_s - now_s)

    @property
    def is_out(self) -> bool:
        """Whether it neither holds the lease, nor may come to hold it by a write that is on its way."""
        lease = self._state.lease
        return self._state.lease_operation is None and (lease is None or not self._is_mine(lease))

    def mandate(self, now_s: float) -> Mandate:
        """What this process may do now."""
        if now_s < self._stands_back_until_s:
            return Mandate.STAND_BY
        if self._elector.role is Role.LEADER and now_s < self._elector.deadline_s(self._timing):
            return Mandate.ACT
        return Mandate.RENEW if self._is_unreplaced else Mandate.STAND_BY

    def remember(self, entry: Entry) -> None:
        """Note the term of what the watch has shown, to be called at once.

        Until the next `step` something newer may take its place, such as a deletion, which has no term.
        """
        self._remember(parse(entry.value) if entry.value is not None else None)

    def _remember(self, record: LeaseRecord | Unbelievable | None) -> None:
        if isinstance(record, LeaseRecord):
            self._highest_term = max(self._highest_term, record.term)

    def step(self, now: Instant, happened: Sequence[Input]) -> list[Effect]:
        """Take what happened, decide, and return what to do."""
        for one in happened:
            match one:
                case inputs.StandBack(until_s):
                    self._stands_back_until_s = until_s
                    self._is_unreplaced = False
                case inputs.ConnectionChanged(connection):
                    self._state.connection = connection
                case _ if isinstance(one, LeaseInput):
                    if isinstance(one, inputs.LeaseRead) and one.entry is not None:
                        self.remember(one.entry)  # The watch may have shown a newer one already.
                    if isinstance(one, inputs.LeaseWritten) and one.outcome in _MAY_STAND:
                        self._remember(self._state.being_written)  # For the same reason.
                    self._state.absorb_lease(now.monotonic_s, one, self._timing)
        self._take_note(now.monotonic_s)
        self._alarm.clear()
        decided = self._decide(now)
        if self._elector.role is Role.LEADER:
            self._alarm.set(self._elector.deadline_s(self._timing))
        self.wakes_at_s = self._alarm.at_s
        return decided

    def _take_note(self, now_s: float) -> None:
        lease = self._state.lease
        if lease is None:
            return
        if self._first_revision is None:
            self._first_revision = lease.revision
        self._elector.observe(now_s, lease, self._timing)
        if self._elector.role is Role.LEADER and not self._is_mine(lease):
            self._elector.role = Role.FOLLOWER  # A double has written: whoever leads now, it is not certain any more.
        self._remember(lease.record)
        if self._elector.role is Role.LEADER and now_s >= self._stands_back_until_s:
            self._is_unreplaced = True
        elif lease.holder != self.identity:
            self._is_unreplaced = False

    def _decide(self, now: Instant) -> list[Effect]:
        state, writer, timing, now_s = self._state, self._writer, self._timing, now.monotonic_s
        stands_back = now_s < self._stands_back_until_s
        if stands_back:
            self._alarm.set(self._stands_back_until_s)
        if (
            not state.connection
            or state.lease_operation is not None
            or not state.lease_backoff.may_try(now_s, wake=self._alarm)
        ):
            return []
        lease = state.lease
        if lease is None or not state.lease_certain:
            return writer.read(now, timing)
        if self._is_mine(lease):
            return writer.step(now, lease, self.identity, Wish.RELEASE if stands_back else Wish.LEAD, timing)
        if stands_back:
            return []
        is_free = lease.record is None or (lease.term > 0 and not lease.holder)
        if not is_free and not lease.expired(now_s):
            return writer.poll(now, lease, timing, interval_s=self._poll_interval_s)
        if lease.revision == 0:
            return writer.mark(now, lease, timing)  # Revision 0 is the same in every bucket: see `campaign.Mark`.
        if self._highest_term >= MAX_TERM:
            return []  # No reader would believe the next one.
        return writer.step(now, lease, self.identity, Wish.LEAD, timing, claim_term=self._highest_term + 1)

    def _is_mine(self, lease: Lease) -> bool:
        """Whether this process itself holds the lease, and no other one that uses the same identity."""
        record = lease.record
        return isinstance(record, LeaseRecord) and record.holder == self.identity and record.writer == self._name
