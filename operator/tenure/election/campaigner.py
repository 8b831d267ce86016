"""From what is known to what is read and written in NATS: the elector whose turn it is, at the time that it is due."""

from __future__ import annotations

from tenure.election import campaign, ledger, switchover
from tenure.election.alarm import Alarm, Backoff
from tenure.election.clock import Instant
from tenure.election.effects import Effect
from tenure.election.elector import Role, Wish
from tenure.election.lease import Lease
from tenure.election.lease_writer import LeaseWriter
from tenure.election.mandate import Mandate
from tenure.election.pod import PodRef, parse_identity
from tenure.election.record import LeaseRecord
from tenure.election.request import Switchover
from tenure.election.resource import Spec, Status
from tenure.election.state import State

RECOVERY_PAUSE_MIN_S = 2.0
RECOVERY_PAUSE_MAX_S = 60.0
"""How long after a lost record was written anew the next one may be: twice as long each time."""

RECOVERY_CALM_S = 300.0
"""After so long without a lost record the next one waits as if it were the first."""

CONTESTED_FROM = 3
"""After so many lost records in a row no accident is thought of any more, but another operator: `RecordContested`."""

_WAIT = campaign.Wait()


class Campaigner:
    """Decides about the lease.

    `decision` is what the last step decided, Wait while something is under way. `alarm` tells when it wants to decide
    again.
    """

    def __init__(self, state: State, *, writer: str, namespace_uid: str | None, poll_interval_s: float) -> None:
        self.decision: campaign.Decision = _WAIT
        self.alarm = Alarm()
        self._state = state
        self._writer = LeaseWriter(state, self.alarm, writer=writer, namespace_uid=namespace_uid)
        self._name = writer
        self._namespace_uid = namespace_uid
        self._poll_interval_s = poll_interval_s
        self._judged: campaign.Decision = _WAIT
        self._judged_until_s = 0.0
        self._recoveries = Backoff(RECOVERY_PAUSE_MIN_S, RECOVERY_PAUSE_MAX_S, calm_s=RECOVERY_CALM_S)
        self._recovered = 0
        """The revision in whose place the last lost record was written anew."""

    def decide(self, now: Instant) -> list[Effect]:
        """Return the read or write of the record that is due, or the question that must be answered before it."""
        state, now_s = self._state, now.monotonic_s
        self.alarm.clear()
        self.decision = _WAIT
        if state.is_changed:
            self._judged = _WAIT  # Even if it cannot be judged anew before an answer has come from NATS.
        leading = state.leading
        if leading is not None and state.lease is not None:
            leading.observe(now_s, state.lease, state.timing)
            if leading.role is Role.LEADER:
                self.alarm.set(leading.deadline_s(state.timing))
        if state.spec is None or not state.pods_complete or not state.connection or state.lease_operation is not None:
            return []
        if not state.lease_backoff.may_try(now_s, wake=self.alarm):
            return []
        if state.lease is None or not state.lease_certain:
            return self._writer.read(now, state.timing)
        if self._still_holds(now, state.lease):
            self.decision = self._judged
        else:
            self._judged, self._judged_until_s = self._judge(now, state.lease), state.changes_at_s(now)
            self.decision = self._without_haste(now_s, state.lease, self._judged)
        self.alarm.set(now.monotonic_of(self._judged_until_s))
        if now.mandate is Mandate.RENEW and not self._renews_its_own(state.lease):
            self.decision = _WAIT
        return self._act(now, state.lease)

    def _act(self, now: Instant, lease: Lease) -> list[Effect]:
        writer, timing = self._writer, self._state.timing
        match self.decision:
            case campaign.Hold(pod):
                return writer.step(now, lease, pod.identity, Wish.LEAD, timing)
            case campaign.Doubt(pod):
                held = writer.step(now, lease, pod.identity, Wish.LEAD, timing)
                return [*held, *self._state.read_pod(now.monotonic_s, pod.ref, self.alarm)]
            case campaign.Release(identity, asked):
                return writer.step(now, lease, identity, Wish.RELEASE, timing, switchover=asked)
            case campaign.Claim(None, term, asked):
                return writer.vacate(now, lease, term, timing, switchover=asked)
            case campaign.Claim(pod, term, asked) if pod is not None:
                return writer.step(now, lease, pod.identity, Wish.LEAD, timing, claim_term=term, switchover=asked)
            case campaign.Mark():
                return writer.mark(now, lease, timing)
            case campaign.Confirm(ref):
                return self._confirm(now.monotonic_s, ref)
            case campaign.ReadAgain():
                return writer.read(now, timing)
            case campaign.Wait(foreign=True):
                return writer.poll(now, lease, timing, interval_s=self._poll_interval_s)
            case _:
                return []  # Nothing is due, or the status must say a higher floor first.

    def _without_haste(self, now_s: float, lease: Lease, decision: campaign.Decision) -> campaign.Decision:
        """Return the decision, or a wait where one lost record follows another.

        Two operators that write one status, but have buckets of their own, take each other's terms for lost records:
        without a pause they would use up thousands of terms in a minute.
        """
        state, recoveries = self._state, self._recoveries
        assert state.resource is not None
        is_recovery = state.resource.status.term > 0 and state.floor_covers == lease.revision != self._recovered
        if isinstance(decision, campaign.Claim) and is_recovery:
            self._recovered = lease.revision
            recoveries.failed(now_s)
        if (
            isinstance(decision, campaign.RaiseFloor)
            and decision.lost
            and not recoveries.may_try(now_s, wake=self.alarm)
        ):
            return campaign.Wait(contested=recoveries.failures >= CONTESTED_FROM)
        return decision

    def _still_holds(self, now: Instant, lease: Lease) -> bool:
        """Whether this process leads, and nothing has changed since it decided to: so an election at rest costs little.

        What that decision rests on beside the record sets `is_changed`, or changes at a time that was known then.
        """
        if not isinstance(self._judged, campaign.Hold) or now.wall_s >= self._judged_until_s:
            return False
        leading, record = self._state.leading, lease.record
        return (
            leading is not None
            and leading.identity == self._judged.pod.identity
            and isinstance(record, LeaseRecord)
            and (record.holder, record.term, record.writer) == (leading.identity, leading.term, self._name)
        )

    def _renews_its_own(self, lease: Lease) -> bool:
        """Whether the record is to be held, and was written last by this very process."""
        record = lease.record
        return (
            isinstance(self.decision, campaign.Hold) and isinstance(record, LeaseRecord) and record.writer == self._name
        )

    def _judge(self, now: Instant, lease: Lease) -> campaign.Decision:
        state = self._state
        assert state.resource is not None
        assert state.spec is not None
        status, candidates = state.resource.status, state.candidates
        if status.term_floor is None:
            return campaign.Mark() if lease.revision == 0 else campaign.Wait()
        holder = parse_identity(lease.holder)
        outsiders = state.pods.keys() - {pod.uid for pod in candidates} if self._knows_the_spec_of(lease) else None
        decision = campaign.decide(
            campaign.View(
                now_s=now.monotonic_s,
                lease=lease,
                status=status,
                resource_seen_at_s=state.resource_seen_at_s,
                slate=state.slate(now),
                gone=state.gone | outsiders if outsiders else state.gone,
                namespace_uid=self._namespace_uid,
                highest_label=state.highest_label,
                stray_leader=state.has_stray_leader,
                floor_covers=state.floor_covers,
                holder=state.pods.get(holder.uid) if holder is not None else None,
                holder_read_at_s=state.pod_read_at_s.get(holder.uid) if holder is not None else None,
                suspended=state.spec.suspend,
                switchover=self._due(now, state.spec, status),
            )
        )
        if isinstance(decision, campaign.Release) and not self._knows_the_spec_of(lease):
            pod = next((pod for pod in candidates if pod.identity == lease.holder), None)
            if pod is not None and not pod.terminating and not pod.finished:
                return campaign.Confirm(pod.ref)  # It may be by rules that are in force no more.
        if isinstance(decision, campaign.Claim | campaign.Release) and len(status.unfenced) >= ledger.MAX_UNFENCED:
            return campaign.Wait()  # Leadership stays where it is until some of those pods can be stamped.
        return decision

    def _due(self, now: Instant, spec: Spec, status: Status) -> Switchover | None:
        """Return the switchover that is to be made now, unless the status may be about to say that it is over.

        Its leader stays, says a refusal that is on its way, whatever has become of its target meanwhile.
        """
        state = self._state
        written = state.status_write.write.status if state.status_write is not None else status
        may_be_over = state.resource_is_stale or switchover.pending(spec, written) is None
        return None if may_be_over else switchover.due(spec, status, now.wall_s)

    def _knows_the_spec_of(self, lease: Lease) -> bool:
        """Whether the spec that is known is not older than the one by which the record was written, by another process.

        Two processes of which one has an older selector, or older rules, would take turns otherwise: one claims what
        the other releases.
        """
        record = lease.record
        is_our_own = isinstance(record, LeaseRecord) and record.writer == self._name
        return is_our_own or self._state.resource_read_at_s >= lease.seen_at_s

    def _confirm(self, now_s: float, ref: PodRef) -> list[Effect]:
        """Return the question about a holder that may not lead: what the spec says now, if its pod is known."""
        state = self._state
        if ref.uid in state.pods:
            return state.read_resource(now_s, self.alarm)
        return state.read_pod(now_s, ref, self.alarm)
