"""The lease protocol of one candidate.

A candidate leads only through a write whose nonce is its own, and only until its renew deadline, which counts from
before that write was sent; it needs no answer from anybody to stop. It holds no clock and does no I/O: `step` says
what to write, and the driver brings the outcome back through `concluded`. The driver lets at most one write of a
record be on its way at a time, and steps an elector only with a lease that no write of unknown outcome can have
changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tenure.election import record as records
from tenure.election.lease import Lease
from tenure.election.record import LeaseRecord, Signature
from tenure.election.timing import Timing

BEAT_S = 1 / 8
"""The renewals of one process are made together, so often: they share what it costs to wake up, to send and to receive.
A power of two: times are sums of it and of whole seconds then, without any error of rounding."""


class Role(StrEnum):
    """Where a candidate stands."""

    FOLLOWER = "follower"
    CLAIMING = "claiming"
    LEADER = "leader"
    RELEASING = "releasing"


class Wish(StrEnum):
    """What the driver wants of a candidate: to lead (or go on leading), or to give up what it holds."""

    LEAD = "lead"
    RELEASE = "release"


@dataclass(slots=True)
class Elector:
    """One candidate's part of the protocol.

    `term` is the term that it leads or led. `lease_from_s` is the monotonic time from which its lease counts, and
    `lease_duration_s` for how long others respect it: what its record says, whatever the timing has become since.
    """

    identity: str
    role: Role = Role.FOLLOWER
    term: int = 0
    lease_from_s: float = 0.0
    lease_duration_s: int = 0

    def step(
        self,
        now_s: float,
        lease: Lease,
        wish: Wish,
        *,
        signature: Signature,
        timing: Timing,
        claim_term: int | None = None,
    ) -> LeaseRecord | None:
        """Return the record to write in the place of `lease.revision`, if any.

        With the wish to LEAD, `claim_term` is the new term to take, for whose freedom the caller answers; without it
        the candidate holds on to the term that the record says it has.
        """
        self.observe(now_s, lease, timing)
        mine = lease.record if isinstance(lease.record, LeaseRecord) and lease.record.holder == self.identity else None
        if wish is Wish.RELEASE:
            self.role = Role.FOLLOWER if mine is None else Role.RELEASING
            return None if mine is None else records.release(mine, signature)
        if claim_term is not None:
            self.role = Role.CLAIMING
            return records.claim(self.identity, claim_term, signature)
        if mine is None or (self.role is Role.LEADER and now_s < self.renews_at_s(timing)):
            return None
        if self.role is not Role.LEADER:
            self.role = Role.CLAIMING
        return records.renewal(mine, signature)

    def observe(self, now_s: float, lease: Lease, timing: Timing) -> None:
        """Take note of the record, and of the time: leadership ends with either."""
        if self.role is not Role.LEADER:
            return
        superseded = lease.holder != self.identity or lease.term != self.term
        if superseded or now_s >= self.deadline_s(timing):
            self.role = Role.FOLLOWER

    def concluded(self, now_s: float, written: LeaseRecord | None, *, sent_at_s: float, timing: Timing) -> None:
        """Take the outcome of the last write: the record that now stands, or None when it is not known to stand."""
        if written is None or written.holder != self.identity:
            if self.role in (Role.CLAIMING, Role.RELEASING):
                self.role = Role.FOLLOWER
            return
        self.role, self.term, self.lease_from_s = Role.LEADER, written.term, sent_at_s
        self.lease_duration_s = written.duration_s or timing.duration_s
        if now_s >= self.deadline_s(timing):
            self.role = Role.FOLLOWER  # The answer came too late.

    def renews_at_s(self, timing: Timing) -> float:
        """The monotonic time of the next renewal of a leader: at once when the record does not say its duration yet.

        It is the last beat before the interval is over, so that the leases of one process are renewed together.
        """
        if self.lease_duration_s != timing.duration_s:
            return self.lease_from_s
        at_s = self.lease_from_s + timing.renew_interval_s
        return at_s - at_s % BEAT_S

    def deadline_s(self, timing: Timing) -> float:
        """The monotonic time from which a leader no longer calls itself one."""
        return self.lease_from_s + min(timing.renew_deadline_s, self.lease_duration_s - 1)
