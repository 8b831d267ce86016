"""Switchovers step by step: made once, whatever ends between, or refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tenure.election.effects import Effect, ListPods, ReadLease, ReadResource, WriteLabels, WriteLease, WriteStatus
from tenure.election.entry import ABSENT
from tenure.election.inputs import (
    ConnectionChanged,
    Input,
    LeaseRead,
    LeaseWritten,
    PodsComplete,
    PodSeen,
    PodsListed,
    ResourceSeen,
    StatusWritten,
    WriteOutcome,
)
from tenure.election.pod import Pod
from tenure.election.record import LeaseRecord
from tenure.election.request import Switchover
from tenure.election.resource import Answer, Refusal
from unit.builders import SPEC, a_leader, a_pod, a_record
from unit.story import A_LEADS, B_FOLLOWS, WALL_S, A, B, Story, at_rest, held_by, ledger_of, only, record_of
from unit.views import a_status

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
                case ReadResource():
                    answers.append(ResourceSeen(story.resource, story.now_s))
                case ListPods():
                    answers.append(PodsListed(tuple(pod.ref for pod in story.pods.values())))
                case _:
                    raise AssertionError(effect)
        effects = story.hears(*answers)
    raise AssertionError(f"It does not come to rest: {effects}")


def _holders(done: list[Effect]) -> list[tuple[str, int]]:
    return [held_by(effect) for effect in done if isinstance(effect, WriteLease)]


def test_a_switchover_that_another_clusters_record_names_is_not_taken_for_one_that_has_begun_here() -> None:
    story = _of_three()
    story.revision += 1
    theirs = a_record("web-0_elsewhere", 8, namespace_uid="another-namespace", switchover=Switchover("theirs"))
    story.hears(story.seen(theirs))

    done = story.hears(_asked(story, not_before_s=WALL_S - 3600.0))

    assert [_answer_of(write) for write in done if isinstance(write, WriteStatus)] == [("one", "Refused")]


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


@pytest.mark.parametrize("has_landed", [True, False])
def test_one_whose_refusal_is_on_its_way_does_not_begin(has_landed: bool) -> None:
    story = _of_three()
    story.hears(PodSeen(story.changed(_C, ready=False)))
    refusal = only(WriteStatus, story.hears(_asked(story, to_pod_name="web-2")))
    assert _answer_of(refusal) == ("one", "Refused")

    assert story.hears(PodSeen(story.changed(_C, ready=True))) == []
    if has_landed:
        done = _play(story, story.acknowledged(refusal))
        assert (_holders(done), _result(story)) == ([], ("one", "Refused", "web-2 may not lead: NotReady."))
    else:
        story.resource = replace(story.resource, resource_version=story.resource.resource_version + 1)
        only(ReadResource, story.hears(StatusWritten(None)))
        done = _play_on(story, ResourceSeen(story.resource, story.now_s))
        assert _holders(done) == [("", 7), (_C.identity, 8)]
        assert _result(story) == ("one", "Succeeded", "web-2 leads.")


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


# ---------------------------------------------------------------------------------------------------------- two at once

_UNDER_WAY = ["the release", "the claim", "the status"]


def _begun(story: Story, under_way: str, **facts: Any) -> tuple[Input, list[Effect]]:
    """Ask for switchover "one"; return what is heard of the write that is under way, and the writes until then.

    NATS makes them; the first write of the status is refused, since it is not the latest any more.
    """
    release = only(WriteLease, story.hears(_asked(story, "one", **facts)))
    if under_way == "the release":
        return story.written(release), [release]
    claim = only(WriteLease, story.hears(story.written(release)))
    if under_way == "the claim":
        return story.written(claim), [release, claim]
    entry = only(WriteStatus, story.hears(story.written(claim)))
    return StatusWritten(None), [release, claim, entry]


def _play_on(story: Story, *happened: Input) -> list[Effect]:
    """As `_play`, and then what is done after a pause that a refusal may have caused."""
    done = _play(story, *happened)
    story.now_s += 0.7
    return [*done, *_play(story)]


def _answers(done: list[Effect]) -> list[tuple[str, str]]:
    """Return the answers in the status writes, each once."""
    given = [_answer_of(effect) for effect in done if isinstance(effect, WriteStatus) and effect.status.switchover]
    return list(dict.fromkeys(given))


@pytest.mark.parametrize("under_way", _UNDER_WAY)
@pytest.mark.parametrize(
    ("first", "second", "leaders"),
    [("web-1", "web-2", [B, _C]), (None, None, [B, A]), ("web-2", None, [_C, A]), (None, "web-2", [B, _C])],
)
def test_of_two_at_once_the_later_one_is_made_after_the_one_that_has_begun(
    under_way: str, first: str | None, second: str | None, leaders: list[Pod]
) -> None:
    story = _of_three()
    heard, before = _begun(story, under_way, to_pod_name=first)

    done = _play_on(story, _asked(story, "two", to_pod_name=second), heard)

    moves = [held for held in _holders([*before, *done]) if held[0]]
    assert moves == [(leaders[0].identity, 8), (leaders[1].identity, 9)]
    assert _answers(done) == [("one", "Succeeded"), ("two", "Succeeded")]
    assert [past.reason for past in story.resource.status.history] == ["Switchover", "Switchover"]
    assert [note for note in story.news if note.startswith("Switchover")] == [
        f"Switchover one: {leaders[0].name} leads.",
        f"Switchover two: {leaders[1].name} leads.",
    ]

    again = _play(story, _asked(story, "one", to_pod_name=first))
    assert (_holders(again), _answers(again)) == ([], [("one", "Skipped")])


def test_of_two_at_once_to_one_pod_the_later_one_finds_it_leading() -> None:
    story = _of_three()
    heard, _ = _begun(story, "the claim", to_pod_name="web-1")

    done = _play_on(story, _asked(story, "two", to_pod_name="web-1"), heard)

    assert _holders(done) == []
    assert _answers(done) == [("one", "Succeeded"), ("two", "Refused")]
    assert _result(story) == ("two", "Refused", "web-1 leads already.")


@pytest.mark.parametrize("under_way", _UNDER_WAY)
def test_a_planned_one_in_place_of_one_that_has_begun_waits_and_is_not_cancelled_by_it(under_way: str) -> None:
    story = _of_three()
    heard, _ = _begun(story, under_way, to_pod_name="web-2")

    done = _play_on(story, _asked(story, "two", not_before_s=WALL_S + story.now_s + 600), heard)

    assert _answers(done) == [("one", "Succeeded"), ("two", "Pending")]
    assert story.resource.status.leader == a_leader(_C)
    assert story.resource.status.switchover is not None
    assert story.resource.status.switchover.former_ids == ("one",)


@pytest.mark.parametrize("under_way", _UNDER_WAY)
def test_taking_away_one_that_has_begun_does_not_undo_it_and_it_has_its_answer(under_way: str) -> None:
    story = _of_three()
    heard, _ = _begun(story, under_way, to_pod_name="web-2")

    done = _play_on(story, _changed(story), heard)

    assert _answers(done) == [("one", "Succeeded")]
    assert story.resource.status.leader == a_leader(_C)
    again = _play(story, _asked(story, "one", to_pod_name="web-1"))
    assert (_holders(again), _answers(again)) == ([], [])


def _planned_one_under_way(story: Story) -> WriteLease:
    """Ask for one that waits; return the release for it when its time has come."""
    assert story.hears(_asked(story, to_pod_name="web-2", not_before_s=WALL_S + story.now_s + 2)) == []
    noted = only(WriteStatus, story.rests(0.6))
    assert _answer_of(noted) == ("one", "Pending")
    assert story.hears(story.acknowledged(noted)) == []
    release = only(WriteLease, story.rests(1.5))
    assert held_by(release) == ("", 7)
    return release


def test_one_that_waited_is_not_called_cancelled_once_it_has_begun() -> None:
    story = _of_three()
    release = _planned_one_under_way(story)

    assert story.hears(_changed(story)) == []
    done = _play(story, story.written(release))

    assert (_holders(done), _answers(done)) == ([(_C.identity, 8)], [("one", "Succeeded")])


@pytest.mark.parametrize("has_landed", [True, False])
def test_while_it_is_not_known_whether_one_has_begun_it_is_not_called_cancelled(has_landed: bool) -> None:
    story = _of_three()
    release = _planned_one_under_way(story)
    only(ReadLease, story.hears(LeaseWritten(WriteOutcome.UNKNOWN, 0)))

    assert story.hears(_changed(story)) == []
    story.revision += has_landed
    done = _play(story, story.read(record_of(release) if has_landed else a_record(A, 7)))

    answer = "Succeeded" if has_landed else "Cancelled"
    assert _answers(done) == [("one", answer)]
    assert story.resource.status.leader == a_leader(_C if has_landed else A)


@pytest.mark.parametrize(
    ("spec", "answers"),
    [
        ({}, [("one", "Succeeded")]),
        ({"switchover": Switchover("two", "web-1")}, [("one", "Succeeded"), ("two", "Succeeded")]),
        ({"switchover": Switchover("two", None, WALL_S - 3600)}, [("one", "Succeeded"), ("two", "Refused")]),
    ],
)
def test_a_process_that_has_not_seen_the_record_yet_puts_none_aside_that_may_have_begun(
    spec: dict[str, Any], answers: list[tuple[str, str]]
) -> None:
    story = _of_three()
    release = _planned_one_under_way(story)
    story.written(release)
    _changed(story, **spec)
    successor = Story(*story.pods.values(), revision=story.revision)
    successor.resource, successor.now_s = story.resource, story.now_s
    pods = [PodSeen(pod) for pod in successor.pods.values()]

    only(ReadLease, successor.hears(ConnectionChanged(1), ResourceSeen(successor.resource), *pods, PodsComplete()))
    described = only(WriteStatus, successor.rests(0.6))
    assert _answer_of(described) == ("one", "Pending")
    done = _play_on(successor, successor.acknowledged(described), successor.read(record_of(release)))

    assert _holders(done)[0] == (_C.identity, 8)
    assert _answers(done) == answers


@pytest.mark.parametrize(
    ("spec", "answer"),
    [
        ({}, ("one", "Cancelled")),
        ({"switchover": Switchover("two")}, ("two", "Pending")),
        ({"switchover": Switchover("one", None, WALL_S - 3600)}, ("one", "Refused")),
    ],
)
def test_one_that_waits_for_candidates_is_answered_though_the_record_is_lost(
    spec: dict[str, Any], answer: tuple[str, str]
) -> None:
    story = Story(status=a_status(7, switchover=Answer("one", "Pending", "It waits.", 0.0)))
    _changed(story, **spec)
    only(ReadLease, story.hears(ConnectionChanged(1), ResourceSeen(story.resource), PodsComplete()))

    written = [*story.hears(LeaseRead(ABSENT)), *story.rests(0.6)]

    assert _answer_of(only(WriteStatus, written)) == answer


def test_one_that_is_there_before_the_election_is_skipped_and_not_refused_for_its_time() -> None:
    story = Story(A)
    _changed(story, switchover=Switchover("one", None, WALL_S - 3600))
    only(ReadLease, story.hears(ConnectionChanged(1), ResourceSeen(story.resource), PodSeen(A), PodsComplete()))

    marked = only(WriteLease, story.hears(LeaseRead(ABSENT)))
    written = only(WriteStatus, story.hears(story.written(marked)))

    assert _answer_of(written) == ("one", "Skipped")


def test_one_that_has_begun_is_finished_after_a_suspension_and_the_next_one_made_then() -> None:
    story = _of_three()
    release = only(WriteLease, story.hears(_asked(story, "one", to_pod_name="web-1")))
    two = Switchover("two", "web-2")

    done = _play_on(story, _changed(story, suspend=True, switchover=two), story.written(release))
    assert (_holders(done), _answers(done)) == ([], [])

    done = _play_on(story, _changed(story, switchover=two))
    assert _holders(done) == [(B.identity, 8), ("", 8), (_C.identity, 9)]
    assert _answers(done) == [("one", "Succeeded"), ("two", "Succeeded")]


def test_a_spec_that_cannot_be_acted_on_any_more_does_not_take_the_answer_away() -> None:
    story = _of_three()
    heard, _ = _begun(story, "the claim", to_pod_name="web-2")
    before = story.resource
    version, refusal = before.resource_version + 1, Refusal("InvalidSelector", "Why not.")
    story.resource = replace(before, resource_version=version, generation=before.generation + 1, spec=refusal)

    done = _play_on(story, ResourceSeen(story.resource), heard)

    assert _answers(done) == [("one", "Succeeded")]


def test_the_later_one_is_not_put_aside_by_an_operator_that_did_not_know_of_the_one_that_had_begun() -> None:
    """It said that the later one waits, before the earlier one had its answer."""
    story = _of_three()
    heard, _ = _begun(story, "the claim", to_pod_name="web-1")
    _asked(story, "two", to_pod_name="web-2")
    waits = replace(story.resource.status, switchover=Answer("two", "Pending", "It waits.", WALL_S))

    done = _play_on(story, ResourceSeen(story.changed_by_another(waits)), heard)

    assert _answers(done) == [("one", "Succeeded"), ("two", "Succeeded")]
    assert not any("another one was asked for" in note for note in story.news)


def test_who_cannot_lead_any_more_when_the_lease_is_free_does_not_and_the_answer_says_so() -> None:
    story = _of_three()
    release = only(WriteLease, story.hears(_asked(story, to_pod_name="web-2")))

    done = _play(story, PodSeen(story.changed(_C, ready=False)), story.written(release))

    assert _holders(done) == [(A.identity, 8)]
    assert _result(story) == ("one", "Refused", "web-2 may not lead: NotReady.")
    entry = next(effect for effect in done if isinstance(effect, WriteStatus))
    assert (entry.status.term, _answer_of(entry)) == (8, ("one", "Refused")), "with the term that came of it"
    assert _holders(_play(story, PodSeen(story.changed(_C, ready=True)))) == [], "once for each id"


def test_when_the_one_that_was_named_cannot_lead_any_more_the_leader_stays_though_others_come_before_it() -> None:
    story = _of_three()
    _play(story, _asked(story, "first", to_pod_name="web-1"))
    release = only(WriteLease, story.hears(_asked(story, to_pod_name="web-2")))

    done = _play(story, PodSeen(story.changed(story.pods[_C.uid], ready=False)), story.written(release))

    assert _holders(done) == [(B.identity, 9)]
    assert _result(story) == ("one", "Refused", "web-2 may not lead: NotReady.")


def test_what_another_operator_refuses_while_it_has_begun_here_leaves_the_leader_where_it_was() -> None:
    """They act at once, and this one has begun it with other words than the other one has read."""
    story = _of_three()
    _play(story, _asked(story, "first", to_pod_name="web-1"))
    release = only(WriteLease, story.hears(_asked(story, to_pod_name="web-2")))
    refused = Answer("one", "Refused", "web-7 is no candidate of this election.", 0.0, ("first",))
    story.changed_by_another(replace(story.resource.status, switchover=refused))

    done = _play(story, ResourceSeen(story.resource), story.written(release))

    assert _holders(done) == [(B.identity, 9)]
    assert (story.resource.status.leader, story.resource.status.switchover) == (a_leader(B), refused)


def test_when_nobody_can_lead_any_more_when_the_lease_is_free_that_is_its_answer_and_it_is_over() -> None:
    story = _of_three()
    release = only(WriteLease, story.hears(_asked(story, to_pod_name="web-2")))
    unready = [PodSeen(story.changed(pod, ready=False)) for pod in (A, B, _C)]

    done = _play(story, *unready, story.written(release))

    assert _holders(done) == [("", 8)]
    assert story.resource.status.leader is None
    assert _result(story) == ("one", "Refused", "web-2 may not lead: NotReady.")
    assert _holders(_play(story, *[PodSeen(story.changed(pod, ready=True)) for pod in (A, B, _C)])) == [(A.identity, 9)]


def test_a_suspended_election_makes_it_when_it_goes_on() -> None:
    story = _of_three()

    assert _play(story, _changed(story, suspend=True, switchover=Switchover("one"))) == []
    suspended = only(WriteStatus, story.rests(0.6))
    assert _answer_of(suspended) == ("one", "Pending")
    assert _play(story, story.acknowledged(suspended)) == []

    assert _holders(_play(story, _changed(story, switchover=Switchover("one")))) == [("", 7), (B.identity, 8)]


# --------------------------------------------------------------------------------------------- a process that ends


@pytest.mark.parametrize("wrote", ["the release", "the claim"])
@pytest.mark.parametrize("next_id", ["two", None])
def test_a_process_that_ends_while_another_one_is_asked_for_leaves_word_of_the_one_that_had_begun(
    wrote: str, next_id: str | None
) -> None:
    story = _of_three()
    release = only(WriteLease, story.hears(_asked(story, "one", to_pod_name="web-1")))
    claim = only(WriteLease, story.hears(story.written(release)))
    if wrote == "the claim":
        story.written(claim)
    if next_id is None:
        _changed(story)
    else:
        _asked(story, next_id, to_pod_name="web-2")

    successor = _restarted(story, record_of(release if wrote == "the release" else claim))

    status = successor.resource.status
    assert status.switchover is not None
    if next_id is None:
        assert (status.leader, _result(successor)) == (a_leader(B), ("one", "Succeeded", "web-1 leads."))
    else:
        assert (status.leader, _result(successor)) == (a_leader(_C), ("two", "Succeeded", "web-2 leads."))
        assert status.switchover.former_ids == ("one",)
    assert _holders(_play(successor, _asked(successor, "one", to_pod_name="web-0"))) == []


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
