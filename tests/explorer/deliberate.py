"""Deliberate faults in the core: an explorer that does not find them looks at too little."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from tenure.election import campaign, ledger, routing
from tenure.election.clock import Instant
from tenure.election.effects import Effect
from tenure.election.inputs import LabelOutcome, LabelsWritten
from tenure.election.labeller import Labeller
from tenure.election.pod import Pod, PodRef
from tenure.election.resource import Reign, Status
from tenure.election.state import State

Fault = Callable[[], AbstractContextManager[None]]
"""Switches a fault on for a while."""


def _patched(owner: Any, name: str, instead: Callable[..., Any]) -> AbstractContextManager[Any]:
    return patch.object(owner, name, instead)


@contextmanager
def label_before_the_status_is_acknowledged() -> Iterator[None]:
    """Let the labeller take the status that is being written for the one in force."""
    decide = Labeller.decide

    def decide_early(self: Labeller, now: Instant, plan: routing.Plan) -> list[Effect]:
        state = self._state
        resource, writing = state.resource, state.status_write
        if resource is None or writing is None:
            return decide(self, now, plan)
        state.resource, state.status_write = replace(resource, status=writing.write.status), None
        try:
            return decide(self, now, self.plan())
        finally:
            state.resource, state.status_write = resource, writing

    with patch.object(Labeller, "decide", decide_early):
        yield


def stamp_by_the_cache() -> AbstractContextManager[None]:
    """Stamp those pods only that are seen with the leader label, whatever the ledger says."""
    return _patched(routing, "must_stamp", lambda *_: ())


def skip_a_stamp() -> AbstractContextManager[None]:
    """Leave out the first of the pods that must be stamped."""

    def must_stamp(status: Status, listed: tuple[PodRef, ...] | None) -> tuple[PodRef, ...] | None:
        targets = ledger.must_stamp(status, listed)
        return targets and targets[1:]

    return _patched(routing, "must_stamp", must_stamp)


def crown_before_the_stamps_are_acknowledged() -> AbstractContextManager[None]:
    """Plan the crown together with the stamps."""
    stamp = routing._stamp

    def stamp_carelessly(*arguments: Any) -> tuple[bool, list[PodRef], bool]:
        _, unknown, needs_list = stamp(*arguments)
        return True, unknown, needs_list

    return _patched(routing, "_stamp", stamp_carelessly)


def claim_without_the_floor() -> AbstractContextManager[None]:
    """Claim the term after that of the record or the status."""

    def claim(claimant: Pod | None, view: campaign.View, *_: object) -> campaign.Decision:
        return campaign.Claim(claimant, max(view.lease.term, view.status.term) + 1)

    return _patched(campaign, "_claim", claim)


def forget_the_old_leader() -> AbstractContextManager[None]:
    """Do not put the leader before into the ledger."""
    advance = ledger.advance

    def advance_only(status: Status, reign: Reign, **named: Any) -> Status:
        return replace(advance(status, reign, **named), unfenced=status.unfenced)

    return _patched(ledger, "advance", advance_only)


def take_no_answer_for_gone() -> AbstractContextManager[None]:
    """Take a pod for gone when a write of its labels got no answer."""
    conclude = State._conclude_labels

    def conclude_rashly(self: State, now_s: float, result: LabelsWritten) -> None:
        outcome = LabelOutcome.GONE if result.outcome is LabelOutcome.UNAVAILABLE else result.outcome
        conclude(self, now_s, replace(result, outcome=outcome))

    return _patched(State, "_conclude_labels", conclude_rashly)
