"""The judge of chaos runs finds what it claims to find: a history in which all is well, and that one broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chaos.history import Change, History, Phase, Record
from chaos.judge import judge
from chaos.leadership import ends_of_reigns, gaps
from chaos.plan import Crew, RoundKind
from chaos.report import summarize

_A, _B = "e01-0", "e01-1"


class Story:
    """A history, told one change a second. Pods have their names for UIDs."""

    def __init__(self) -> None:
        self.history = History()
        self.now_s = 0.0
        self._labels: dict[str, dict[str, str]] = {}

    def pod(
        self, name: str, role: str | None = None, term: int | None = None, *, ready: bool = True, **more: Any
    ) -> None:
        labels = {"app": "e01"}
        if role is not None:
            labels["role.tenure.dev/e01"] = role
        if term is not None:
            labels["term.tenure.dev/e01"] = str(term)
        status = {"conditions": [{"type": "Ready", "status": str(ready)}]}
        self._add("pods", name, {"metadata": {"name": name, "labels": labels, **more}, "status": status})

    def gone(self, name: str) -> None:
        self.now_s += 1.0
        self.history.changes.append(Change(self.now_s, "pods", name, None))

    def status(self, term: int, leader: str | None, *, ended: str | None = None, ready: str = "True") -> None:
        status: dict[str, Any] = {
            "term": term,
            "termFloor": term,
            "conditions": [{"type": "Ready", "status": ready, "reason": "Ready" if ready == "True" else "Electing"}],
        }
        if leader is not None:
            status["leader"] = {"podName": leader, "podUID": leader, "holderIdentity": f"{leader}_{leader}"}
        if ended is not None:
            status["history"] = [{"term": term - 1, "reason": ended}]
        self._add("elections", "e01", {"metadata": {"name": "e01", "generation": 1}, "status": status})

    def record(self, term: int, holder: str) -> None:
        self.now_s += 1.0
        held = f"{holder}_{holder}" if holder else ""
        self.history.records.append(Record(self.now_s, int(self.now_s), "e01", term, held))

    def phase(self, kind: Any, began_s: float) -> None:
        self.now_s += 1.0
        self.history.phases.append(Phase(kind, Crew.REPLICAS, began_s, self.now_s))

    def hand_over(self, term: int, old: str, new: str, *, ended: str) -> None:
        self.record(term - 1, "")
        self.record(term, new)
        self.status(term, new, ended=ended, ready="False")
        self.pod(old, "follower", term)
        self.pod(new, "leader", term)
        self.status(term, new, ended=ended)

    def _add(self, collection: Any, uid: str, body: dict[str, Any]) -> None:
        self.now_s += 1.0
        body["metadata"] |= {"uid": uid, "resourceVersion": str(int(self.now_s))}
        self.history.changes.append(Change(self.now_s, collection, uid, body))


def _begin() -> Story:
    """Two pods, of which the first leads, and a rest in which all is well."""
    story = Story()
    story.pod(_A)
    story.pod(_B)
    story.record(1, _A)
    story.status(1, _A, ready="False")
    story.pod(_B, "follower", 1)
    story.pod(_A, "leader", 1)
    story.status(1, _A)
    story.phase("rest", story.now_s)
    return story


def _with_a_hand_over() -> Story:
    """The leader's pod is not Ready for a moment, in the storm."""
    story = _begin()
    began_s = story.now_s
    story.pod(_A, "leader", 1, ready=False)
    story.hand_over(2, _A, _B, ended="PodNotReady")
    story.phase(RoundKind.STORM, began_s)
    story.phase("rest", story.now_s)
    return story


def test_a_hand_over_in_order_violates_nothing() -> None:
    history = _with_a_hand_over().history

    assert judge(history) == []
    assert [(end.leader, end.term, end.reason, end.explained) for end in ends_of_reigns(history)] == [
        (_A, 1, "PodNotReady", True)
    ]


def test_a_time_without_a_leader_begins_when_its_pod_is_lost_and_ends_with_the_next_label() -> None:
    story = _begin()
    story.pod(_A, "leader", 1, deletionTimestamp="now")
    lost_s = story.now_s
    story.hand_over(2, _A, _B, ended="PodTerminating")
    labelled_s = story.now_s - 1.0
    story.gone(_A)
    story.pod(_B, "leader", 2, ready=False)
    story.pod("e01-0-again")

    first, *others = gaps(story.history)

    assert (first.began_s, first.ended_s) == (1.0, 6.0), "from the first pod to the first label"
    assert [(gap.began_s, gap.ended_s) for gap in others] == [(lost_s, labelled_s), (story.now_s, None)]
    assert others[1].length_s(story.now_s + 5.0) == 5.0


def _two_labels(story: Story) -> None:
    story.pod(_A, "leader", 2)


def _label_without_status(story: Story) -> None:
    story.pod(_B, "leader", 3)


def _label_term_falls(story: Story) -> None:
    story.pod(_A, "follower", 1)


def _label_term_vanishes(story: Story) -> None:
    story.pod(_A, "follower")


def _status_term_falls(story: Story) -> None:
    story.status(1, _A)


def _status_names_another(story: Story) -> None:
    story.status(2, _A)


def _record_term_falls(story: Story) -> None:
    story.record(1, _A)


def _record_names_another(story: Story) -> None:
    story.record(2, _A)


def _status_and_record_differ(story: Story) -> None:
    story.pod(_B, "leader", 2, ready=False)
    story.record(3, _B)
    story.status(3, _A, ended="PodNotReady")


def _no_leader_after_the_faults(story: Story) -> None:
    began_s = story.now_s
    story.pod(_B, "leader", 2, deletionTimestamp="now")
    story.phase("rest", began_s)


def _not_settled_after_the_faults(story: Story) -> None:
    began_s = story.now_s
    story.status(2, _B, ready="False")
    story.phase("rest", began_s)


def _follower_without_label(story: Story) -> None:
    began_s = story.now_s
    story.pod(_A, None, 2)
    story.phase("rest", began_s)


def _needless_change(story: Story) -> None:
    began_s = story.now_s
    story.hand_over(3, _B, _A, ended="LeaseLost")
    story.phase(RoundKind.CALM, began_s)


def _needless_end(story: Story) -> None:
    began_s = story.now_s
    story.status(3, None, ended="LeaseLost")
    story.phase(RoundKind.CALM, began_s)


@pytest.mark.parametrize(
    ("break_it", "guarantee", "says"),
    [
        (_two_labels, "G3", "there were two leaders of e01"),
        (_label_without_status, "G3", "before the status"),
        (_label_term_falls, "G2", "fell from 2 to 1"),
        (_label_term_vanishes, "G2", "vanished"),
        (_status_term_falls, "G4", "went back"),
        (_status_names_another, "G1", "term 2 of e01 was that of"),
        (_record_term_falls, "G2", "the term in the record of e01 fell from 2 to 1"),
        (_record_names_another, "G1", "term 2 of e01 had"),
        (_status_and_record_differ, "G1", "the status gave term 3 of e01 to"),
        (_no_leader_after_the_faults, "G5", "no pod that may lead has the leader label"),
        (_not_settled_after_the_faults, "G5", "its status says Ready False (Electing)"),
        (_follower_without_label, "G5", "e01-0 is no follower"),
        (_needless_change, "G6", "e01-1 stopped leading e01 in term 2 (LeaseLost), and was well"),
        (_needless_end, "G6", "e01-1 stopped leading e01"),
    ],
)
def test_what_breaks_a_guarantee_is_found(break_it: Callable[[Story], None], guarantee: str, says: str) -> None:
    story = _with_a_hand_over()
    break_it(story)

    found = [str(violation) for violation in judge(story.history)]

    assert any(f"{guarantee}: " in one and says in one for one in found), found


def test_a_change_that_a_pod_explains_is_none_of_g6_also_when_it_is_ready_again_by_then() -> None:
    story = _with_a_hand_over()
    began_s = story.now_s
    story.pod(_B, "leader", 2, ready=False)
    story.pod(_B, "leader", 2)
    story.hand_over(3, _B, _A, ended="PodNotReady")
    story.phase(RoundKind.CALM, began_s)

    assert judge(story.history) == []


def test_what_operators_complain_of_is_a_violation_as_well() -> None:
    story = _with_a_hand_over()
    story.history.complaints.append("operator-1 ended by itself.")

    assert [str(violation) for violation in judge(story.history)] == ["operator-1 ended by itself."]


def test_a_history_is_judged_alike_when_it_was_saved_and_loaded(tmp_path: Path) -> None:
    story = _with_a_hand_over()
    _needless_change(story)
    _record_term_falls(story)
    file = tmp_path / "history.json"

    story.history.save(file)

    loaded = History.load(file)
    assert judge(loaded) == judge(story.history)
    assert str(summarize(loaded, [], seed=1, facts={})) == str(summarize(story.history, [], seed=1, facts={}))
