"""Schedules in which a guarantee was once broken: one term given twice (G1), two leader labels (G3), a stale report."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tenure.election.campaigner import RECOVERY_PAUSE_MIN_S
from tenure.election.effects import Effect, ListPods, ReadLease, ReadPod, WriteLabels, WriteLease, WriteStatus
from tenure.election.inputs import (
    Input,
    LabelOutcome,
    LabelsWritten,
    LeaseWritten,
    PodGone,
    PodSeen,
    PodsListed,
    WriteOutcome,
)
from tenure.election.pod import EVERYBODY
from tenure.election.record import LeaseRecord
from unit.builders import a_leader, a_pod, a_record
from unit.story import A_LEADS, B_FOLLOWS, A, B, Story, at_rest, held_by, labels_of, ledger_of, only, ready_of
from unit.views import a_status

_A_WAITS = a_pod("web-0", ordinal=0, role="follower")


def _answers(story: Story, done: list[Effect]) -> list[Input]:
    """What NATS and the API answer to writes of the record and of the status when all is well."""
    written: list[Input] = [story.written(one) for one in done if isinstance(one, WriteLease)]
    return written + [story.acknowledged(one) for one in done if isinstance(one, WriteStatus)]


def test_g1_a_floor_does_not_cover_the_record_that_is_absent_again_in_a_bucket_that_was_made_again() -> None:
    story, _ = at_rest()
    only(WriteLease, story.rests(story.wakes_after_s))
    only(ReadLease, story.hears(LeaseWritten(WriteOutcome.WRONG_REVISION)))
    story.revision = 50
    floor = only(WriteStatus, story.hears(story.read(None)))
    assert ledger_of(floor) == (7, 23, A.identity, [])
    claim = only(WriteLease, story.hears(story.acknowledged(floor)))
    assert (held_by(claim), claim.expected_revision) == ((A.identity, 24), 50)

    # Another process has claimed term 24 meanwhile, and the bucket that knew of it is lost: there is another marker.
    only(ReadLease, story.hears(LeaseWritten(WriteOutcome.WRONG_REVISION)))
    story.revision = 60
    assert story.hears(story.read(None)) == []
    # Records are not lost in haste.
    floor = only(WriteStatus, story.rests(RECOVERY_PAUSE_MIN_S))

    assert ledger_of(floor) == (7, 39, A.identity, [])
    claim = only(WriteLease, story.hears(story.acknowledged(floor)))
    assert (held_by(claim), claim.expected_revision) == ((A.identity, 40), 60)


def test_g1_a_floor_does_not_cover_a_marker_that_was_seen_while_it_was_written() -> None:
    story, _ = at_rest()
    only(WriteLease, story.rests(story.wakes_after_s))
    only(ReadLease, story.hears(LeaseWritten(WriteOutcome.WRONG_REVISION)))
    story.revision = 50
    floor = only(WriteStatus, story.hears(story.read(None)))

    story.revision = 60
    only(ReadLease, story.hears(story.seen(None)))
    assert story.hears(story.acknowledged(floor)) == []
    # The resource has been heard of since that read began: it is read again.
    only(ReadLease, story.hears(story.read(None)))

    assert ledger_of(only(WriteStatus, story.hears(story.read(None)))) == (7, 39, A.identity, [])


def test_g1_nothing_is_claimed_and_no_floor_written_where_there_is_not_even_a_marker() -> None:
    story, _ = at_rest()
    only(WriteLease, story.rests(story.wakes_after_s))
    only(ReadLease, story.hears(LeaseWritten(WriteOutcome.WRONG_REVISION)))
    story.revision = 50
    only(WriteLease, story.hears(story.acknowledged(only(WriteStatus, story.hears(story.read(None))))))
    only(ReadLease, story.hears(LeaseWritten(WriteOutcome.WRONG_REVISION)))

    story.revision = 0
    marker = only(WriteLease, story.hears(story.read(None)))

    assert (marker.record, marker.expected_revision) == (None, 0)


def test_g1_the_first_term_is_1_where_the_marker_was_seen_before_the_first_floor() -> None:
    story = Story(_A_WAITS, revision=50)

    floor = only(WriteStatus, story.begins(None))
    assert ledger_of(floor) == (0, 0, None, ["*"])
    claim = only(WriteLease, story.hears(story.acknowledged(floor)))

    assert (held_by(claim), claim.expected_revision) == ((A.identity, 1), 50)


def test_g1_the_first_term_is_not_1_where_another_marker_has_come_since_the_first_floor() -> None:
    story = Story(_A_WAITS, revision=50)
    floor = only(WriteStatus, story.begins(None))

    story.revision = 60
    only(ReadLease, story.hears(story.acknowledged(floor), story.seen(None)))
    floor = only(WriteStatus, story.hears(story.read(None)))

    assert ledger_of(floor) == (0, 16, None, ["*"])
    assert held_by(only(WriteLease, story.hears(story.acknowledged(floor)))) == (A.identity, 17)


def test_g1_the_first_term_is_not_1_where_another_process_has_written_the_first_floor() -> None:
    story = Story(_A_WAITS, status=a_status(0, floor=0, unfenced=(EVERYBODY,)), revision=50)

    done = story.begins(None)
    only(ReadLease, done)
    floor = only(WriteStatus, story.hears(story.read(None)))

    assert ledger_of(floor) == (0, 16, None, ["*"])
    assert held_by(only(WriteLease, story.hears(story.acknowledged(floor)))) == (A.identity, 17)


def test_g1_the_first_floor_is_above_all_that_labels_of_an_earlier_life_tell() -> None:
    story = Story(a_pod("web-0", ordinal=0, role="follower", term=57), revision=50)

    floor = only(WriteStatus, story.begins(None))

    assert ledger_of(floor) == (0, 73, None, ["*"])
    assert held_by(only(WriteLease, story.hears(story.acknowledged(floor)))) == (A.identity, 74)


def test_g3_the_old_leader_stays_in_the_ledger_even_while_everybody_is_in_it() -> None:
    """A crown of term 7 may still be under way to it, and the list that is taken for everybody need not show it."""
    not_yet_crowned = a_pod("web-0", ordinal=0, role="follower", term=7)
    story = Story(not_yet_crowned, B_FOLLOWS, status=a_status(7, a_leader(A), unfenced=(EVERYBODY,)), revision=7)
    story.changed(A, terminating=True)
    done = story.begins(a_record(A, 7))
    release = next(one for one in done if isinstance(one, WriteLease))
    assert held_by(release) == ("", 7)
    done = story.hears(*_answers(story, done))
    while not any(isinstance(one, WriteStatus) and one.status.term == 8 for one in done):
        done = story.hears(*_answers(story, done))
    entry = next(one for one in done if isinstance(one, WriteStatus))
    assert ledger_of(entry) == (8, 8, B.identity, ["*", "web-0"])

    # The list that was asked for in term 7 is of no use any more.
    done = story.hears(story.acknowledged(entry), PodsListed((A.ref, B.ref)))
    assert [one for one in done if not isinstance(one, WriteStatus)] == [ListPods()]
    stamp = only(WriteLabels, story.hears(PodsListed((B.ref,))))
    assert labels_of(stamp) == ("web-0", "follower", 8)
    crown = only(WriteLabels, story.hears(story.labelled(stamp)))
    assert labels_of(crown) == ("web-1", "leader", 8)


@pytest.mark.parametrize("term", [None, 7])
def test_g3_a_pod_without_a_role_label_is_never_crowned_in_one_write(term: int | None) -> None:
    bare = a_pod("web-0", ordinal=0, term=term)
    story = Story(bare, B_FOLLOWS, status=a_status(7, a_leader(A)), revision=7)

    done = story.begins(a_record(A, 7))
    first = only(WriteLabels, [one for one in done if isinstance(one, WriteLabels)])
    assert (labels_of(first), first.expected_role) == (("web-0", "follower", 7), None)
    done = story.hears(story.labelled(first), *_answers(story, done))
    crown = only(WriteLabels, [one for one in done if isinstance(one, WriteLabels)])
    assert (labels_of(crown), crown.expected_role) == (("web-0", "leader", 7), "follower")


def test_a_refused_label_that_somebody_else_made_good_is_no_longer_reported() -> None:
    story = Story(A_LEADS, B_FOLLOWS, status=a_status(8, a_leader(B), unfenced=(A.ref,)), revision=9)
    done = story.begins(a_record(B, 8))
    reasons = []
    for _ in range(4):
        refusals = [
            LabelsWritten(one.ref, LabelOutcome.REFUSED, A_LEADS, "a policy says no")
            for one in done
            if isinstance(one, WriteLabels)
        ]
        done = story.hears(*refusals, *_answers(story, done), after_s=0.3)
        reasons += [ready_of(one) for one in done if isinstance(one, WriteStatus)]
    assert reasons[-1] == "LabelRefused"

    # Another process has stamped the pod: the crown is due, and nothing is refused any more.
    stamped = {**(A_LEADS.labels or {}), "role.tenure.dev/web": "follower", "term.tenure.dev/web": "8"}
    done = story.hears(PodSeen(story.changed(A, labels=stamped)), *_answers(story, done), after_s=0.6)
    reasons = [ready_of(one) for one in done if isinstance(one, WriteStatus)]
    crown = next(one for one in done if isinstance(one, WriteLabels))
    done = story.hears(story.labelled(crown), *_answers(story, done))
    for _ in range(4):
        reasons += [ready_of(one) for one in done if isinstance(one, WriteStatus)]
        done = story.hears(*_answers(story, done), after_s=0.6)

    assert "LabelRefused" not in reasons
    assert reasons[-1] == "Ready"


def test_a_stamp_without_an_answer_is_tried_again_within_5_seconds_however_often() -> None:
    story = Story(A_LEADS, B_FOLLOWS, status=a_status(8, a_leader(B), unfenced=(A.ref,)), revision=9)
    done, tried_at_s = story.begins(a_record(B, 8)), list[float]()
    while len(tried_at_s) < 9:
        silences = [LabelsWritten(one.ref, LabelOutcome.UNAVAILABLE) for one in done if isinstance(one, WriteLabels)]
        if silences:
            tried_at_s.append(story.now_s)
        answers = [*silences, *_answers(story, done)]
        done = story.hears(*answers, after_s=0.01 if answers else max(0.01, story.wakes_after_s))

    pauses = [later - sooner for sooner, later in pairwise(tried_at_s)]
    assert pauses == pytest.approx([0.26, 0.51, 1.01, 2.01, 4.01, 5.01, 5.01, 5.01], abs=0.05)


def test_g5_many_listed_pods_that_are_gone_hold_nobody_up() -> None:
    pods = [a_pod(f"old-{n}", role="follower", term=3) for n in range(100)]
    status = a_status(7, a_leader(A), unfenced=(EVERYBODY,))
    story = Story(_A_WAITS, *pods, status=status, revision=7)
    done = story.begins(a_record(A, 7))
    done = story.hears(PodsListed((A.ref, *(pod.ref for pod in pods))), *(PodGone(pod.uid) for pod in pods))
    asked = [effect for effect in done if isinstance(effect, ReadPod)]
    assert asked == []
    assert ("web-0", "leader", 7) in [labels_of(effect) for effect in done if isinstance(effect, WriteLabels)]


@pytest.mark.parametrize("record", [a_record(term=7), None], ids=["the record was kept", "the record is gone"])
def test_g3_the_leader_label_of_an_earlier_life_is_taken_off_though_nobody_can_lead(record: LeaseRecord | None) -> None:
    stray = a_pod("old", ready=False, role="leader", term=7)
    story = Story(stray, revision=7 if record else 0)
    done = story.begins(record)
    for _ in range(100):
        answers: list[Input] = []
        for effect in done:
            match effect:
                case WriteLease(record=written):
                    record = written
                    answers.append(story.written(effect))
                case ReadLease():
                    answers.append(story.read(record))
                case WriteStatus():
                    answers.append(story.acknowledged(effect))
                case WriteLabels():
                    answers.append(story.labelled(effect))
                case ListPods():
                    answers.append(PodsListed((stray.ref,)))
        done = story.hears(*answers, after_s=0.6)
    assert story.pods[stray.uid].role("web") == "follower"
    assert story.resource.status.leader is None
    assert story.resource.status.unfenced == ()
