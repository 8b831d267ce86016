"""Reads and writes one record as the protocol demands, for whoever has decided what is to stand there."""

from __future__ import annotations

from tenure.election import effects
from tenure.election.alarm import Alarm
from tenure.election.clock import Instant
from tenure.election.effects import Effect
from tenure.election.elector import Elector, Role, Wish
from tenure.election.lease import Lease
from tenure.election.lease_reader import LeaseReader, timeout_s
from tenure.election.lease_state import LeaseState
from tenure.election.operations import LeaseOperation
from tenure.election.record import LeaseRecord, Signature, claim, render
from tenure.election.request import Switchover
from tenure.election.timing import Timing


class LeaseWriter(LeaseReader):
    """Turns wishes into reads and writes of one record.

    `writer` is this process's own name, unique among all processes, and `namespace_uid` tells clusters apart: both
    stand in what is written. `alarm` is set to when something is due that is not due yet.
    """

    def __init__(self, state: LeaseState, alarm: Alarm, *, writer: str, namespace_uid: str | None) -> None:
        super().__init__(state)
        self._alarm = alarm
        self._writer = writer
        self._namespace_uid = namespace_uid
        self._writes = 0

    def poll(self, now: Instant, lease: Lease, timing: Timing, *, interval_s: float) -> list[Effect]:
        """Read a record of somebody else now and then, behind the watch, and once more before it counts as run out."""
        polls_at_s = max(lease.read_at_s or 0.0, lease.seen_at_s) + interval_s
        if now.monotonic_s >= polls_at_s:
            return self.read(now, timing)
        self._alarm.set(min(polls_at_s, lease.runs_out_at_s()))
        return []

    def step(
        self,
        now: Instant,
        lease: Lease,
        identity: str,
        wish: Wish,
        timing: Timing,
        *,
        claim_term: int | None = None,
        switchover: Switchover | None = None,
    ) -> list[Effect]:
        """Return what a candidate writes to fulfil the wish, if anything is due; see `Elector.step`.

        `switchover` is the one for which it releases or claims.
        """
        elector = self._state.electors.get(identity)
        if elector is None:
            elector = self._state.electors[identity] = Elector(identity)
        if elector.role is Role.LEADER and wish is Wish.LEAD and claim_term is None:
            renews_at_s = elector.renews_at_s(timing)
            if now.monotonic_s < renews_at_s:
                self._alarm.set(renews_at_s)
                return []
        if lease.connection != self._state.connection:
            return self.read(now, timing)
        signature = self._sign(now, timing, switchover)
        record = elector.step(now.monotonic_s, lease, wish, signature=signature, timing=timing, claim_term=claim_term)
        return [] if record is None else self._write(now, lease, record, elector, timing)

    def vacate(
        self, now: Instant, lease: Lease, term: int, timing: Timing, *, switchover: Switchover | None = None
    ) -> list[Effect]:
        """Return the claim of a term for nobody, which may be what comes of a switchover."""
        return self._write(now, lease, claim("", term, self._sign(now, timing, switchover)), None, timing)

    def mark(self, now: Instant, lease: Lease, timing: Timing) -> list[Effect]:
        """Return the write of a marker, which has no value but gives the key a revision."""
        return self._write(now, lease, None, None, timing)

    def _write(
        self, now: Instant, lease: Lease, record: LeaseRecord | None, elector: Elector | None, timing: Timing
    ) -> list[Effect]:
        state = self._state
        if lease.connection != state.connection:
            return self.read(now, timing)  # A revision means nothing on another connection than its own.
        value = None if record is None else render(record)
        write = effects.WriteLease(record, lease.revision, state.connection, timeout_s(timing), value)
        state.lease_operation = LeaseOperation(now.monotonic_s, state.connection, write, elector)
        return [write]

    def _sign(self, now: Instant, timing: Timing, switchover: Switchover | None) -> Signature:
        self._writes += 1
        return Signature(
            wall_s=now.wall_s,
            duration_s=timing.duration_s,
            writer=self._writer,
            nonce=f"{self._writer}#{self._writes}",
            namespace_uid=self._namespace_uid,
            switchover=switchover,
        )
