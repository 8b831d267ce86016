"""Who may be chosen and why not, who is first in line, who may stay, and when that changes by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.election.pod import Pod
from tenure.election.rules import HandOver, Order, Priority, Rules
from tenure.election.selector import Selector, parse_selector
from tenure.election.slate import Obstacle, Slate
from unit.builders import a_pod

_CANARY = parse_selector("track=canary")
_NOW_S = 1000.0


def _of(track: str, name: str = "web-0", **facts: Any) -> Pod:
    return a_pod(name, labels={"track": track}, **facts)


def _priorities(**values: int) -> Rules:
    return Rules(priorities=tuple(Priority(parse_selector(f"track={track}"), value) for track, value in values.items()))


@pytest.mark.parametrize(
    ("pod", "rules", "obstacle"),
    [
        pytest.param(a_pod(), Rules(), None, id="Ready"),
        pytest.param(a_pod(ready=False), Rules(), Obstacle.NOT_READY, id="not Ready"),
        pytest.param(a_pod(ready=False), Rules(require_ready=False), None, id="not Ready, and need not be"),
        pytest.param(a_pod(terminating=True), Rules(require_ready=False), Obstacle.TERMINATING, id="being deleted"),
        pytest.param(
            a_pod(finished=True, terminating=True), Rules(require_ready=False), Obstacle.FINISHED, id="finished"
        ),
        pytest.param(_of("canary"), Rules(exclude=_CANARY), Obstacle.EXCLUDED, id="excluded"),
        pytest.param(_of("stable"), Rules(exclude=_CANARY), None, id="another is excluded"),
        pytest.param(Pod("bare", "uid", 1, None, ready=True), Rules(exclude=_CANARY), None, id="without labels"),
        pytest.param(_of("canary"), _priorities(canary=0), Obstacle.PRIORITY_ZERO, id="of priority 0"),
        pytest.param(_of("canary", ready=False), _priorities(canary=0), Obstacle.PRIORITY_ZERO, id="what lasts first"),
        pytest.param(
            a_pod(ready_since_s=970.5), Rules(min_ready_s=30), Obstacle.NOT_READY_FOR_LONG, id="Ready for 29.5 s of 30"
        ),
        pytest.param(a_pod(ready_since_s=970.0), Rules(min_ready_s=30), None, id="Ready for 30 s of 30"),
        pytest.param(
            a_pod(ready=False, ready_since_s=1.0),
            Rules(require_ready=False, min_ready_s=30),
            Obstacle.NOT_READY_FOR_LONG,
            id="not Ready for long, which is not Ready for long",
        ),
    ],
)
def test_what_keeps_a_pod_from_being_chosen(pod: Pod, rules: Rules, obstacle: Obstacle | None) -> None:
    slate = Slate([pod], rules, _NOW_S)

    assert slate.obstacle(pod) is obstacle
    assert slate.is_eligible(pod) is (obstacle is None)
    assert slate.obstacles() == {obstacle: 1}
    assert slate.first_in_line() == (pod if obstacle is None else None)


_A, _B, _C = (a_pod(name, ready_since_s=since_s) for name, since_s in [("a", 30), ("b", 20), ("c", 10)])
_ZERO, _ONE = (a_pod(f"web-{n}", ordinal=n, ready_since_s=20 - n) for n in range(2))


@pytest.mark.parametrize(
    ("pods", "rules", "uncrownable", "first"),
    [
        pytest.param([], Rules(), [], None, id="nobody"),
        pytest.param([_A, _B, _C], Rules(), [], "c", id="of a Deployment: Ready for longest"),
        pytest.param([a_pod("b"), a_pod("a")], Rules(), [], "a", id="Ready since the same second: by name"),
        pytest.param([_ZERO, _ONE], Rules(), [], "web-0", id="of a StatefulSet: lowest ordinal"),
        pytest.param([_ZERO, _ONE], Rules(order=Order.OLDEST_READY), [], "web-1", id="the oldest Ready, if asked for"),
        pytest.param(
            [_of("x", "web-0", ordinal=0), _of("y", "web-1", ordinal=1)],
            _priorities(y=10),
            [],
            "web-1",
            id="a higher priority goes before the order",
        ),
        pytest.param(
            [_of("x", "web-0"), _of("y", "web-1")],
            _priorities(x=0),
            [],
            "web-1",
            id="none has priority 1, which is not 0",
        ),
        pytest.param([_of("x", "web-0")], _priorities(x=0), [], None, id="priority 0 never leads"),
        pytest.param(
            [replace(_of("x", "web-0"), ready=False), _of("y", "web-1")],
            replace(_priorities(x=10), require_ready=True),
            [],
            "web-1",
            id="the highest priority may not be chosen",
        ),
        pytest.param(
            [replace(_A, ready=False, ready_since_s=0.0), _B],
            Rules(require_ready=False),
            [],
            "b",
            id="who need not be Ready comes after who is",
        ),
        pytest.param(
            [_of("x", "web-0"), _of("y", "web-1")],
            _priorities(x=10),
            ["uid-of-web-0"],
            "web-1",
            id="on which the API refuses the label comes last, whatever its priority",
        ),
        pytest.param([_A], Rules(), [_A.uid], "a", id="unless there is nobody else"),
    ],
)
def test_who_is_first_in_line(pods: list[Pod], rules: Rules, uncrownable: list[str], first: str | None) -> None:
    for order in (pods, pods[::-1]):
        chosen = Slate(order, rules, _NOW_S, frozenset(uncrownable)).first_in_line()
        assert (chosen.name if chosen is not None else None) == first


@given(st.permutations([a_pod(f"p{n}", ready_since_s=n % 3, ordinal=n % 2 or None) for n in range(6)]))
def test_who_is_first_does_not_depend_on_who_was_seen_first(pods: list[Pod]) -> None:
    chosen = Slate(pods).first_in_line()

    assert chosen is not None
    assert chosen.name == "p0"


def test_of_two_entries_that_select_a_pod_the_first_counts() -> None:
    everybody = Selector(parse_selector("app=web").requirements)
    rules = Rules(priorities=(Priority(_CANARY, 0), Priority(everybody, 5)))

    assert [rules.priority_of(pod) for pod in (_of("canary"), _of("stable"), Pod("bare", "uid", 1, None))] == [0, 5, 1]


# ------------------------------------------------------------------------------------------------------------- may stay

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

    assert Slate([pod, *others]).may_stay(pod) is stays


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

    assert Slate([pod, replace(_OTHER, **other)], uncrownable=uncrownable).may_stay(pod) is stays


@pytest.mark.parametrize(
    ("leader", "rules", "stays"),
    [
        pytest.param(_of("canary"), Rules(exclude=_CANARY), False, id="excluded"),
        pytest.param(_of("canary"), _priorities(canary=0), False, id="of priority 0"),
        pytest.param(_of("stable"), _priorities(canary=10), True, id="sticky: another has a higher priority"),
        pytest.param(_of("stable", ready=False), Rules(require_ready=False), True, id="not Ready, and need not be"),
        pytest.param(_of("stable", ready_since_s=999.0), Rules(min_ready_s=30), True, id="Ready again a moment ago"),
    ],
)
def test_by_the_rules_of_the_spec_a_leader_stays(leader: Pod, rules: Rules, stays: bool) -> None:
    other = _of("canary", "web-1", ready_since_s=1.0)

    assert Slate([leader, other], rules, _NOW_S).may_stay(leader) is stays


def test_a_leader_that_never_may_lead_does_not_stay_even_alone() -> None:
    pod = _of("canary")

    assert not Slate([pod], Rules(exclude=_CANARY)).may_stay(pod)


def test_a_leader_that_is_not_ready_stays_until_another_has_been_ready_for_long_enough() -> None:
    leader, other = a_pod("web-0", ready=False), a_pod("web-1", ready_since_s=_NOW_S)
    rules = Rules(min_ready_s=30)

    assert [Slate([leader, other], rules, _NOW_S + age_s).may_stay(leader) for age_s in (0, 29, 30)] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("leader", "stays"),
    [
        pytest.param({"ready": False, "ready_since_s": 970.5}, True, id="not Ready for 29.5 s of 30"),
        pytest.param({"ready": False, "ready_since_s": 970.0}, False, id="not Ready for 30 s of 30"),
        pytest.param({"ready": False, "ready_since_s": 999.0, "terminating": True}, False, id="deleted"),
        pytest.param({"ready": False, "ready_since_s": 999.0, "finished": True}, False, id="finished"),
        pytest.param({}, True, id="Ready"),
    ],
)
def test_a_leader_that_turned_not_ready_stays_for_the_delay(leader: dict[str, Any], stays: bool) -> None:
    pod = replace(_LEADER, **leader)
    slate = Slate([pod, _OTHER], Rules(failover_delay_s=30), _NOW_S)

    assert slate.may_stay(pod) is stays
    assert slate.changes_at_s() == (1000.5 if stays and not pod.ready else float("inf"))


def test_without_a_delay_nothing_rests_on_the_time_in_the_pod() -> None:
    pod = replace(_LEADER, ready=False, ready_since_s=_NOW_S + 3600)

    assert not Slate([pod, _OTHER], Rules(), _NOW_S).may_stay(pod)


@pytest.mark.parametrize(
    ("leader", "stays"),
    [
        pytest.param({"terminating": True}, True, id="deleted, but not gone"),
        pytest.param({"terminating": True, "ready": False}, True, id="deleted and not Ready"),
        pytest.param({"ready": False}, True, id="not Ready"),
        pytest.param({"labels": {"track": "canary"}}, True, id="excluded"),
        pytest.param({"finished": True, "ready": False}, False, id="finished"),
    ],
)
def test_with_a_hand_over_after_termination_only_its_pods_end_ends_leadership(
    leader: dict[str, Any], stays: bool
) -> None:
    pod = replace(_LEADER, **leader)
    rules = Rules(exclude=_CANARY, hand_over=HandOver.AFTER_TERMINATION)

    assert Slate([pod, _OTHER], rules, _NOW_S).may_stay(pod) is stays
    assert Slate([pod, _OTHER], rules, _NOW_S, frozenset({pod.uid})).may_stay(pod) is stays


# ------------------------------------------------------------------------------------------------------ cordoned nodes

_HERE, _THERE = a_pod("web-0", ordinal=0, node="here"), a_pod("web-1", ordinal=1, node="there")


@pytest.mark.parametrize(
    ("leader", "other", "stays"),
    [
        pytest.param(_HERE, _THERE, False, id="another may lead elsewhere"),
        pytest.param(_THERE, _HERE, True, id="it is elsewhere"),
        pytest.param(_HERE, replace(_THERE, node="here"), True, id="the other is there as well"),
        pytest.param(_HERE, replace(_THERE, ready=False), True, id="the other may not lead"),
        pytest.param(_HERE, replace(_THERE, node=None), False, id="the other's node is not known"),
        pytest.param(
            replace(_HERE, ready=False),
            replace(_THERE, node="here"),
            False,
            id="not Ready, and the other is there as well",
        ),
    ],
)
def test_a_leader_gives_way_on_a_node_that_is_cordoned(leader: Pod, other: Pod, stays: bool) -> None:
    assert Slate([leader, other], cordoned={"here"}).may_stay(leader) is stays
    assert Slate([leader, other]).may_stay(leader) is leader.ready


def test_one_that_cannot_be_crowned_is_no_reason_to_leave_a_node_that_is_cordoned() -> None:
    assert Slate([_HERE, _THERE], uncrownable={_THERE.uid}, cordoned={"here"}).may_stay(_HERE)


def test_who_is_on_a_node_that_is_cordoned_comes_last_but_for_those_that_cannot_be_crowned() -> None:
    assert Slate([_HERE, _THERE], cordoned={"here"}).first_in_line() == _THERE
    assert Slate([_HERE], cordoned={"here"}).first_in_line() == _HERE
    assert Slate([_HERE, _THERE], uncrownable={_THERE.uid}, cordoned={"here"}).first_in_line() == _HERE


def test_nobody_on_a_node_that_is_cordoned_preempts() -> None:
    superior = replace(_of("fast", "web-1"), node="here")
    rules = replace(_priorities(fast=10), preempt_after_s=0)

    assert Slate([_THERE, superior], rules, _NOW_S).superior(_THERE) == superior
    assert Slate([_THERE, superior], rules, _NOW_S, cordoned={"here"}).superior(_THERE) is None


# --------------------------------------------------------------------------------------------------------- preemption

_PREEMPT = replace(_priorities(stable=5, fast=10), preempt_after_s=30)
_STABLE = _of("stable", ready_since_s=1.0)


@pytest.mark.parametrize(
    ("other", "rules", "uncrownable", "takes_over"),
    [
        pytest.param({"track": "fast", "ready_since_s": 970.0}, _PREEMPT, [], True, id="has waited for 30 s of 30"),
        pytest.param({"track": "fast", "ready_since_s": 970.5}, _PREEMPT, [], False, id="has waited for 29.5 s of 30"),
        pytest.param(
            {"track": "fast", "ready_since_s": 965.0},
            replace(_PREEMPT, min_ready_s=10),
            [],
            False,
            id="has been Ready for 35 s, and so waits since 25 s",
        ),
        pytest.param({"track": "stable"}, _PREEMPT, [], False, id="of the same priority"),
        pytest.param({"track": "none"}, _PREEMPT, [], False, id="of a lower priority"),
        pytest.param({"track": "fast", "ready": False}, _PREEMPT, [], False, id="may not lead"),
        pytest.param({"track": "fast"}, _PREEMPT, ["uid-of-web-1"], False, id="cannot be crowned"),
        pytest.param({"track": "fast"}, replace(_PREEMPT, preempt_after_s=0), [], True, id="at once, if asked for"),
        pytest.param({"track": "fast"}, replace(_PREEMPT, preempt_after_s=None), [], False, id="not unless asked for"),
        pytest.param(
            {"track": "fast"},
            replace(_PREEMPT, hand_over=HandOver.AFTER_TERMINATION),
            [],
            False,
            id="not where only the pod's end moves the leadership",
        ),
    ],
)
def test_a_pod_of_a_higher_priority_takes_over_when_it_has_waited(
    other: dict[str, Any], rules: Rules, uncrownable: list[str], takes_over: bool
) -> None:
    superior = _of(**{"name": "web-1", "ready_since_s": 1.0, **other})

    slate = Slate([_STABLE, superior], rules, _NOW_S, frozenset(uncrownable))

    assert slate.superior(_STABLE) == (superior if takes_over else None)


def test_of_several_superiors_the_first_in_line_takes_over() -> None:
    superiors = [_of("fast", f"web-{n}", ordinal=n, ready_since_s=1.0) for n in (2, 1)]

    assert Slate([_STABLE, *superiors], _PREEMPT, _NOW_S).superior(_STABLE) == superiors[1]


# ------------------------------------------------------------------------------------------------------ changes by time


@pytest.mark.parametrize(
    ("pods", "rules", "changes_at_s"),
    [
        pytest.param([a_pod(ready_since_s=990.0)], Rules(), float("inf"), id="nothing is asked for"),
        pytest.param([a_pod(ready_since_s=990.0)], Rules(min_ready_s=30), 1020.0, id="when it was Ready for long"),
        pytest.param(
            [a_pod("a", ready_since_s=990.0), a_pod("b", ready_since_s=980.0), a_pod("c", ready_since_s=900.0)],
            Rules(min_ready_s=30),
            1010.0,
            id="the earliest of those to come",
        ),
        pytest.param([a_pod(ready=False)], Rules(min_ready_s=30), float("inf"), id="not Ready: not by time"),
        pytest.param(
            [_of("canary", ready_since_s=990.0)],
            Rules(min_ready_s=30, exclude=_CANARY),
            float("inf"),
            id="excluded: not by time",
        ),
        pytest.param([_of("fast", ready_since_s=990.0)], _PREEMPT, 1020.0, id="when it may preempt"),
        pytest.param(
            [_of("fast", ready_since_s=998.0)], replace(_PREEMPT, min_ready_s=5), 1003.0, id="when it may lead at all"
        ),
        pytest.param([_of("fast", ready_since_s=900.0)], _PREEMPT, float("inf"), id="it may have preempted already"),
    ],
)
def test_when_time_alone_changes_something(pods: list[Pod], rules: Rules, changes_at_s: float) -> None:
    assert Slate(pods, rules, _NOW_S).changes_at_s() == changes_at_s
