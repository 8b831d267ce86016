"""Which leader may stay, and in which words a term's end is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tenure.election.campaign import EndOfTerm, may_stay, why_ended
from tenure.election.pod import Pod
from unit.builders import a_pod

_LEADER = a_pod("web-0")
_OTHER = a_pod("web-1")


@pytest.mark.parametrize(
    ("leader", "others", "stays"),
    [
        pytest.param({}, [], True, id="eligible, alone"),
        pytest.param({}, [_OTHER], True, id="eligible, another eligible"),
        pytest.param({"ready": False}, [], True, id="only not Ready, alone"),
        pytest.param({"ready": False}, [replace(_OTHER, ready=False)], True, id="only not Ready, nobody else is"),
        pytest.param(
            {"ready": False}, [replace(_OTHER, terminating=True)], True, id="only not Ready, another is ending"
        ),
        pytest.param({"ready": False}, [_OTHER], False, id="not Ready, another eligible"),
        pytest.param({"terminating": True}, [], False, id="terminating, alone"),
        pytest.param({"terminating": True, "ready": False}, [], False, id="terminating and not Ready, alone"),
        pytest.param({"finished": True, "ready": False}, [], False, id="finished, alone"),
    ],
)
def test_a_leader_stays(leader: dict[str, Any], others: list[Pod], stays: bool) -> None:
    pod = replace(_LEADER, **leader)

    assert may_stay(pod, [pod, *others]) is stays


@pytest.mark.parametrize(
    ("leader", "other", "uncrownable", "stays"),
    [
        pytest.param({}, {}, {_LEADER.uid}, False, id="another can be crowned"),
        pytest.param({}, {}, {_LEADER.uid, _OTHER.uid}, True, id="no other can be crowned either"),
        pytest.param({}, {"ready": False}, {_LEADER.uid}, True, id="the other is not eligible"),
        pytest.param({"ready": False}, {}, {_OTHER.uid}, True, id="not Ready, the other cannot be crowned"),
        pytest.param({"terminating": True}, {}, {_OTHER.uid}, False, id="ending, the other cannot be crowned"),
    ],
)
def test_a_leader_on_which_the_api_refuses_the_label_stays(
    leader: dict[str, Any], other: dict[str, Any], uncrownable: set[str], stays: bool
) -> None:
    pod = replace(_LEADER, **leader)

    assert may_stay(pod, [pod, replace(_OTHER, **other)], uncrownable) is stays


def test_a_term_that_ended_because_the_label_was_refused_says_so() -> None:
    known = {_LEADER.uid: _LEADER}

    assert why_ended(_LEADER.uid, [_LEADER, _OTHER], known, lost=False, uncrownable=known.keys()) == "LabelRefused"


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

    assert why_ended(_LEADER.uid, candidates, known, lost=lost) == reason


def test_the_words_are_those_of_history_events_and_metrics() -> None:
    assert {str(word) for word in EndOfTerm} == {
        "PodTerminating",
        "PodGone",
        "PodNotReady",
        "PodFinished",
        "PodNotSelected",
        "LeaseLost",
        "RecordLost",
        "LabelRefused",
    }
