"""What is counted and measured of an election, from what passes in and out of its steps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest

from tenure.election.clock import Instant
from tenure.election.effects import Effect, WriteLabels, WriteLease, WriteStatus
from tenure.election.inputs import (
    ConnectionChanged,
    Input,
    LabelOutcome,
    LabelsWritten,
    LeaseWritten,
    PodGone,
    PodSeen,
    PodsListed,
    ResourceSeen,
    WriteOutcome,
)
from tenure.election.labels import role_key, term_key
from tenure.election.mandate import Mandate
from tenure.election.pod import Pod
from tenure.election.resource import PastTerm
from tenure.metrics import ElectionFigures, Metrics, Readings
from tenure.runtime.witness import Witness
from unit.builders import ELECTION, a_leader, a_pod, a_record
from unit.story import A_LEADS, B_FOLLOWS, A, B, Story, held_by, only
from unit.views import a_status

ANSWERS_AFTER_S = 0.3
"""How long each answer of the API or of NATS takes in these tests."""


class Watched:
    """An election with a witness, in a story, and what has been measured of it."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.metrics = Metrics(Readings)
        witness = Witness(("shop", ELECTION), story.election, self.metrics)
        story.stepper = witness
        self.figures: ElectionFigures = witness.figures

    @classmethod
    def at_rest(cls) -> Watched:
        """`A` leads in term 7, `B` follows, and a renewal is 3 s away."""
        story = Story(A_LEADS, B_FOLLOWS, status=a_status(7, a_leader(A)), revision=7)
        watched = cls(story)
        renewal = only(WriteLease, story.begins(a_record(A, 7)))
        story.hears(story.written(renewal))
        watched.follow(story.rests(0.6))
        return watched

    def follow(self, done: list[Effect]) -> None:
        """Let the API and NATS answer, each after 0.3 s, until nothing is left to be done."""
        while done:
            answers = [answer for effect in done if (answer := self._answer(effect)) is not None]
            done = self.story.hears(*answers, after_s=ANSWERS_AFTER_S) if answers else []

    def _answer(self, effect: Effect) -> Input | None:
        match effect:
            case WriteLease():
                return self.story.written(effect)
            case WriteStatus():
                return self.story.acknowledged(effect)
            case WriteLabels():
                return self.story.labelled(effect)
        return None

    def forge(self, pod: Pod, labels: Mapping[str, str | None]) -> None:
        """Somebody else changes labels of a pod, and the operator does what it does about that."""
        present = {**(self.story.pods[pod.uid].labels or {}), **labels}
        kept = {key: value for key, value in present.items() if value is not None}
        done = self.story.hears(PodSeen(self.story.changed(pod, labels=kept)))
        if done and not isinstance(done[0], WriteLabels):
            done = self.story.hears(ResourceSeen(self.story.resource, self.story.now_s))
        self.follow(done)

    def value(self, name: str, **labels: str) -> float:
        """The value of a sample of the registry."""
        value = self.metrics.registry.get_sample_value(name, labels)
        assert value is not None
        return value

    def measured(self, name: str) -> tuple[float, float]:
        """How many values a histogram has, and their sum."""
        return self.value(f"{name}_count"), round(self.value(f"{name}_sum"), 6)


# ---------------------------------------------------------------------------------------------------------- renewals


def test_a_renewal_is_measured_from_when_it_was_due_and_from_when_it_was_sent() -> None:
    watched = Watched.at_rest()
    story = watched.story

    renewal = only(WriteLease, story.rests(story.wakes_after_s + 0.4))
    story.hears(story.written(renewal), after_s=0.02)

    assert watched.measured("tenure_lease_renewal_lateness_seconds") == (1, 0.4)
    assert watched.measured("tenure_lease_renewal_duration_seconds") == (1, 0.02)


def test_a_renewal_that_is_repeated_is_late_by_all_of_that() -> None:
    """Also beyond the deadline, when the lease no longer counted as held."""
    watched = Watched.at_rest()
    story = watched.story
    due_s = story.now_s + story.wakes_after_s

    renewal = story.rests(story.wakes_after_s)[0]
    for _ in range(3):
        story.hears(LeaseWritten(WriteOutcome.UNAVAILABLE))
        renewal = story.rests(5.0)[0]
    sent_s = story.now_s
    assert sent_s > due_s + 13
    assert isinstance(renewal, WriteLease)
    story.hears(story.written(renewal))

    assert watched.measured("tenure_lease_renewal_lateness_seconds") == (1, round(sent_s - due_s, 6))
    assert watched.measured("tenure_lease_renewal_duration_seconds") == (1, 0.01)


@pytest.mark.parametrize("outcome", [outcome for outcome in WriteOutcome if outcome is not WriteOutcome.APPLIED])
def test_a_renewal_that_fails_is_no_renewal(outcome: WriteOutcome) -> None:
    watched = Watched.at_rest()

    only(WriteLease, watched.story.rests(3.0))
    watched.story.hears(LeaseWritten(outcome))

    assert watched.measured("tenure_lease_renewal_duration_seconds") == (0, 0)


def test_claims_releases_and_what_a_new_process_takes_up_are_no_renewals() -> None:
    watched = Watched.at_rest()  # It took up the lease.
    story = watched.story

    release = only(WriteLease, story.hears(PodSeen(story.changed(A, terminating=True))))
    claim = only(WriteLease, story.hears(story.written(release)))
    watched.follow([claim])

    assert held_by(claim) == (B.identity, 8)
    assert watched.measured("tenure_lease_renewal_duration_seconds") == (0, 0)
    assert watched.measured("tenure_lease_renewal_lateness_seconds") == (0, 0)


# ------------------------------------------------------------------------------------- leaders, and what comes between


def test_a_leader_is_shown_with_its_term_and_the_numbers_of_the_status() -> None:
    watched = Watched.at_rest()

    status = watched.figures.status
    assert (watched.figures.leader, status.term, status.candidates, status.eligible) == ("web-0", 7, 2, 2)
    assert (watched.figures.transitions, watched.figures.drift_repairs) == ({}, 0)


def test_a_hand_over_is_measured_from_when_the_leader_had_to_go_to_the_next_ones_label() -> None:
    watched = Watched.at_rest()

    done = watched.story.hears(PodSeen(watched.story.changed(A, terminating=True)))
    assert watched.figures.leader == ""
    watched.follow(done)

    # Release, claim, status, stamp, crown.
    assert watched.measured("tenure_hand_over_duration_seconds") == (1, round(5 * ANSWERS_AFTER_S, 6))
    assert (watched.figures.leader, watched.figures.status.term) == ("web-1", 8)
    assert watched.figures.transitions == {"PodTerminating": 1}


def test_a_hand_over_includes_the_wait_for_a_candidate_and_is_two_changes() -> None:
    watched = Watched.at_rest()
    story = watched.story
    watched.follow(story.hears(PodSeen(story.changed(B, ready=False))))
    began_s = story.now_s

    watched.follow(story.hears(PodSeen(story.changed(A, terminating=True)), after_s=0.0))
    assert watched.figures.transitions == {"PodTerminating": 1}
    assert watched.measured("tenure_hand_over_duration_seconds") == (0, 0)
    assert (watched.figures.leader, watched.figures.status.term) == ("", 8)
    watched.follow(story.hears(PodGone(A.uid), after_s=60))
    back_s = story.now_s
    watched.follow(story.hears(PodSeen(story.changed(B, ready=True))))

    count, took_s = watched.measured("tenure_hand_over_duration_seconds")
    assert count == 1
    assert 60 < back_s - began_s < took_s < story.now_s - began_s + 1e-6
    assert watched.figures.transitions == {"PodTerminating": 1, "Elected": 1}
    assert watched.figures.drift_repairs == 0


def test_the_first_election_is_a_change_and_no_hand_over() -> None:
    story = Story(A, B)
    watched = Watched(story)
    done = story.begins(None)
    watched.follow(done)  # A marker, the floor, the claim, the status; then a list of pods is wanted.
    assert watched.figures.transitions == {"Elected": 1}
    watched.follow(story.hears(PodsListed((A.ref, B.ref))))

    assert (watched.figures.leader, watched.figures.status.term) == ("web-0", 1)
    assert watched.measured("tenure_hand_over_duration_seconds") == (0, 0)
    assert watched.figures.transitions == {"Elected": 1}
    assert watched.figures.drift_repairs == 0


def test_a_leader_that_is_not_ready_and_comes_back_is_no_hand_over() -> None:
    watched = Watched.at_rest()
    story = watched.story
    story.hears(ConnectionChanged(0))

    story.hears(PodSeen(story.changed(A, ready=False)))
    assert watched.figures.leader == ""
    story.hears(PodSeen(story.changed(A, ready=True)), after_s=20)

    assert watched.figures.leader == "web-0"
    assert watched.measured("tenure_hand_over_duration_seconds") == (0, 0)


def test_a_leader_whose_pod_ends_while_nats_is_away_is_shown_no_more() -> None:
    """The status still names it, and its Service has no endpoint."""
    watched = Watched.at_rest()
    story = watched.story
    story.hears(ConnectionChanged(0))

    story.hears(PodGone(A.uid))

    assert (watched.figures.leader, watched.figures.status.term) == ("", 7)


def test_a_change_that_another_process_wrote_is_seen_with_all_that_came_between() -> None:
    """Only reasons of the closed list are counted: who may write the status may write anything there."""
    watched = Watched.at_rest()
    past = [PastTerm(term, "x", "x", 0.0, 0.0, reason) for term, reason in ((9, "PodGone"), (8, "junk"))]
    first = PastTerm(7, "x", "x", 0.0, 0.0, "LeaseLost")
    earlier = PastTerm(6, "x", "x", 0.0, 0.0, "PodNotReady")
    status = a_status(10, a_leader(B), history=(*past, first, earlier))

    watched.story.hears(ResourceSeen(watched.story.changed_by_another(status)))

    assert watched.figures.transitions == {"PodGone": 1, "LeaseLost": 1}


def test_a_leader_that_is_selected_no_more_leads_no_more() -> None:
    watched = Watched.at_rest()
    story = watched.story
    story.hears(ConnectionChanged(0))

    story.hears(PodSeen(story.changed(A, labels={**(A_LEADS.labels or {}), "app": "other"})))

    assert watched.figures.leader == ""


def test_a_term_in_which_nobody_leads_after_nobody_is_no_change() -> None:
    story = Story(A, status=a_status(7), revision=7)
    watched = Watched(story)
    story.begins(a_record("", 7))

    story.hears(ResourceSeen(story.changed_by_another(a_status(8))))

    assert watched.figures.transitions == {}


def test_what_a_new_process_finds_is_no_change() -> None:
    story = Story(A_LEADS, B_FOLLOWS, status=a_status(7, a_leader(A)), revision=7)
    watched = Watched(story)

    story.begins(a_record(A, 7))

    assert watched.figures.transitions == {}


def test_what_another_process_does_while_this_one_stands_by_is_shown_and_not_counted() -> None:
    """It counts it itself. Of a hand-over that this one ends, the time counts from when it was first seen here."""
    watched = Watched.at_rest()
    story, stand_by = watched.story, Mandate.STAND_BY
    moment = Instant(story.now_s, 0.0, stand_by)
    leads_8 = {_ROLE: "leader", _TERM: "8"}
    past = (PastTerm(7, "x", "web-0", 0.0, 0.0, "PodGone"),)

    def sees(*happened: Input, after_s: float) -> None:
        story.stepper.step(replace(moment, monotonic_s=moment.monotonic_s + after_s), happened)

    sees(PodGone(A.uid), after_s=1)
    sees(ResourceSeen(story.changed_by_another(a_status(8, a_leader(B), history=past))), after_s=2)
    sees(PodSeen(story.changed(B, labels={**(B.labels or {}), **leads_8})), after_s=3)
    assert (watched.figures.leader, watched.figures.status.term) == ("web-1", 8)
    assert watched.figures.transitions == {}
    assert watched.measured("tenure_hand_over_duration_seconds") == (0, 0)

    new = a_pod("web-2", ordinal=2)
    story.pods[new.uid] = new
    sees(PodSeen(new), PodSeen(story.changed(B, terminating=True)), after_s=4)
    story.now_s, story.revision = story.now_s + 5, 9
    watched.follow(story.hears(story.seen(a_record(B, 8))))
    assert watched.figures.leader == "web-2"
    assert watched.figures.transitions == {"PodTerminating": 1}
    count, took_s = watched.measured("tenure_hand_over_duration_seconds")
    assert count == 1
    assert 1 < took_s < 4


# -------------------------------------------------------------------------------------------------------------- labels


@pytest.mark.parametrize("outcome", LabelOutcome)
def test_label_writes_are_counted_by_their_result(outcome: LabelOutcome) -> None:
    watched = Watched.at_rest()

    watched.story.hears(LabelsWritten(B.ref, outcome))

    results = {one: watched.value("tenure_label_writes_total", result=one.name.lower()) for one in LabelOutcome}
    assert results == {one: float(one is outcome) for one in LabelOutcome}


_ROLE, _TERM = role_key(ELECTION), term_key(ELECTION)


@pytest.mark.parametrize(
    ("pod", "labels"),
    [
        (B, {_ROLE: "leader"}),
        (B, {_ROLE: "leader", _TERM: "7"}),
        (B, {_ROLE: None}),
        (B, {_ROLE: None, _TERM: None}),
        (B, {_ROLE: "junk"}),
        (B, {_TERM: "99"}),
        (B, {_TERM: "junk"}),
        (A, {_ROLE: "follower"}),
        (A, {_ROLE: None}),
        (A, {_ROLE: None, _TERM: None}),
        (A, {_TERM: "6"}),
        (A, {_TERM: "99"}),
    ],
)
def test_labels_that_somebody_else_changed_are_one_repair(pod: Pod, labels: Mapping[str, str | None]) -> None:
    watched = Watched.at_rest()

    watched.forge(pod, labels)
    watched.follow(watched.story.rests(1.0))

    assert watched.figures.drift_repairs == 1
    assert watched.figures.transitions == {}
    assert watched.measured("tenure_hand_over_duration_seconds") == (0, 0)


def test_each_repair_counts() -> None:
    watched = Watched.at_rest()

    for _ in range(3):
        watched.forge(B, {_ROLE: "leader"})

    assert watched.figures.drift_repairs == 3


def test_a_leader_label_on_a_pod_that_is_no_candidate_is_one_repair() -> None:
    watched = Watched.at_rest()
    other = a_pod("other", labels={"app": "other"}, role="leader")
    watched.story.pods[other.uid] = other

    watched.follow(watched.story.hears(PodSeen(other)))

    assert watched.story.pods[other.uid].role(ELECTION) is None
    assert watched.figures.drift_repairs == 1


def test_what_the_operator_has_to_write_by_itself_is_no_repair() -> None:
    """A new pod, one that is selected no more and again, and a hand-over."""
    watched = Watched.at_rest()
    story = watched.story
    new = a_pod("web-2", ordinal=2)
    story.pods[new.uid] = new

    watched.follow(story.hears(PodSeen(new)))
    for app in ("other", "web"):
        labels = {**(story.pods[new.uid].labels or {}), "app": app}
        watched.follow(story.hears(PodSeen(story.changed(new, labels=labels))))
    watched.follow(story.hears(PodSeen(story.changed(A, terminating=True))))
    watched.follow(story.hears(PodGone(A.uid), after_s=1))

    assert watched.figures.leader == "web-1"
    assert watched.figures.drift_repairs == 0
    assert math.isclose(watched.value("tenure_label_writes_total", result="applied"), 5)


def test_labels_that_the_watch_shows_before_their_write_is_answered_are_no_repair() -> None:
    watched = Watched.at_rest()
    story = watched.story
    new = a_pod("web-2", ordinal=2)
    story.pods[new.uid] = new
    write = only(WriteLabels, story.hears(PodSeen(new)))

    answer = story.labelled(write)
    story.hears(PodSeen(story.pods[new.uid]))
    story.hears(answer)

    assert watched.figures.drift_repairs == 0


def test_labels_that_nobody_can_repair_are_no_repair() -> None:
    watched = Watched.at_rest()
    story = watched.story
    labels = {**(story.pods[B.uid].labels or {}), _ROLE: "leader"}

    only(WriteLabels, story.hears(PodSeen(story.changed(B, labels=labels))))
    story.hears(LabelsWritten(B.ref, LabelOutcome.REFUSED, replace(story.pods[B.uid]), "no"))

    assert watched.figures.drift_repairs == 0
