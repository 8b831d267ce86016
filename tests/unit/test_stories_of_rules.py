"""Elections whose spec says who may lead and who goes first, step by step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tenure.election.effects import ReadPod, ReadResource, WriteLease, WriteStatus
from tenure.election.inputs import Input, NodesCordoned, PodGone, PodRead, PodSeen, ResourceSeen
from tenure.election.request import Switchover
from tenure.election.resource import Spec
from tenure.election.rules import NEVER, HandOver, Priority, Rules
from tenure.election.selector import parse_selector
from unit.builders import SPEC, a_leader, a_pod, a_record
from unit.story import A_LEADS, B_FOLLOWS, WALL_S, A, B, Story, at_rest, held_by, ledger_of, only, ready_of
from unit.views import a_status

_FREE = a_record("", 7)
_LED_BY_NOBODY = a_status(7)


def _told(story: Story, rules: Rules) -> ResourceSeen:
    """The spec has got these rules."""
    story.resource = replace(
        story.resource,
        resource_version=story.resource.resource_version + 1,
        generation=story.resource.generation + 1,
        spec=replace(SPEC, rules=rules),
    )
    return ResourceSeen(story.resource)


def test_a_candidate_claims_as_soon_as_it_has_been_ready_for_long_enough() -> None:
    """Nothing happens then but that time has passed: the election has set an alarm for it."""
    ripe_at_s = WALL_S + 100.0 + 20.0
    follower = a_pod("web-0", ordinal=0, role="follower", term=7, ready_since_s=ripe_at_s - 30)
    story = Story(follower, status=_LED_BY_NOBODY, revision=7)
    _told(story, Rules(min_ready_s=30))

    assert story.begins(_FREE) == []
    described = only(WriteStatus, story.rests(0.6))
    assert (ready_of(described), described.status.eligible) == ("NoEligibleCandidate", 0)
    condition = described.status.condition("LeaderElected")
    assert condition is not None
    assert condition.message == "No pod that matches the selector may lead: 1 NotReadyForLong."
    assert story.hears(story.acknowledged(described)) == []
    assert story.news == ["No pod that matches the selector may lead: 1 NotReadyForLong."]

    done = story.rests(story.wakes_after_s)

    claim = only(WriteLease, [effect for effect in done if isinstance(effect, WriteLease)])
    assert held_by(claim) == (A.identity, 8)
    assert 0 <= WALL_S + story.now_s - ripe_at_s < 0.01
    assert [effect.status.eligible for effect in done if isinstance(effect, WriteStatus)] in ([], [1])


def test_the_number_of_eligible_candidates_is_right_again_when_one_has_been_ready_for_long_enough() -> None:
    story, _ = at_rest()
    late = a_pod("web-2", ordinal=2, role="follower", term=7, ready_since_s=WALL_S + 100.0)
    story.pods[late.uid] = late

    assert story.hears(_told(story, Rules(min_ready_s=2)), PodSeen(late)) == []
    numbers = only(WriteStatus, story.rests(0.6))
    assert (numbers.status.candidates, numbers.status.eligible) == (3, 2)
    assert story.hears(story.acknowledged(numbers)) == []
    assert 0 < story.wakes_after_s < 2

    assert story.rests(story.wakes_after_s) == []  # A burst of such changes costs one write.
    assert only(WriteStatus, story.rests(0.6)).status.eligible == 3


def test_a_leader_that_becomes_excluded_hands_over_at_once() -> None:
    story, _ = at_rest()

    assert story.hears(_told(story, Rules(exclude=parse_selector("track=canary")))) == []
    labels = {**(A_LEADS.labels or {}), "track": "canary"}
    release = only(WriteLease, story.hears(PodSeen(story.changed(A, labels=labels))))
    assert held_by(release) == ("", 7)
    claim = only(WriteLease, story.hears(story.written(release)))
    assert held_by(claim) == (B.identity, 8)
    entry = only(WriteStatus, story.hears(story.written(claim)))
    assert [(past.pod_name, past.reason) for past in entry.status.history] == [("web-0", "PodExcluded")]
    assert (entry.status.candidates, entry.status.eligible) == (2, 1)


def test_the_highest_priority_claims_and_a_higher_one_that_comes_later_waits() -> None:
    rules = Rules(priorities=(Priority(parse_selector("zone=a"), 10), Priority(parse_selector("zone=b"), 20)))
    first, second = a_pod("web-0", ordinal=0), a_pod("web-1", ordinal=1, labels={"zone": "a"})
    story = Story(first, second, status=_LED_BY_NOBODY, revision=7)
    _told(story, rules)

    claims = [effect for effect in story.begins(_FREE) if isinstance(effect, WriteLease)]
    claim = only(WriteLease, list(claims))
    assert held_by(claim) == (second.identity, 8)
    entry = only(WriteStatus, [e for e in story.hears(story.written(claim)) if isinstance(e, WriteStatus)])
    assert ledger_of(entry)[2] == second.identity
    story.hears(story.acknowledged(entry))

    third = a_pod("web-2", ordinal=2, labels={"zone": "b"})
    story.pods[third.uid] = third
    done = story.hears(PodSeen(third))

    assert [effect for effect in done if isinstance(effect, WriteLease)] == []
    assert story.resource.status.leader == a_leader(second)


def test_a_superior_takes_over_when_it_has_waited_and_nothing_happens_then_but_that_time_has_passed() -> None:
    story, _ = at_rest()
    waits_until_s = WALL_S + story.now_s + 5
    superior = a_pod("web-2", labels={"track": "fast"}, role="follower", term=7, ready_since_s=waits_until_s - 30)
    story.pods[superior.uid] = superior
    rules = Rules(priorities=(Priority(parse_selector("track=fast"), 10),), preempt_after_s=30)

    done = story.hears(_told(story, rules), PodSeen(superior))
    while not any(isinstance(effect, WriteLease) and held_by(effect)[0] != A.identity for effect in done):
        answers: list[Input] = [story.written(effect) for effect in done if isinstance(effect, WriteLease)]
        answers += [story.acknowledged(effect) for effect in done if isinstance(effect, WriteStatus)]
        done = story.hears(*answers) if answers else story.rests(story.wakes_after_s)

    assert 0 <= WALL_S + story.now_s - waits_until_s < 0.02
    release = only(WriteLease, done)
    claim = only(WriteLease, story.hears(story.written(release)))
    assert (held_by(release), held_by(claim)) == (("", 7), (superior.identity, 8))
    entry = only(WriteStatus, story.hears(story.written(claim)))
    assert [(past.pod_name, past.reason) for past in entry.status.history] == [("web-0", "Preempted")]


def test_the_wait_of_a_superior_counts_from_when_it_turned_ready_and_not_from_when_it_might_lead() -> None:
    """That stands in its condition Ready, which another operator reads as well; since when it may lead, nowhere."""
    story, _ = at_rest()
    labels = {"track": "fast", "taint": "canary"}
    excluded = a_pod("web-2", labels=labels, role="follower", term=7, ready_since_s=WALL_S + story.now_s - 31)
    story.pods[excluded.uid] = excluded
    rules = Rules(
        exclude=parse_selector("taint=canary"),
        priorities=(Priority(parse_selector("track=fast"), 10),),
        preempt_after_s=30,
    )
    assert story.hears(_told(story, rules), PodSeen(excluded)) == []

    freed = story.changed(excluded, labels={**(excluded.labels or {}), "taint": "none"})
    done = story.hears(PodSeen(freed))

    release = only(WriteLease, [effect for effect in done if isinstance(effect, WriteLease)])
    claim = only(WriteLease, story.hears(story.written(release)))
    assert (held_by(release), held_by(claim)) == (("", 7), (excluded.identity, 8))


def test_a_leader_leaves_its_node_when_that_is_cordoned_and_does_not_come_back() -> None:
    story, _ = at_rest()
    story.hears(PodSeen(story.changed(A, node="here")), PodSeen(story.changed(B, node="there")))

    release = only(WriteLease, story.hears(NodesCordoned(frozenset({"here"}))))
    claim = only(WriteLease, story.hears(story.written(release)))
    assert (held_by(release), held_by(claim)) == (("", 7), (B.identity, 8))
    entry = only(WriteStatus, story.hears(story.written(claim)))
    assert [(past.pod_name, past.reason) for past in entry.status.history] == [("web-0", "NodeCordoned")]

    done = story.hears(story.acknowledged(entry), NodesCordoned(frozenset()))
    assert [effect for effect in done if isinstance(effect, WriteLease)] == []


def test_a_leader_that_turned_not_ready_hands_over_when_the_delay_is_over() -> None:
    """The status says until when it stays; then nothing happens but that time has passed."""
    story, _ = at_rest()
    assert story.hears(_told(story, Rules(failover_delay_s=2))) == []
    described = only(WriteStatus, story.rests(0.6))
    assert story.hears(story.acknowledged(described)) == []
    fails_at_s = WALL_S + story.now_s + 2
    sick = story.changed(A, ready=False, ready_since_s=fails_at_s - 2)

    assert story.hears(PodSeen(sick)) == []
    shown = only(WriteStatus, story.rests(0.6))
    assert shown.status.failover_at_s == fails_at_s
    done = story.hears(story.acknowledged(shown))
    while not any(isinstance(effect, ReadPod) for effect in done):
        written = [story.written(effect) for effect in done if isinstance(effect, WriteLease)]
        assert all(held_by(effect)[0] == A.identity for effect in done if isinstance(effect, WriteLease))
        done = story.hears(*written) if written else story.rests(story.wakes_after_s)

    assert 0 <= WALL_S + story.now_s - fails_at_s < 0.01
    done = story.hears(PodRead(sick.ref, sick))
    assert [held_by(effect) for effect in done if isinstance(effect, WriteLease)] == [("", 7)]


def test_with_a_hand_over_after_termination_the_next_one_leads_when_the_pod_is_gone() -> None:
    story, _ = at_rest()
    assert story.hears(_told(story, Rules(hand_over=HandOver.AFTER_TERMINATION))) == []

    assert story.hears(PodSeen(story.changed(A, terminating=True, ready=False))) == []

    done = story.hears(PodGone(A.uid))
    release = only(WriteLease, [effect for effect in done if isinstance(effect, WriteLease)])
    assert held_by(release) == ("", 7)
    assert held_by(only(WriteLease, story.hears(story.written(release)))) == (B.identity, 8)


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(Rules(exclude=parse_selector("track=canary")), id="exclusion"),
        pytest.param(Rules(priorities=(Priority(parse_selector("track=canary"), NEVER),)), id="priority 0"),
    ],
)
def test_a_process_whose_rules_are_old_leaves_the_leader_that_another_process_has_made(rules: Rules) -> None:
    """By the rules that it knows web-1 never leads. The API is asked first, and says what is in force."""
    canary = replace(B_FOLLOWS, labels={**(B_FOLLOWS.labels or {}), "track": "canary"}, resource_version=99)
    story, _ = at_rest()
    story.hears(PodSeen(canary), _told(story, rules))
    story.revision = 9

    done = story.hears(story.seen(a_record(canary, 8, writer="operator/two")))

    assert ReadResource() in done
    assert not any(isinstance(effect, WriteLease) for effect in done)
    release = only(WriteLease, story.hears(replace(_told(story, rules), read_at_s=story.now_s)))
    assert held_by(release) == ("", 8)


def test_a_process_whose_status_is_old_preempts_nobody() -> None:
    """By the rules that it knows web-0 is to take over from web-1, which leads for another process."""
    fast = replace(A_LEADS, labels={**(A_LEADS.labels or {}), "track": "fast"}, resource_version=99)
    rules = Rules(priorities=(Priority(parse_selector("track=fast"), 10),), preempt_after_s=0)
    story, _ = at_rest()
    story.hears(PodSeen(fast), _told(story, rules))
    story.revision = 9

    renewal = only(WriteLease, story.hears(story.seen(a_record(B, 8, writer="operator/two"))))

    assert held_by(renewal) == (B.identity, 8)


@pytest.mark.parametrize("target", ["web-0", "web-1", None])
def test_a_process_whose_status_is_old_makes_no_switchover(target: str | None) -> None:
    """By the status that it knows web-0 leads, and web-1 leads for another process: that may be what was asked for."""
    story, _ = at_rest()
    told = _told(story, Rules())
    assert isinstance(told.resource.spec, Spec)
    story.resource = replace(told.resource, spec=replace(told.resource.spec, switchover=Switchover("one", target)))
    story.revision = 9

    done = story.hears(story.seen(a_record(B, 8, writer="operator/two")), ResourceSeen(story.resource))
    renewal = only(WriteLease, [effect for effect in done if isinstance(effect, WriteLease)])

    assert held_by(renewal) == (B.identity, 8)
