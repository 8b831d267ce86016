"""From the status in force to the label writes that are due, and to what must be asked before them."""

from __future__ import annotations

from tenure.election import effects, routing
from tenure.election.alarm import Alarm, Backoff
from tenure.election.clock import Instant
from tenure.election.effects import Effect
from tenure.election.state import State


class Labeller:
    """Decides about the labels; at most one write of a pod is on its way.

    `alarm` tells when it wants to decide again.
    """

    def __init__(self, state: State) -> None:
        self.alarm = Alarm()
        self._state = state

    def plan(self) -> routing.Plan:
        """Compare what the pods carry with what the status in force allows."""
        state = self._state
        assert state.resource is not None
        if not state.pods_complete:
            return routing.Plan()
        status = state.resource.status
        return routing.plan(
            state.resource.name,
            status,
            pods=state.pods,
            candidates=state.candidates,
            gone=state.gone,
            listed=state.listed.pods if state.listed is not None and state.listed.term == status.term else None,
            # A term above the status is forged when the resource was read after the pod was seen.
            forged=frozenset(
                uid for uid, seen_at_s in state.pod_seen_at_s.items() if seen_at_s <= state.resource_read_at_s
            ),
        )

    def decide(self, now: Instant, plan: routing.Plan) -> list[Effect]:
        """Return the part of the plan that is due."""
        state, now_s = self._state, now.monotonic_s
        assert state.resource is not None
        self.alarm.clear()
        status = state.resource.status
        if state.spec is None or state.resource_is_stale:
            return []
        if state.status_write is not None and state.status_write.write.status.term != status.term:
            return []  # What is being decided now may forbid what the last decision allows.
        routed = self._route(now_s)
        if state.spec.suspend:
            return routed
        if state.repairs_term != status.term:
            state.repairs, state.repairs_term = {}, status.term
        decided = [*routed, *(write for write in plan.writes if self._begin(now_s, write))]
        for ref in plan.unknown:
            decided += state.read_pod(now_s, ref, self.alarm)
        if plan.suspects:
            decided += state.read_resource(now_s, self.alarm)
        may_list = plan.needs_list and state.list_sent_for_term is None
        if may_list and state.api_backoff.may_try(now_s, wake=self.alarm):
            state.list_sent_for_term = status.term
            decided.append(effects.ListPods())
        return decided

    def _route(self, now_s: float) -> list[Effect]:
        """Return what is due of the EndpointSlices; while the election is suspended they follow their leader, too."""
        state = self._state
        wanted = state.wanted_routes()
        if wanted is None:
            return []
        if (state.routes.above or 0) > wanted.term and wanted.forged_term is None:
            return state.read_resource(now_s, self.alarm)
        return list(state.routes.decide(now_s, wanted, self.alarm))

    def _begin(self, now_s: float, write: effects.WriteLabels) -> bool:
        """Begin a write unless one of its pod is under way or it is too early for it; return whether it was begun."""
        state, uid = self._state, write.ref.uid
        if uid in state.label_writes:
            return False
        repairs: Backoff | None = state.repairs.get(uid)
        if repairs is not None and not repairs.may_try(now_s, wake=self.alarm):
            return False
        state.label_writes[uid] = write
        return True
