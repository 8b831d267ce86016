"""From what is known to the next status: the floor before any claim, the ledger before any label, the conditions."""

from __future__ import annotations

from dataclasses import replace

from tenure.election import campaign, conditions, effects, ledger, switchover
from tenure.election.alarm import Alarm, Backoff
from tenure.election.clock import Instant
from tenure.election.effects import Effect
from tenure.election.end_of_term import EndOfTerm, why_ended
from tenure.election.operations import StatusOperation
from tenure.election.outlook import Outlook
from tenure.election.resource import MAX_TERM_JUMP, Leader, Refusal, Reign, Spec, Status
from tenure.election.routing import Plan
from tenure.election.state import State

COSMETIC_DELAY_S = 0.5
"""How long a status waits in which only numbers and sentences changed, so that a burst of pods costs one write."""

COSMETIC_CALM_S = 60.0
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
        # Each waits for the delay in any case: so the back-off tells only from the sixth in a row.
        self._cosmetic_backoff = Backoff(COSMETIC_DELAY_S / 16, 30.0, calm_s=COSMETIC_CALM_S)

    def decide(self, now: Instant, outlook: Outlook, plan: Plan) -> list[Effect]:
        """Return the status write that is due. `plan` is what the labels lack of the status in force."""
        state, now_s = self._state, now.monotonic_s
        assert state.resource is not None
        self.alarm.clear()
        if state.status_write is not None:
            return []
        if state.resource_is_stale:
            return state.read_resource(now_s, self.alarm)
        last = state.resource.status
        status = self._next_ledger(now, last, outlook)
        if status is last and plan.settled and last.unfenced and state.routes.sent is None:
            status = ledger.settle(last)  # One write with what the slices say, which nearly always come first.
        status = self._answer(now, last, status, outlook)
        is_urgent = status is not last
        settled = plan.settled and status.term == last.term
        status = self._describe(now, status, plan, outlook, settled=settled)
        if not is_urgent and (not self._wait_for_cosmetics(now_s, status, last) or self._awaits_the_first_record(last)):
            return []
        if not state.status_backoff.may_try(now_s, wake=self.alarm):
            return []
        self._cosmetic_since_s = None
        if not is_urgent:
            self._cosmetic_backoff.failed(now_s)
        write = effects.WriteStatus(status, state.resource.resource_version)
        state.status_write = StatusOperation(write, self._covered_revision(last, status, outlook))
        return [write]

    def _covered_revision(self, last: Status, status: Status, outlook: Outlook) -> int | None:
        """Return the revision that the floor in this status covers, as `StatusOperation.covers` says."""
        lease, decision = self._state.lease, outlook.decision
        if lease is None:
            return None
        is_first_floor = last.term_floor is None and status.term_floor is not None
        raises_for_lost = isinstance(decision, campaign.RaiseFloor) and decision.lost
        return lease.revision if raises_for_lost or (is_first_floor and lease.record is None) else None

    def _wait_for_cosmetics(self, now_s: float, status: Status, last: Status) -> bool:
        """Let what is not urgent wait, from when it was first to be said; return whether it has waited long enough."""
        if _says_the_same(status, last):
            self._cosmetic_since_s = None
            return False
        if self._cosmetic_since_s is None:
            self._cosmetic_since_s = now_s
        due_at_s = max(self._cosmetic_since_s + COSMETIC_DELAY_S, self._cosmetic_backoff.not_before_s)
        if now_s < due_at_s:
            self.alarm.set(due_at_s)
        return now_s >= due_at_s

    def _awaits_the_first_record(self, last: Status) -> bool:
        """Whether the answer of NATS that is under way brings the first floor, and with it a write in any case.

        Thousands of elections that begin at once wait for seconds: none of them is to say so.
        """
        return last.term_floor is None and self._state.lease_operation is not None

    def _next_ledger(self, now: Instant, last: Status, outlook: Outlook) -> Status:
        """Return the status with the next entry of the ledger or the next floor; `last` itself without either."""
        state, decision = self._state, outlook.decision
        if not state.pods_complete or not outlook.is_known:
            return last
        status = last
        if last.term_floor is None:
            # In this life nothing can have been claimed before the first floor; in an earlier one, what labels tell of.
            floor = max(last.term, _believed_term(outlook, last), state.earlier_term)
            status = replace(last, term_floor=floor)
        if isinstance(decision, campaign.RaiseFloor):
            status = replace(status, term_floor=max(status.term_floor or 0, decision.floor))
        reign = self._next_reign(last, outlook)
        if reign is None:
            return status
        why = self._why_ended(now, last, reign.leader, outlook)
        return ledger.advance(status, reign, now_wall_s=now.wall_s, why=why)

    def _answer(self, now: Instant, last: Status, status: Status, outlook: Outlook) -> Status:
        """Return the status with what has become of the switchover that is asked for; itself when that is said."""
        state, spec, slate = self._state, self._state.spec, self._state.slate(now)
        if not state.pods_complete or not outlook.is_seen or status.term_floor is None:
            return status  # One that waits may have begun by now: the record tells. The first floor skips those before.
        if outlook.begun is not None:
            if status.term == last.term:
                return status
            concluded = switchover.conclude(outlook.begun, spec, last, status, slate=slate, wall_s=now.wall_s)
            return replace(status, switchover=concluded)
        if spec is None:
            return status
        is_led = last.leader is not None and outlook.leading == (last.leader.identity, last.term)
        given = switchover.answer(spec, last, status, slate=slate, is_led=is_led, wall_s=now.wall_s)
        return status if given is None else replace(status, switchover=given)

    def _next_reign(self, last: Status, outlook: Outlook) -> Reign | None:
        """Return what the status must show next, None when it shows what is."""
        state, decision = self._state, outlook.decision
        if isinstance(decision, campaign.Follow):
            return decision.reign
        if last.term_floor is None or not outlook.term:
            return None
        if outlook.leading is not None:
            identity, term = outlook.leading
            pod = next((pod for pod in state.pods.values() if pod.identity == identity), None)
            if pod is None or term <= last.term:
                return None
            return Reign(term, Leader(pod.identity, pod.ref, pod.node), outlook.started_at_s)
        if not isinstance(decision, campaign.Wait):
            return None
        shown_term = last.shown_term(state.highest_label)
        if decision.foreign:
            is_shown = last.leader is not None and last.leader.identity == outlook.holder
            if is_shown or not outlook.holder or not last.believes(outlook.term):
                return None
            term = max(outlook.term, shown_term + 1, last.told_term(outlook.term) + 1)
            return Reign(term, Leader(outlook.holder, None), outlook.started_at_s)
        shows_a_leader = last.leader is not None or state.has_stray_leader
        is_vacant = not outlook.holder and shows_a_leader and outlook.term > shown_term
        # What is waited for is candidates: not NATS, nor the end of a suspension.
        is_for_candidates = outlook.is_idle and state.spec is not None and not state.spec.suspend
        return Reign(outlook.term, None, None) if is_vacant and is_for_candidates else None

    def _why_ended(self, now: Instant, last: Status, leader: Leader | None, outlook: Outlook) -> str:
        state, spec, why = self._state, self._state.spec, EndOfTerm.LEASE_LOST
        if last.leader is not None and last.leader.pod is not None:
            why = why_ended(
                last.leader.pod.uid,
                state.slate(now),
                state.pods,
                lost=not self._pods_campaign and (last.term_floor or 0) >= last.term + campaign.CLAIM_GAP,
                successor=leader.pod if leader is not None else None,
                is_switchover=outlook.begun is not None
                or (spec is not None and switchover.fulfilled(spec, last, leader, now.wall_s) is not None),
            )
        if isinstance(outlook.decision, campaign.Follow) and why is EndOfTerm.LEASE_LOST:
            return outlook.decision.why
        return why

    def _describe(self, now: Instant, status: Status, plan: Plan, outlook: Outlook, *, settled: bool) -> Status:
        """Return the status with its numbers and conditions."""
        state = self._state
        assert state.resource is not None
        spec, generation = state.resource.spec, state.resource.generation
        if not state.pods_complete and status.conditions and not isinstance(spec, Refusal):
            return status
        floor = status.term_floor
        status = replace(
            status,
            term_floor=None if floor is None else max(floor, _believed_term(outlook, status)),
            observed_generation=generation,
        )
        obstacles = ""
        if not isinstance(spec, Refusal):
            slate = state.slate(now)
            eligible = sum(map(slate.is_eligible, slate.candidates))
            leader = next((pod for pod in slate.candidates if status.leader and pod.ref == status.leader.pod), None)
            status = replace(
                status,
                candidates=len(slate.candidates),
                eligible=eligible,
                failover_at_s=None if leader is None else slate.fails_over_at_s(leader),
                switchover=status.switchover
                if outlook.begun
                else switchover.note(spec, status, now.wall_s, is_seen=outlook.is_seen),
            )
            obstacles = slate.describe_obstacles()
            self.alarm.set(now.monotonic_of(state.changes_at_s(now)))
        facts = self._facts(spec, status, plan, obstacles, outlook, settled=settled)
        return replace(
            status, conditions=conditions.derive(facts, status, generation=generation, now_wall_s=now.wall_s)
        )

    def _facts(
        self, spec: Spec | Refusal, status: Status, plan: Plan, obstacles: str, outlook: Outlook, *, settled: bool
    ) -> conditions.Facts:
        state, leader = self._state, status.leader
        return conditions.Facts(
            refusal=spec if isinstance(spec, Refusal) else None,
            suspended=isinstance(spec, Spec) and spec.suspend,
            candidates=status.candidates,
            eligible=status.eligible,
            obstacles=obstacles,
            leader=None if leader is None else leader.pod.name if leader.pod is not None else leader.identity,
            leader_is_pod=leader is not None and leader.pod is not None,
            leader_is_gone=leader is not None and leader.pod is not None and leader.pod.uid in state.gone,
            lease_held=self._holds_the_lease(outlook, leader),
            nats_available=outlook.nats_is_available,
            settled=settled and state.routes.is_settled(state.wanted_routes()),
            refused_service=next(iter(state.routes.refusals), None),
            refused_label=next(
                (state.refused_labels[write.ref.uid] for write in plan.writes if write.ref.uid in state.refused_labels),
                None,
            ),
            conflict=outlook.is_held and outlook.namespace_uid not in (None, self._namespace_uid),
            unbelievable=_why_not_believed(outlook, status),
            contested=isinstance(outlook.decision, campaign.Wait) and outlook.decision.contested,
            pods_campaign=self._pods_campaign,
            has_namesake=leader is not None and any(pod.name == leader.identity for pod in state.candidates),
        )

    @property
    def _pods_campaign(self) -> bool:
        spec = self._state.spec
        return spec is not None and spec.pods_campaign

    def _holds_the_lease(self, outlook: Outlook, leader: Leader | None) -> bool:
        """Whether the leader that is shown holds the lease."""
        if leader is None:
            return False
        if self._pods_campaign:
            return outlook.is_held and outlook.holder == leader.identity
        return outlook.leading is not None and outlook.leading[0] == leader.identity


def _believed_term(outlook: Outlook, status: Status) -> int:
    """Return the term of the record; 0 when there is none to be believed."""
    return outlook.term if status.believes(outlook.term) else 0


def _why_not_believed(outlook: Outlook, status: Status) -> str | None:
    if status.believes(outlook.term):
        return outlook.unbelievable
    return f"its term {outlook.term} is more than {MAX_TERM_JUMP} above status.termFloor {status.term_floor or 0}"


def _says_the_same(status: Status, last: Status) -> bool:
    """Whether nothing but times and the floor differs."""
    if len(status.conditions) != len(last.conditions):
        return False
    if not all(new.says_the_same(old) for new, old in zip(status.conditions, last.conditions, strict=True)):
        return False
    return replace(status, conditions=(), term_floor=None) == replace(last, conditions=(), term_floor=None)
