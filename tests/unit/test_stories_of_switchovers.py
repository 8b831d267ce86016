"""Switchovers step by step: made once, whatever ends between, or refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tenure.election.effects import Effect, ListPods, WriteLabels, WriteLease, WriteStatus
from tenure.election.inputs import ConnectionChanged, Input, PodSeen, PodsListed, ResourceSeen
from tenure.election.pod import Pod
from tenure.election.record import LeaseRecord
from tenure.election.resource import Switchover
from unit.builders import SPEC, a_leader, a_pod, a_record
from unit.story import A_LEADS, B_FOLLOWS, WALL_S, A, B, Story, at_rest, held_by, ledger_of, only, record_of

_C = a_pod("web-2", ordinal=2, role="follower", term=7)


def _of_three() -> Story:
    """An election that `A` leads in term 7, and at rest, with two others."""
    story, _ = at_rest()
    story.pods[_C.uid] = _C
    assert story.hears(PodSeen(_C)) == []
    described = only(WriteStatus, story.rests(0.6))
    assert story.hears(story.acknowledged(described)) == []
    return story


def _changed(story: Story, **spec: Any) -> ResourceSeen:
    before = story.resource
    story.resource = replace(
        before,
        resource_version=before.resource_version + 1,
        generation=before.generation + 1,
        spec=replace(SPEC, **spec),
    )
    return ResourceSeen(story.resource)


def _asked(story: Story, asked_id: str = "one", **facts: Any) -> ResourceSeen:
    return _changed(story, switchover=Switchover(asked_id, **facts))


def _answer_of(write: WriteStatus) -> tuple[str, str]:
    assert write.status.switchover is not None
    return write.status.switchover.id, write.status.switchover.result


def _result(story: Story) -> tuple[str, str, str] | None:
    answer = story.resource.status.switchover
    return None if answer is None else (answer.id, answer.result, answer.message)


def _play(story: Story, *happened: Input, times: int = 30) -> list[Effect]:
    """Have the world answer everything at once until nothing is left to do; return all that was done."""
    done: list[Effect] = []
    effects = story.hears(*happened)
    for _ in range(times):
        if not effects:
            return done
        done += effects
        answers: list[Input] = []
        for effect in effects:
            match effect:
                case WriteLease():
                    answers.append(story.written(effect))
                case WriteStatus():
                    answers.append(story.acknowledged(effect))
                case WriteLabels():
                    answers.append(story.labelled(effect))
                case ListPods():
                    answers.append(PodsListed(tuple(pod.ref for pod in story.pods.values())))
                case _:
                    raise AssertionError(effect)
        effects = story.hears(*answers)
    raise AssertionError(f"It does not come to rest: {effects}")


def _holders(done: list[Effect]) -> list[tuple[str, int]]:
    return [held_by(effect) for effect in done if isinstance(effect, WriteLease)]


def test_leadership_moves_to_the_pod_that_was_named_and_one_write_shows_it_with_the_answer() -> None:
    story = _of_three()

    release = only(WriteLease, story.hears(_asked(story, to_pod_name="web-2")))
    assert held_by(release) == ("", 7)
    claim = only(WriteLease, story.hears(story.written(release)))
    assert held_by(claim) == (_C.identity, 8)
    entry = only(WriteStatus, story.hears(story.written(claim)))
    assert ledger_of(entry)[::2] == (8, _C.identity)
    assert _answer_of(entry) == ("one", "Succeeded")
    assert [(past.pod_name, past.reason) for past in entry.status.history] == [("web-0", "Switchover")]
    _play(story, story.acknowledged(entry))
    assert story.news[-3:] == [
        "web-0 no longer leads: term 7 ended (Switchover).",
        "web-2 leads, term 8.",
        "Switchover one: web-2 leads.",
    ]

    assert _holders(_play(story, *[PodSeen(pod) for pod in story.pods.values()])) == []
    assert _holders(story.rests(4)) == [(_C.identity, 8)]


def test_without_a_name_it_moves_to_the_next_in_line() -> None:
    story = _of_three()

    assert _holders(_play(story, _asked(story))) == [("", 7), (B.identity, 8)]


def test_once_for_each_id() -> None:
    story = _of_three()
    _play(story, _asked(story, "one"))

    assert _holders(_play(story, _asked(story, "one", to_pod_name="web-2"))) == [], "the same id, with other words"
    assert _holders(_play(story, _asked(story, "two", to_pod_name="web-0"))) == [("", 8), (A.identity, 9)]
    done = _play(story, _asked(story, "one"))
    assert _holders(done) == [], "a manifest of yesterday"
    assert [_answer_of(effect) for effect in done if isinstance(effect, WriteStatus)] == [("one", "Skipped")]
    assert _holders(_play(story, _asked(story, "two"))) == []


def test_one_that_cannot_be_made_is_refused_and_the_leader_stays() -> None:
    story = _of_three()

    done = _play(story, _asked(story, to_pod_name="web-9"))

    refusal = only(WriteStatus, done)
    assert _answer_of(refusal) == ("one", "Refused")
    assert refusal.status.leader == a_leader(A)
    assert story.news[-1:] == [
        "Switchover one: web-9 is no candidate of this election: name a pod that spec.selector finds."
    ]
    assert _holders(_play(story, PodSeen(story.changed(B, ready=False)))) == []
    assert _holders(story.rests(4)) == [(A.identity, 7)]


def test_it_is_made_at_its_time_and_not_before() -> None:
    story = _of_three()
    planned_s = WALL_S + story.now_s + 10

    assert story.hears(_asked(story, not_before_s=planned_s)) == []
    noted = only(WriteStatus, story.rests(0.6))
    assert _answer_of(noted) == ("one", "Pending")
    done = story.hears(story.acknowledged(noted))
    while not any(isinstance(effect, WriteLease) and not record_of(effect).holder for effect in done):
        assert _holders(done) in ([], [(A.identity, 7)])
        written = [story.written(effect) for effect in done if isinstance(effect, WriteLease)]
        done = story.hears(*written) if written else story.rests(story.wakes_after_s)

    assert 0 <= WALL_S + story.now_s - planned_s < 0.01


def test_taking_it_away_before_its_time_cancels_it() -> None:
    story = _of_three()
    assert story.hears(_asked(story, not_before_s=WALL_S + story.now_s + 10)) == []
    noted = only(WriteStatus, story.rests(0.6))
    assert story.hears(story.acknowledged(noted)) == []

    cancelled = only(WriteStatus, story.hears(_changed(story)))

    assert _answer_of(cancelled) == ("one", "Cancelled")
    assert story.hears(story.acknowledged(cancelled)) == []
    assert story.news[-1] == "Switchover one: spec.switchover was taken away before it was made."
    assert _holders(story.rests(20)) == [(A.identity, 7)]


def test_of_two_at_once_the_one_that_stands_in_the_spec_is_made() -> None:
    story = _of_three()
    release = only(WriteLease, story.hears(_asked(story, "one", to_pod_name="web-1")))

    done = _play(story, story.written(release), _asked(story, "two", to_pod_name="web-2"))

    assert _holders(done) == [(_C.identity, 8)]
    assert _result(story) == ("two", "Succeeded", "web-2 leads.")


def test_one_that_comes_when_the_first_is_half_made_is_made_after_it() -> None:
    story = _of_three()
    release = only(WriteLease, story.hears(_asked(story, "one", to_pod_name="web-1")))
    claim = only(WriteLease, story.hears(story.written(release)))

    done = _play(story, story.written(claim), _asked(story, "two", to_pod_name="web-2"))

    assert _holders(done) == [("", 8), (_C.identity, 9)]
    assert _result(story) == ("two", "Succeeded", "web-2 leads.")


def test_who_cannot_lead_any_more_when_the_lease_is_free_does_not_and_the_answer_says_so() -> None:
    story = _of_three()
    release = only(WriteLease, story.hears(_asked(story, to_pod_name="web-2")))

    done = _play(story, PodSeen(story.changed(_C, ready=False)), story.written(release))

    assert _holders(done) == [(A.identity, 8)]
    assert _result(story) == ("one", "Refused", "web-2 may not lead: NotReady.")


def test_a_suspended_election_makes_it_when_it_goes_on() -> None:
    story = _of_three()

    assert _play(story, _changed(story, suspend=True, switchover=Switchover("one"))) == []
    suspended = only(WriteStatus, story.rests(0.6))
    assert _answer_of(suspended) == ("one", "Pending")
    assert _play(story, story.acknowledged(suspended)) == []

    assert _holders(_play(story, _changed(story, switchover=Switchover("one")))) == [("", 7), (B.identity, 8)]


# --------------------------------------------------------------------------------------------- a process that ends


def _restarted(story: Story, record: LeaseRecord) -> Story:
    """Another process, which finds what the one before has left."""
    successor = Story(*story.pods.values(), revision=story.revision)
    successor.resource, successor.now_s = story.resource, story.now_s
    done = successor.begins(record)
    answers: list[Input] = [successor.written(effect) for effect in done if isinstance(effect, WriteLease)]
    answers += [successor.acknowledged(effect) for effect in done if isinstance(effect, WriteStatus)]
    _play(successor, *answers)
    return successor


@pytest.mark.parametrize("wrote", ["nothing", "the release", "the claim", "the status"])
def test_wherever_a_process_ends_the_next_one_makes_it_and_makes_it_once(wrote: str) -> None:
    story = _of_three()
    release = only(WriteLease, story.hears(_asked(story, to_pod_name="web-2")))
    record = a_record(A, 7, nonce="of-another-process")
    if wrote != "nothing":
        claim = only(WriteLease, story.hears(story.written(release)))
        record = record_of(release)
        if wrote != "the release":
            entry = only(WriteStatus, story.hears(story.written(claim)))
            record = record_of(claim)
            if wrote == "the status":
                story.acknowledged(entry)

    successor = _restarted(story, record)

    status = successor.resource.status
    assert (status.term, status.leader) == (8, a_leader(_C))
    assert _result(successor) == ("one", "Succeeded", "web-2 leads.")
    assert _holders(_play(successor, ConnectionChanged(1))) == []


@pytest.mark.parametrize(("leader", "term"), [(_C, 8), (A, 9)])
def test_a_process_whose_status_is_late_does_not_make_it_a_second_time(leader: Pod, term: int) -> None:
    """Another process has made it and the status says so, but what is seen here is the record alone."""
    story = _of_three()
    story.revision += 2
    made = a_record(leader, term, nonce="of-another-process")

    done = story.hears(_asked(story), story.seen(made))

    assert _holders(done) == [(leader.identity, term)]


def test_a_switchover_in_a_restored_backup_is_not_made() -> None:
    story = Story(A_LEADS, B_FOLLOWS, revision=7)
    _asked(story)

    first = only(WriteStatus, story.begins(a_record(A, 7)))
    assert _answer_of(first) == ("one", "Skipped")
    assert _holders(_play(story, story.acknowledged(first))) == [(A.identity, 7)]
