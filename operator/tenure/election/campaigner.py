"""From what is known to what is read and written in NATS: the elector whose turn it is, at the time that it is due."""

from __future__ import annotations

from tenure.election import campaign, effects, ledger
from tenure.election.alarm import Alarm
from tenure.election.clock import Instant
from tenure.election.effects import Effect
from tenure.election.elector import Elector, Role, Wish
from tenure.election.lease import Lease
from tenure.election.operations import LeaseOperation
from tenure.election.pod import PodRef
from tenure.election.record import LeaseRecord, Signature, claim
from tenure.election.state import State


class Campaigner:
    """Decides about the lease.

    `decision` is what the last step decided, Wait while something is under way. `alarm` tells when it wants to decide
    again.
    """

    def __init__(self, state: State, *, writer: str, namespace_uid: str | None, poll_interval_s: float) -> None:
        self.decision: campaign.Decision = campaign.Wait()
        self.alarm = Alarm()
        self._state = state
        self._writer = writer
        self._namespace_uid = namespace_uid
        self._poll_interval_s = poll_interval_s
        self._writes = 0

    def decide(self, now: Instant) -> list[Effect]:
        """Return the read or write of the record that is due, or the question that must be answered before it."""
        state, now_s = self._state, now.monotonic_s
        self.alarm.clear()
        self.decision = campaign.Wait()
        leading = state.leading
        if leading is not None and state.lease is not None:
            leading.observe(now_s, state.lease, state.timing)
            if leading.role is Role.LEADER:
                self.alarm.set(leading.deadline_s(state.timing))
        if state.spec is None or not state.pods_complete or not state.connection or state.lease_operation is not None:
            return []
        if now_s < state.lease_backoff.not_before_s:
            self.alarm.set(state.lease_backoff.not_before_s)
            return []
        if state.lease is None or not state.lease_certain:
            return self._read(now_s)
        self.decision = self._judge(now_s, state.lease)
        return self._act(now, state.lease)

    def _act(self, now: Instant, lease: Lease) -> list[Effect]:
        now_s = now.monotonic_s
        match self.decision:
            case campaign.Hold(pod):
                return self._step(now, lease, self._elector(pod.identity), Wish.LEAD)
            case campaign.Release(identity):
                return self._step(now, lease, self._elector(identity), Wish.RELEASE)
            case campaign.Claim(None, term):
                return self._write(now, lease, claim("", term, self._signature(now)), None)
            case campaign.Claim(pod, term) if pod is not None:
                return self._step(now, lease, self._elector(pod.identity), Wish.LEAD, term)
            case campaign.Mark():
                return self._write(now, lease, None, None)
            case campaign.Confirm(ref):
                return self._ask(now_s, ref)
            case campaign.ReadAgain():
                return self._read(now_s)
            case campaign.Wait(foreign=True):
                return self._poll(now_s, lease)
            case _:
                return []  # Nothing is due, or the status must say a higher floor first.

    def _judge(self, now_s: float, lease: Lease) -> campaign.Decision:
        state = self._state
        assert state.resource is not None
        assert state.spec is not None
        status, candidates = state.resource.status, state.candidates
        if status.term_floor is None:
            return campaign.Mark() if lease.revision == 0 else campaign.Wait()
        if state.spec.suspend:
            holder = next((pod for pod in candidates if pod.identity == lease.holder), None)
            return campaign.Hold(holder) if holder is not None and lease.term >= status.term else campaign.Wait()
        outsiders = state.pods.keys() - {pod.uid for pod in candidates}
        decision = campaign.decide(
            campaign.View(
                now_s=now_s,
                lease=lease,
                status=status,
                resource_seen_at_s=state.resource_seen_at_s,
                candidates=candidates,
                gone=state.gone | outsiders if outsiders else state.gone,
                namespace_uid=self._namespace_uid,
                highest_label=state.highest_label,
                stray_leader=state.has_stray_leader,
                floor_covers=state.floor_covers,
            )
        )
        if isinstance(decision, campaign.Claim | campaign.Release) and len(status.unfenced) >= ledger.MAX_UNFENCED:
            return campaign.Wait()  # Leadership stays where it is until some of those pods can be stamped.
        return decision

    def _step(self, now: Instant, lease: Lease, elector: Elector, wish: Wish, term: int | None = None) -> list[Effect]:
        timing = self._state.timing
        if elector.role is Role.LEADER and wish is Wish.LEAD and term is None:
            renews_at_s = elector.renews_at_s(timing)
            if now.monotonic_s < renews_at_s:
                self.alarm.set(renews_at_s)
                return []
        if lease.connection != self._state.connection:
            return self._read(now.monotonic_s)
        record = elector.step(
            now.monotonic_s, lease, wish, signature=self._signature(now), timing=timing, claim_term=term
        )
        return [] if record is None else self._write(now, lease, record, elector)

    def _write(self, now: Instant, lease: Lease, record: LeaseRecord | None, elector: Elector | None) -> list[Effect]:
        state = self._state
        if lease.connection != state.connection:
            return self._read(now.monotonic_s)
        write = effects.WriteLease(record, lease.revision, state.connection, self._timeout_s())
        state.lease_operation = LeaseOperation(now.monotonic_s, state.connection, write, elector)
        return [write]

    def _read(self, now_s: float) -> list[Effect]:
        self._state.lease_operation = LeaseOperation(now_s, self._state.connection)
        return [effects.ReadLease(self._timeout_s())]

    def _poll(self, now_s: float, lease: Lease) -> list[Effect]:
        """Read a record of somebody else behind the watch, and once more before it counts as run out."""
        polls_at_s = max(lease.read_at_s or 0.0, lease.seen_at_s) + self._poll_interval_s
        if now_s >= polls_at_s:
            return self._read(now_s)
        self.alarm.set(min(polls_at_s, lease.runs_out_at_s()))
        return []

    def _ask(self, now_s: float, ref: PodRef) -> list[Effect]:
        state = self._state
        if ref.uid in state.pod_reads or not state.api_backoff.is_over(now_s, self.alarm):
            return []
        state.pod_reads.add(ref.uid)
        return [effects.ReadPod(ref)]

    def _timeout_s(self) -> float:
        """One hung request must leave time for others before the deadline."""
        return max(1.0, self._state.timing.renew_deadline_s / 6)

    def _signature(self, now: Instant) -> Signature:
        self._writes += 1
        return Signature(
            wall_s=now.wall_s,
            duration_s=self._state.timing.duration_s,
            writer=self._writer,
            nonce=f"{self._writer}#{self._writes}",
            namespace_uid=self._namespace_uid,
        )

    def _elector(self, identity: str) -> Elector:
        return self._state.electors.setdefault(identity, Elector(identity))
