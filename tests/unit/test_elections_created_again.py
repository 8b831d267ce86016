"""An election that was deleted and created again has no status: what its labels tell still binds its terms."""

from __future__ import annotations

from tenure.election.campaign import ReadAgain, decide
from tenure.election.effects import Effect, ListPods, ReadLease, ReadResource, WriteLabels, WriteLease, WriteStatus
from tenure.election.inputs import Input, PodsListed, ResourceSeen
from tenure.election.pod import EVERYBODY
from tenure.election.record import LeaseRecord
from unit.builders import a_pod, a_record
from unit.story import Story, ledger_of, only
from unit.views import a_status, a_view

_FOLLOWED = a_pod("web-0", ordinal=0, role="follower", term=57)
_LED = a_pod("web-0", ready=False, role="leader", term=7)
_STRANGERS = a_record("node-1", 1, writer=None, namespace_uid=None)


def _goes_on(story: Story, done: list[Effect], record: LeaseRecord | None, *, rounds: int = 20) -> None:
    """Let everything succeed that is done, for so many rounds."""
    for _ in range(rounds):
        answers: list[Input] = []
        for effect in done:
            match effect:
                case WriteLease(record=written):
                    record = written
                    answers.append(story.written(effect))
                case ReadLease():
                    answers.append(story.read(record))
                case ReadResource():
                    answers.append(ResourceSeen(story.resource, story.now_s))
                case WriteStatus():
                    answers.append(story.acknowledged(effect))
                case WriteLabels():
                    answers.append(story.labelled(effect))
                case ListPods():
                    answers.append(PodsListed(tuple(pod.ref for pod in story.pods.values())))
        done = story.hears(*answers, after_s=0.6)


def test_g2_a_strangers_term_is_shown_above_all_that_labels_tell() -> None:
    story = Story(_FOLLOWED, revision=50)
    floor = only(WriteStatus, story.begins(_STRANGERS))
    assert ledger_of(floor) == (0, 73, None, ["*"])

    only(ReadLease, story.hears(story.acknowledged(floor)))
    shown = only(WriteStatus, story.hears(story.read(_STRANGERS)))

    assert ledger_of(shown) == (74, 74, "node-1", ["*"])


def test_g2_a_strangers_term_is_shown_above_all_that_labels_told_though_the_pods_are_gone() -> None:
    story = Story(a_pod("web-1"), status=a_status(0, floor=73, unfenced=(EVERYBODY,)), revision=50)
    only(ReadLease, story.begins(_STRANGERS))

    shown = only(WriteStatus, story.hears(story.read(_STRANGERS)))

    assert ledger_of(shown) == (74, 74, "node-1", ["*"])


def test_g3_no_term_label_falls_when_a_stranger_holds_a_lower_term() -> None:
    story = Story(_FOLLOWED, revision=50)

    _goes_on(story, story.begins(_STRANGERS), _STRANGERS)

    assert story.pods[_FOLLOWED.uid].term("web") in ("57", "74")


def test_g1_nobody_is_not_shown_in_the_term_that_somebody_had() -> None:
    record = a_record("", 7)
    story = Story(_LED, revision=7)

    _goes_on(story, story.begins(record), record, rounds=60)

    status = story.resource.status
    assert (status.leader, status.unfenced) == (None, ())
    assert status.term > 7
    assert story.pods[_LED.uid].term("web") == str(status.term)


def test_g2_a_record_below_what_labels_tell_is_lost() -> None:
    first_floor = a_status(0, floor=73, unfenced=(EVERYBODY,))
    below = a_view(a_record(_FOLLOWED, 56), status=first_floor, candidates=(_FOLLOWED,), highest_label=57)

    assert decide(below) == ReadAgain()
