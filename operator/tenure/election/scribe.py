"""From what is known to the next status: the floor before any claim, the ledger before any label, the conditions."""

from __future__ import annotations

from dataclasses import replace

from tenure.election import campaign, conditions, effects, ledger, switchover
from tenure.election.alarm import Alarm, Backoff
from tenure.election.clock import Instant
from tenure.election.effects import Effect
from tenure.election.end_of_term import EndOfTerm, why_ended
from tenure.election.lease import Lease
from tenure.election.operations import StatusOperation
from tenure.election.record import LeaseRecord, Unbelievable
from tenure.election.resource import Leader, Refusal, Spec, Status
from tenure.election.routing import Plan
from tenure.election.state import State

COSMETIC_DELAY_S = 0.5
"""How long a status waits in which only numbers and sentences changed, so that a burst of pods costs one write."""

CALM_S = 60.0
"""After so long without such a write the next ones come as soon as the first. Before, each waits longer than the one
before it, up to half a minute: otherwise a pod that is Ready every other second, or two operators of which one does not
reach NATS, would write for ever."""


class Scribe:
    """Decides about the status; at most one write is on its way. `alarm` tells when it wants to decide again."""

    def __init__(self, state: State, *, namespace_uid: str | None) -> None:
        self.alarm = Alarm()
        self._state = state
        self._namespace_uid = namespace_uid
        self._cosmetic_since_s: float | None = None
        self._cosmetic_backoff = Backoff(COSMETIC_DELAY_S / 16, 30.0)

    def decide(self, now: Instant, decision: campaign.Decision, plan: Plan) -> list[Effect]:
        """Return the status write that is due. `plan` is what the labels lack of the status in force."""
        state, now_s = self._state, now.monotonic_s
        assert state.resource is not None
        self.alarm.clear()
        if state.status_write is not None:
            return []
        if state.resource_is_stale:
            return state.read_resource(now_s, self.alarm)
        last = state.resource.status
        status = self._next_ledger(now, last, decision)
        if status is last and plan.settled and last.unfenced and state.routes.sent is None:
            status = ledger.settle(last)  # One write with what the slices say, which nearly always come first.
        status = self._answer(now, last, status)
        is_urgent = status is not last
        contested = isinstance(decision, campaign.Wait) and decision.contested
        settled = plan.settled and status.term == last.term
        status = self._describe(now, status, plan, settled=settled, contested=contested)
        if not is_urgent and not self._cosmetics_are_due(now_s, status, last):
            return []
        if not state.status_backoff.is_over(now_s, self.alarm):
            return []
        self._cosmetic_since_s = None
        if not is_urgent:
            self._cosmetic_backoff.failed(now_s)
        write = effects.WriteStatus(status, state.resource.resource_version)
        is_first_floor = last.term_floor is None and status.term_floor is not None
        raises_for_lost = isinstance(decision, campaign.RaiseFloor) and decision.lost
        lease = state.lease
        covers = None
        if lease is not None and (raises_for_lost or (is_first_floor and lease.record is None)):
            covers = lease.revision
        state.status_write = StatusOperation(write, covers)
        return [write]

    def _cosmetics_are_due(self, now_s: float, status: Status, last: Status) -> bool:
        if _says_the_same(status, last):
            self._cosmetic_since_s = None
            return False
        if self._cosmetic_since_s is None:
            self._cosmetic_since_s = now_s
            if now_s >= self._cosmetic_backoff.not_before_s + CALM_S:
                self._cosmetic_backoff.succeeded()
        due_at_s = max(self._cosmetic_since_s + COSMETIC_DELAY_S, self._cosmetic_backoff.not_before_s)
        if now_s < due_at_s:
            self.alarm.set(due_at_s)
        return now_s >= due_at_s

    def _next_ledger(self, now: Instant, last: Status, decision: campaign.Decision) -> Status:
        """Return the status with the next entry of the ledger or the next floor; `last` itself without either."""
        state = self._state
        is_led_by_record = isinstance(decision, campaign.Follow)
        if not state.pods_complete or state.lease is None or not (state.lease.revision or is_led_by_record):
            return last
        status = last
        if last.term_floor is None:
            # In this life nothing can have been claimed before the first floor; in an earlier one, what labels tell of.
            told = state.highest_label + campaign.CLAIM_GAP if state.highest_label else 0
            status = replace(last, term_floor=max(last.term, self._believed_term(0), told))
        if isinstance(decision, campaign.RaiseFloor):
            status = replace(status, term_floor=max(status.term_floor or 0, decision.floor))
        entry = self._next_entry(last, state.lease, decision)
        if entry is None:
            return status
        term, leader, acquired_at_s = entry
        return ledger.advance(
            status,
            term=term,
            leader=leader,
            acquired_at_s=acquired_at_s,
            now_wall_s=now.wall_s,
            why=self._why_ended(now, last, leader, decision),
        )

    def _answer(self, now: Instant, last: Status, status: Status) -> Status:
        """Return the status with what has become of the switchover that is asked for; itself when that is said."""
        state, spec, leading = self._state, self._state.spec, self._state.leading
        if spec is None or not state.pods_complete:
            return status
        is_led = (
            leading is not None
            and last.leader is not None
            and (leading.identity, leading.term) == (last.leader.identity, last.term)
        )
        given = switchover.answer(spec, last, status, field=state.field(now), is_led=is_led, wall_s=now.wall_s)
        return status if given is None else replace(status, switchover=given)

    def _next_entry(
        self, last: Status, lease: Lease, decision: campaign.Decision
    ) -> tuple[int, Leader | None, float | None] | None:
        """Return the term, leader and start that the status must show next, None when it shows what is."""
        state, record = self._state, lease.record
        if isinstance(decision, campaign.Follow):
            return decision.reign
        if last.term_floor is None or not isinstance(record, LeaseRecord):
            return None
        leading = state.leading
        if leading is not None:
            pod = next((pod for pod in state.pods.values() if pod.identity == leading.identity), None)
            if pod is None or leading.term <= last.term:
                return None
            return leading.term, Leader(pod.identity, pod.ref, pod.node), record.started_at_s
        if not isinstance(decision, campaign.Wait):
            return None
        if decision.foreign:
            is_shown = last.leader is not None and last.leader.identity == record.holder
            if is_shown or not record.holder or not self._believed_term(last.term_floor):
                return None
            return max(record.term, state.shown_term + 1), Leader(record.holder, None), record.started_at_s
        shows_a_leader = last.leader is not None or state.has_stray_leader
        is_vacant = not record.holder and shows_a_leader and record.term > state.shown_term
        return (record.term, None, None) if is_vacant and self._waits_for_candidates() else None

    def _waits_for_candidates(self) -> bool:
        """Whether the wait is one for candidates: not for NATS, for an operation, or for the end of a suspension."""
        state = self._state
        is_idle = state.lease_operation is None and bool(state.connection) and state.lease_certain
        return is_idle and state.spec is not None and not state.spec.suspend

    def _why_ended(self, now: Instant, last: Status, leader: Leader | None, decision: campaign.Decision) -> str:
        state, spec, why = self._state, self._state.spec, EndOfTerm.LEASE_LOST
        if last.leader is not None and last.leader.pod is not None:
            why = why_ended(
                last.leader.pod.uid,
                state.field(now),
                state.pods,
                lost=not self._follows and (last.term_floor or 0) >= last.term + campaign.CLAIM_GAP,
                successor=leader.pod if leader is not None else None,
                is_switchover=spec is not None and switchover.fulfilled(spec, last, leader, now.wall_s) is not None,
            )
        if isinstance(decision, campaign.Follow) and why is EndOfTerm.LEASE_LOST:
            return decision.why
        return why

    def _why_not_believed(self, record: LeaseRecord | Unbelievable | None, floor: int) -> str | None:
        if isinstance(record, Unbelievable):
            return record.reason
        if record is not None and record.term > floor + campaign.MAX_TERM_JUMP:
            return f"its term {record.term} is more than {campaign.MAX_TERM_JUMP} above status.termFloor {floor}"
        return None

    def _believed_term(self, floor: int) -> int:
        term = self._state.lease.term if self._state.lease is not None else 0
        return term if term <= floor + campaign.MAX_TERM_JUMP else 0

    def _describe(self, now: Instant, status: Status, plan: Plan, *, settled: bool, contested: bool) -> Status:
        """Return the status with its numbers and conditions."""
        state = self._state
        assert state.resource is not None
        spec, generation = state.resource.spec, state.resource.generation
        if not state.pods_complete and status.conditions and not isinstance(spec, Refusal):
            return status
        floor = status.term_floor
        status = replace(
            status,
            term_floor=None if floor is None else max(floor, self._believed_term(floor)),
            observed_generation=generation,
        )
        obstacles = ""
        if not isinstance(spec, Refusal):
            field = state.field(now)
            eligible = sum(map(field.is_eligible, field.candidates))
            leader = next((pod for pod in field.candidates if status.leader and pod.ref == status.leader.pod), None)
            status = replace(
                status,
                candidates=len(field.candidates),
                eligible=eligible,
                failover_at_s=None if leader is None else field.fails_over_at_s(leader),
                switchover=switchover.note(spec, status, now.wall_s),
            )
            obstacles = field.describe_obstacles()
            self.alarm.set(now.monotonic_of(state.changes_at_s(now)))
        facts = self._facts(now, spec, status, plan, obstacles, settled=settled, contested=contested)
        return replace(
            status, conditions=conditions.derive(facts, status, generation=generation, now_wall_s=now.wall_s)
        )

    def _facts(
        self,
        now: Instant,
        spec: Spec | Refusal,
        status: Status,
        plan: Plan,
        obstacles: str,
        *,
        settled: bool,
        contested: bool,
    ) -> conditions.Facts:
        state, leader = self._state, status.leader
        record = state.lease.record if state.lease is not None else None
        is_live = state.lease is not None and bool(state.lease.holder) and not state.lease.expired(now.monotonic_s)
        return conditions.Facts(
            refusal=spec if isinstance(spec, Refusal) else None,
            suspended=isinstance(spec, Spec) and spec.suspend,
            candidates=status.candidates,
            eligible=status.eligible,
            obstacles=obstacles,
            leader=None if leader is None else leader.pod.name if leader.pod is not None else leader.identity,
            leader_is_pod=leader is not None and leader.pod is not None,
            leader_is_gone=leader is not None and leader.pod is not None and leader.pod.uid in state.gone,
            lease_held=self._is_held(is_live, leader),
            nats_available=bool(state.connection) and state.lease_backoff.failures < 2,
            settled=settled and state.routes.is_settled(state.wanted_routes()),
            refused_service=next(iter(state.routes.refusals), None),
            refused_label=next(
                (state.refused_labels[write.ref.uid] for write in plan.writes if write.ref.uid in state.refused_labels),
                None,
            ),
            conflict=is_live
            and isinstance(record, LeaseRecord)
            and record.namespace_uid not in (None, self._namespace_uid),
            unbelievable=self._why_not_believed(record, status.term_floor or 0),
            contested=contested,
            pods_campaign=self._follows,
            has_namesake=leader is not None and any(pod.name == leader.identity for pod in state.candidates),
        )

    @property
    def _follows(self) -> bool:
        spec = self._state.spec
        return spec is not None and spec.pods_campaign

    def _is_held(self, is_live: bool, leader: Leader | None) -> bool:  # noqa: FBT001 - a fact about the record
        """Whether the leader that is shown holds the lease."""
        state = self._state
        if leader is None:
            return False
        if self._follows:
            return is_live and state.lease is not None and state.lease.holder == leader.identity
        return state.leading is not None and state.leading.identity == leader.identity


def _says_the_same(status: Status, last: Status) -> bool:
    """Whether nothing but times and the floor differs."""
    if len(status.conditions) != len(last.conditions):
        return False
    if not all(new.says_the_same(old) for new, old in zip(status.conditions, last.conditions, strict=True)):
        return False
    return replace(status, conditions=(), term_floor=None) == replace(last, conditions=(), term_floor=None)
