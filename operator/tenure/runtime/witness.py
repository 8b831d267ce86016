"""An election with a witness: what its steps take in and give out is counted and measured, and nothing is changed."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from tenure.election.clock import Instant
from tenure.election.effects import Effect, WriteLabels
from tenure.election.election import Election
from tenure.election.end_of_term import EndOfTerm
from tenure.election.inputs import (
    EntrySeen,
    Input,
    LabelOutcome,
    LabelsWritten,
    LeaseRead,
    LeaseWritten,
    WriteOutcome,
)
from tenure.election.labels import PodRole
from tenure.election.mandate import Mandate
from tenure.election.pod import Pod, PodRef
from tenure.election.resource import Status
from tenure.election.routing import is_follower
from tenure.metrics import ElectionFigures, Metrics
from tenure.runtime.keys import Key

logger = logging.getLogger(__name__)

ELECTED = "Elected"
"""The reason of a change of leadership where nobody led before."""

REASONS = frozenset((*EndOfTerm, ELECTED))
"""All that are counted: whoever may write a status may write anything there."""


class Witness:
    """Stands in the dispatcher for an election, which it steps.

    `figures` are kept as they are to be shown, also while this process stands by; then nothing is counted, since
    another one counts it. A renewal at rest costs a few microseconds here; the rest is looked at only when something
    has happened to the resource or to a pod.
    """

    def __init__(self, key: Key, election: Election, metrics: Metrics) -> None:
        self.figures = ElectionFigures(*key)
        self._election = election
        self._metrics = metrics
        self._vacant_since_s: float | None = None
        self._served_by: PodRef | None = None
        self._in_order: frozenset[str] = frozenset()
        self._in_order_term = 0
        self._under_repair: set[str] = set()
        """UIDs of the pods that were in order before the label write of them which is on its way."""

    @property
    def wakes_at_s(self) -> float:
        """See `Stepper`."""
        return self._election.wakes_at_s

    def step(self, now: Instant, happened: Sequence[Input]) -> Sequence[Effect]:
        """Step the election."""
        state = self._election.state
        before = state.resource
        is_news = False
        for one in happened:
            if isinstance(one, LeaseWritten):
                self._conclude_lease(now, one.outcome)
            elif not isinstance(one, (EntrySeen, LeaseRead)):
                is_news = True
                if isinstance(one, LabelsWritten):
                    self._conclude_labels(one)
        effects = self._election.step(now, happened)
        if is_news and state.resource is not None:
            if before is not None and now.mandate is Mandate.ACT:
                self._count_transitions(before.status, state.resource.status)
            self._look(now, state.resource.status)
        for effect in effects:
            if isinstance(effect, WriteLabels) and effect.ref.uid in self._in_order:
                self._under_repair.add(effect.ref.uid)
        return effects

    def _conclude_lease(self, now: Instant, outcome: WriteOutcome) -> None:
        """Measure a renewal: a write that gave the holder of a term more time in it.

        The one with which this process took up a lease that it found is none: it knew of no time at which it was due.
        """
        operation = self._election.state.lease_operation
        if operation is None or operation.elector is None or outcome is not WriteOutcome.APPLIED:
            return
        record = operation.write.record if operation.write is not None else None
        if record is not None and record.holder and record.term == operation.elector.term:
            due_at_s = operation.elector.renews_at_s(self._election.state.timing)
            self._metrics.renewal_durations.observe(now.monotonic_s - operation.sent_at_s)
            self._metrics.renewal_latenesses.observe(operation.sent_at_s - due_at_s)

    def _conclude_labels(self, result: LabelsWritten) -> None:
        """Count a label write, and whether it undid what somebody else had written."""
        self._metrics.label_writes[result.outcome].inc()
        state, uid = self._election.state, result.ref.uid
        write = state.label_writes.get(uid)
        # Not by what the pod is now: the watch may have shown this very write already.
        was_in_order = uid in self._under_repair
        self._under_repair.discard(uid)
        if result.outcome is not LabelOutcome.APPLIED or write is None or state.resource is None:
            return
        status = state.resource.status
        if write.term != status.term or state.precedes_a_crown(write) or status.unfenced:
            return  # Half of a repair, of which the other one counts, or a part of a hand-over.
        is_pretender = write.expected_role == PodRole.LEADER and uid != _leader_uid(status)
        if is_pretender or was_in_order:
            self.figures.drift_repairs += 1
            facts = {"election": f"{self.figures.namespace}/{self.figures.name}", "pod": result.ref.name}
            logger.warning("Labels repaired that somebody else had changed", extra=facts)

    def _count_transitions(self, before: Status, after: Status) -> None:
        if after.term <= before.term:
            return
        reasons = [past.reason for past in after.history if past.term >= before.term]
        if not reasons and after.leader is not None:
            reasons = [ELECTED]
        for reason in reasons:
            if reason in REASONS:
                self.figures.transitions[reason] = self.figures.transitions.get(reason, 0) + 1

    def _look(self, now: Instant, status: Status) -> None:
        """Look at the pods and the status as they stand after a step."""
        self.figures.status = status
        leader = self._find_leader(now, status)
        self.figures.leader = leader.name if leader is not None else ""
        if leader is not None and self._is_in_order(leader, status):
            is_next = self._served_by not in (None, leader.ref)
            if is_next and self._vacant_since_s is not None and now.mandate is Mandate.ACT:
                self._metrics.hand_overs.observe(now.monotonic_s - self._vacant_since_s)
            self._vacant_since_s, self._served_by = None, leader.ref
        elif self._vacant_since_s is None:
            self._vacant_since_s = now.monotonic_s
        self._note_what_is_in_order(status)

    def _find_leader(self, now: Instant, status: Status) -> Pod | None:
        """Return the pod that the status names, if it may go on leading."""
        state = self._election.state
        pod = state.pods.get(_leader_uid(status))
        is_candidate = any(candidate is pod for candidate in state.candidates)
        return pod if pod is not None and is_candidate and state.slate(now).may_stay(pod) else None

    def _note_what_is_in_order(self, status: Status) -> None:
        """Remember which candidates have had the labels of this term: what they lack later, somebody else took."""
        if status.term != self._in_order_term:
            self._in_order, self._in_order_term = frozenset(), status.term
        self._in_order = frozenset(
            pod.uid
            for pod in self._election.state.candidates
            if pod.uid in self._in_order or self._is_in_order(pod, status)
        )

    def _is_in_order(self, pod: Pod, status: Status) -> bool:
        """Whether a candidate carries what the status says of it."""
        name = self.figures.name
        if pod.uid == _leader_uid(status):
            return pod.role(name) == PodRole.LEADER and pod.term(name) == str(status.term)
        return is_follower(pod, name, status.term)


def _leader_uid(status: Status) -> str:
    return status.leader.pod.uid if status.leader is not None and status.leader.pod is not None else ""
