"""Two operators write the status of one election, and each has a bucket of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tenure.election.campaign import CLAIM_GAP
from tenure.election.effects import Effect, ReadLease, WriteLabels, WriteLease, WriteStatus
from tenure.election.inputs import Input, ResourceSeen
from tenure.election.record import LeaseRecord
from unit.story import A, at_rest


class _Contest:
    """The story of one of them."""

    def __init__(self) -> None:
        self.story, self._record = at_rest()
        self.said: list[str] = []

    def overtake(self) -> float:
        """The other one has shown a term of its own: return after how many seconds this one shows the next."""
        story, status = self.story, self.story.resource.status
        theirs = status.term + CLAIM_GAP + 1
        other = story.changed_by_another(replace(status, term=theirs, term_floor=theirs))
        began_s = story.now_s
        done = story.hears(ResourceSeen(other))
        while story.resource.status.term == theirs:
            answers = self.answer(done)
            done = story.hears(*answers, after_s=0.01 if answers else max(0.01, story.wakes_after_s))
        took_s = story.now_s - began_s
        while answers := self.answer(done):
            done = story.hears(*answers)
        return took_s

    def answer(self, done: list[Effect]) -> list[Input]:
        """Return what NATS and the API answer: all is well with them."""
        return [answer for effect in done for answer in self._answer(effect)]

    def _answer(self, effect: Effect) -> list[Input]:
        story = self.story
        match effect:
            case ReadLease():
                return [story.read(self._record)]
            case WriteLease(record=LeaseRecord() as record):
                self._record = record
                return [story.written(effect)]
            case WriteStatus(status=status):
                held = status.condition("LeaseHeld")
                assert held is not None
                self.said.append(held.reason)
                return [story.acknowledged(effect)]
            case WriteLabels():
                return [story.labelled(effect)]
        raise AssertionError(effect)


def test_terms_that_another_operator_takes_elsewhere_are_answered_ever_more_slowly() -> None:
    contest = _Contest()

    pauses_s = [contest.overtake() for _ in range(8)]

    assert pauses_s[0] < 0.1
    assert pauses_s[1:] == pytest.approx([2, 4, 8, 16, 32, 60, 60], abs=1.0)


def test_who_takes_terms_elsewhere_is_a_condition_from_the_third_time_on() -> None:
    contest = _Contest()

    contest.overtake()
    contest.overtake()
    contest.overtake()
    assert "RecordContested" not in contest.said
    contest.overtake()
    assert "RecordContested" in contest.said
    assert any("end the other operator" in said for said in contest.story.news)


def test_a_record_that_is_lost_long_after_another_is_replaced_at_once() -> None:
    contest = _Contest()
    for _ in range(4):
        contest.overtake()
    story = contest.story

    until_s = story.now_s + 10 * 60
    done: list[Effect] = []
    while done or story.now_s < until_s:
        answers = contest.answer(done)
        done = story.hears(*answers, after_s=0.01 if answers else max(0.01, story.wakes_after_s))

    assert contest.overtake() < 0.1
    assert story.resource.status.leader is not None
    assert story.resource.status.leader.pod == A.ref
