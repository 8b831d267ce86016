"""In which words a term's end is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tenure.election.end_of_term import EndOfTerm, why_ended
from tenure.election.pod import Pod
from tenure.election.rules import Priority, Rules
from tenure.election.selector import parse_selector
from tenure.election.slate import Slate
from unit.builders import SPEC, a_pod

_LEADER = a_pod("web-0")
_OTHER = a_pod("web-1")


def test_a_term_that_ended_because_the_label_was_refused_says_so() -> None:
    known = {_LEADER.uid: _LEADER}

    slate = Slate([_LEADER, _OTHER], uncrownable=known.keys())

    assert why_ended(_LEADER.uid, slate, known, lost=False) == "LabelRefused"


@pytest.mark.parametrize(
    ("ready", "rules", "reason"),
    [
        pytest.param(True, Rules(exclude=SPEC.selector), "PodExcluded", id="excluded"),
        pytest.param(False, Rules(exclude=SPEC.selector), "PodExcluded", id="excluded, which is final, and not Ready"),
        pytest.param(True, Rules(priorities=(Priority(SPEC.selector, 0),)), "PodExcluded", id="of priority 0"),
        pytest.param(False, Rules(require_ready=False), "LeaseLost", id="not Ready, which it need not be"),
    ],
)
def test_the_rules_of_the_spec_tell_why_a_term_ended(ready: bool, rules: Rules, reason: str) -> None:
    leader = replace(_LEADER, ready=ready)

    assert why_ended(leader.uid, Slate([leader, _OTHER], rules), {leader.uid: leader}, lost=False) == reason


@pytest.mark.parametrize(
    ("pod", "is_candidate", "lost", "reason"),
    [
        pytest.param(None, False, False, EndOfTerm.GONE, id="gone"),
        pytest.param(None, False, True, EndOfTerm.GONE, id="gone, and the record was lost as well"),
        pytest.param(replace(_LEADER, terminating=True), True, False, EndOfTerm.TERMINATING, id="terminating"),
        pytest.param(
            replace(_LEADER, terminating=True, ready=False, finished=True),
            False,
            False,
            EndOfTerm.TERMINATING,
            id="terminating comes before all that follows from it",
        ),
        pytest.param(replace(_LEADER, finished=True), False, False, EndOfTerm.FINISHED, id="finished"),
        pytest.param(_LEADER, False, False, EndOfTerm.DESELECTED, id="no longer selected"),
        pytest.param(replace(_LEADER, ready=False), False, False, EndOfTerm.DESELECTED, id="deselected, not Ready"),
        pytest.param(replace(_LEADER, ready=False), True, False, EndOfTerm.NOT_READY, id="not Ready"),
        pytest.param(_LEADER, True, True, EndOfTerm.RECORD_LOST, id="nothing wrong with it: the record was lost"),
        pytest.param(_LEADER, True, False, EndOfTerm.LEASE_LOST, id="nothing wrong with it: the lease was lost"),
    ],
)
def test_why_a_term_ended(pod: Pod | None, is_candidate: bool, lost: bool, reason: EndOfTerm) -> None:
    known = {} if pod is None else {pod.uid: pod}
    candidates = [pod, _OTHER] if is_candidate and pod is not None else [_OTHER]

    assert why_ended(_LEADER.uid, Slate(candidates), known, lost=lost) == reason


@pytest.mark.parametrize(
    ("pod", "reason"),
    [
        pytest.param(_LEADER, EndOfTerm.SWITCHOVER, id="it could have stayed"),
        pytest.param(replace(_LEADER, ready=False), EndOfTerm.SWITCHOVER, id="and so it could while it was not Ready"),
        pytest.param(replace(_LEADER, terminating=True), EndOfTerm.TERMINATING, id="it could not anyhow"),
        pytest.param(None, EndOfTerm.GONE, id="it was gone"),
    ],
)
def test_a_leader_that_was_moved_ended_for_that_reason_unless_it_had_to_end(pod: Pod | None, reason: EndOfTerm) -> None:
    known = {} if pod is None else {pod.uid: pod}
    slate = Slate([*known.values(), _OTHER])

    assert why_ended(_LEADER.uid, slate, known, lost=False, successor=_OTHER.ref, is_switchover=True) == reason


@pytest.mark.parametrize(
    ("leader", "successor", "reason"),
    [
        pytest.param({}, _OTHER, EndOfTerm.PREEMPTED, id="a superior leads"),
        pytest.param({"ready": False}, _OTHER, EndOfTerm.NOT_READY, id="a superior leads, but it had to end"),
        pytest.param({}, _LEADER, EndOfTerm.LEASE_LOST, id="it leads again"),
        pytest.param({}, None, EndOfTerm.LEASE_LOST, id="nobody leads"),
    ],
)
def test_a_leader_was_preempted_if_a_superior_leads_next(
    leader: dict[str, object], successor: Pod | None, reason: EndOfTerm
) -> None:
    pod = replace(_LEADER, **leader)  # type: ignore[arg-type]
    superior = replace(_OTHER, labels={**(_OTHER.labels or {}), "track": "fast"})
    slate = Slate([pod, superior], Rules(priorities=(Priority(parse_selector("track=fast"), 10),), preempt_after_s=30))
    ref = None if successor is None else successor.ref

    assert why_ended(pod.uid, slate, {pod.uid: pod}, lost=False, successor=ref) == reason


@pytest.mark.parametrize(
    ("other", "reason"),
    [("node-1", EndOfTerm.CORDONED), ("node-0", EndOfTerm.LEASE_LOST)],
    ids=["elsewhere", "there too"],
)
def test_a_leader_left_its_node_if_another_could_lead_elsewhere(other: str, reason: EndOfTerm) -> None:
    leader, next_one = replace(_LEADER, node="node-0"), replace(_OTHER, node=other)
    slate = Slate([leader, next_one], cordoned={"node-0"})

    assert why_ended(leader.uid, slate, {leader.uid: leader}, lost=False, successor=next_one.ref) == reason


def test_the_words_are_those_of_history_events_and_metrics() -> None:
    assert {str(word) for word in EndOfTerm} == {
        "PodTerminating",
        "PodGone",
        "PodNotReady",
        "PodFinished",
        "PodNotSelected",
        "PodExcluded",
        "Switchover",
        "Preempted",
        "NodeCordoned",
        "LeaseLost",
        "RecordLost",
        "LabelRefused",
        "Resigned",
    }
