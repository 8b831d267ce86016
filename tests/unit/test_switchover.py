"""Which switchover is made, to whom, why one is refused, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tenure.election import switchover
from tenure.election.pod import Pod
from tenure.election.record import LeaseRecord
from tenure.election.request import Switchover
from tenure.election.resource import Answer, Leader, Spec, Status
from tenure.election.rules import HandOver, Priority, Rules
from tenure.election.selector import parse_selector
from tenure.election.slate import Slate
from tenure.election.switchover import MAX_FORMER_IDS, Objection, Result, judge
from unit.builders import NAMESPACE_UID, SPEC, a_leader, a_pod, a_record
from unit.views import a_status

_A, _B, _C = (a_pod(f"web-{n}", ordinal=n) for n in range(3))
_NOW_S = 1_700_000_000.0
_LED_BY_A = a_status(7, a_leader(_A))
_ONE = Switchover("one", "web-1")


def _asked(asked_id: str = "one", **facts: Any) -> Spec:
    return replace(SPEC, switchover=Switchover(asked_id, **facts))


def _answered(asked_id: str = "one", result: str = Result.SUCCEEDED, *former: str) -> Status:
    return replace(_LED_BY_A, switchover=Answer(asked_id, result, "", _NOW_S - 60, former))


# ------------------------------------------------------------------------------------------------------------ to whom


@pytest.mark.parametrize(
    ("pods", "rules", "to", "judged"),
    [
        pytest.param([_A, _B, _C], Rules(), "web-2", _C, id="to a pod by name"),
        pytest.param([_A, _B, _C], Rules(), None, _B, id="to whoever would be chosen if the leader were gone"),
        pytest.param([_A, replace(_B, terminating=True), _C], Rules(), None, _C, id="who may not lead is passed over"),
        pytest.param(
            [_A, replace(_B, terminating=True), replace(_B, uid="next")],
            Rules(),
            "web-1",
            replace(_B, uid="next"),
            id="the incarnation that may lead",
        ),
        pytest.param([_A, _B], Rules(), "web-0", "web-0 leads already.", id="to the leader itself"),
        pytest.param(
            [_A, _B],
            Rules(),
            "api-0",
            "api-0 is no candidate of this election: name a pod that spec.selector finds.",
            id="to a pod of another election, or to none",
        ),
        pytest.param(
            [_A, replace(_B, ready=False)], Rules(), "web-1", "web-1 may not lead: NotReady.", id="to one not Ready"
        ),
        pytest.param(
            [_A, a_pod("web-1", labels={"track": "canary"})],
            Rules(exclude=parse_selector("track=canary")),
            "web-1",
            "web-1 may not lead: Excluded.",
            id="to one that never leads",
        ),
        pytest.param([_A], Rules(), None, "There is no other candidate.", id="there is nobody else"),
        pytest.param(
            [_A, replace(_B, ready=False), replace(_C, terminating=True)],
            Rules(),
            None,
            "No other candidate may lead: 1 NotReady, 1 Terminating.",
            id="nobody else may lead",
        ),
        pytest.param(
            [_A, _B],
            Rules(hand_over=HandOver.AFTER_TERMINATION),
            "web-1",
            "With spec.handOver AfterTermination only the end of its pod moves the leadership: delete that pod.",
            id="where the old one must be gone first",
        ),
    ],
)
def test_to_whom_leadership_is_moved(pods: list[Pod], rules: Rules, to: str | None, judged: Pod | str) -> None:
    expected = Objection(judged) if isinstance(judged, str) else judged
    assert judge(Switchover("one", to), Slate(pods, rules, _NOW_S), _A.ref) == expected


@pytest.mark.parametrize("to", [None, "web-1"])
def test_nobody_is_put_in_place_who_cannot_be_marked_as_leader(to: str | None) -> None:
    slate = Slate([_A, _B], uncrownable=frozenset({_B.uid}))

    assert judge(Switchover("one", to), slate, _A.ref) == Objection(
        "web-1 cannot be marked as leader: the API refuses its label; see the condition Routed."
    )


@pytest.mark.parametrize("to", [None, "web-1"])
def test_nobody_is_put_in_place_whom_a_superior_would_replace_again(to: str | None) -> None:
    superior = a_pod("web-0", labels={"track": "fast"})
    rules = Rules(priorities=(Priority(parse_selector("track=fast"), 10),), preempt_after_s=30)

    assert judge(Switchover("one", to), Slate([superior, _B], rules, _NOW_S), superior.ref) == Objection(
        "web-1 would not stay, because web-0 has a higher priority: "
        "change spec.preference.priorities, or take spec.preference.preempt away."
    )
    assert judge(Switchover("one", to), Slate([superior, _B], replace(rules, preempt_after_s=None)), superior.ref) == _B


def test_nobody_is_put_in_place_who_would_leave_its_node_again() -> None:
    leader, other = replace(_A, node="there"), replace(_B, node="here")
    slate = Slate([leader, other], cordoned={"here"})

    assert judge(Switchover("one", "web-1"), slate, leader.ref) == Objection(
        "web-1 would not stay, because its node here is cordoned: name another, or uncordon it."
    )


# --------------------------------------------------------------------------------------------------------------- when


@pytest.mark.parametrize(
    ("spec", "status", "is_pending"),
    [
        pytest.param(SPEC, _LED_BY_A, False, id="none is asked for"),
        pytest.param(_asked(), _LED_BY_A, True, id="the first one"),
        pytest.param(_asked(), _answered("one", Result.PENDING), True, id="it waits"),
        *(
            pytest.param(_asked(), _answered("one", result), False, id=f"it is over: {result}")
            for result in Result
            if result is not Result.PENDING
        ),
        pytest.param(_asked("two"), _answered("one"), True, id="the next one"),
        pytest.param(
            _asked("two"), _answered("one", Result.PENDING), True, id="another one in place of one that waits"
        ),
        pytest.param(_asked("one"), _answered("three", Result.REFUSED, "two", "one"), False, id="one that was before"),
    ],
)
def test_which_switchover_is_pending(spec: Spec, status: Status, is_pending: bool) -> None:
    assert switchover.pending(spec, status) == (spec.switchover if is_pending else None)


@pytest.mark.parametrize(
    ("planned_after_s", "is_due"),
    [(None, True), (0.0, True), (0.1, False), (-299.0, True), (-301.0, False)],
)
def test_when_a_switchover_is_due(planned_after_s: float | None, is_due: bool) -> None:
    spec = _asked(not_before_s=None if planned_after_s is None else _NOW_S + planned_after_s)

    assert (switchover.due(spec, _LED_BY_A, _NOW_S) is not None) is is_due
    assert switchover.due(replace(spec, suspend=True), _LED_BY_A, _NOW_S) is None


def test_time_alone_makes_a_planned_switchover_due() -> None:
    planned = _asked(not_before_s=_NOW_S + 60)

    assert switchover.changes_at_s(planned, _LED_BY_A, _NOW_S) == _NOW_S + 60
    assert switchover.changes_at_s(planned, _LED_BY_A, _NOW_S + 60) == float("inf")
    assert switchover.changes_at_s(planned, _answered("one"), _NOW_S) == float("inf")
    assert switchover.changes_at_s(_asked(), _LED_BY_A, _NOW_S) == float("inf")


# ----------------------------------------------------------------------------------------------------- what has begun


@pytest.mark.parametrize(
    ("record", "status", "has_begun"),
    [
        pytest.param(a_record("", 7, switchover=_ONE), _LED_BY_A, True, id="the leader's lease was released for it"),
        pytest.param(a_record(_B, 8, switchover=_ONE), _LED_BY_A, True, id="the next term was claimed for it"),
        pytest.param(a_record("", 8, switchover=_ONE), _LED_BY_A, True, id="a term was claimed for nobody"),
        pytest.param(a_record(_B, 8, switchover=_ONE), a_status(7), True, id="nobody is shown to lead"),
        pytest.param(a_record("", 7), _LED_BY_A, False, id="for no switchover"),
        pytest.param(a_record("", 7, switchover=_ONE), _answered("one"), False, id="it has its answer"),
        pytest.param(a_record("", 7, switchover=_ONE), _answered("two", "Refused", "one"), False, id="it was before"),
        pytest.param(a_record("", 7, switchover=_ONE), _answered("one", Result.PENDING), True, id="it waited"),
        pytest.param(a_record(_A, 7, switchover=_ONE), _LED_BY_A, False, id="its term is shown, and the answer gone"),
        pytest.param(a_record("", 7, switchover=_ONE), a_status(7), False, id="its term is shown, with nobody"),
        pytest.param(a_record("", 6, switchover=_ONE), _LED_BY_A, False, id="a later term is shown"),
        pytest.param(a_record("", 7, switchover=_ONE, namespace_uid="other"), _LED_BY_A, False, id="another cluster's"),
        pytest.param(a_record(_B, 8, switchover=_ONE), a_status(0), False, id="of an earlier life"),
        pytest.param(a_record(_B, 10**7, switchover=_ONE), _LED_BY_A, False, id="its term is not believed"),
    ],
)
def test_which_switchover_has_begun(record: LeaseRecord, status: Status, has_begun: bool) -> None:
    assert switchover.begun(record, status, NAMESPACE_UID) == (_ONE if has_begun else None)


@pytest.mark.parametrize(
    ("to", "leader", "result", "message"),
    [
        (None, _B, "Succeeded", "web-1 leads."),
        ("web-1", _B, "Succeeded", "web-1 leads."),
        ("web-2", _B, "Refused", "web-2 is no candidate of this election: name a pod that spec.selector finds."),
        ("web-1", _A, "Refused", "Nobody else could lead in that moment: ask again, with another id."),
        (None, None, "Refused", "Nobody else could lead in that moment: ask again, with another id."),
    ],
)
def test_what_has_begun_is_answered_by_the_term_that_came_of_it(
    to: str | None, leader: Pod | None, result: str, message: str
) -> None:
    after = a_status(8, None if leader is None else a_leader(leader))
    slate = Slate([_A, _B])

    for spec in (None, SPEC, _asked("two")):
        given = switchover.conclude(Switchover("one", to), spec, _LED_BY_A, after, slate=slate, wall_s=_NOW_S)
        assert given == Answer("one", result, message, _NOW_S)


def test_what_waits_behind_one_that_has_begun_is_not_among_the_former_ones() -> None:
    slate, after = Slate([_A, _B]), a_status(8, a_leader(_B))
    last = _answered("two", Result.PENDING, "zero")

    def former(spec: Spec) -> tuple[str, ...]:
        return switchover.conclude(_ONE, spec, last, after, slate=slate, wall_s=_NOW_S).former_ids

    assert former(_asked("two")) == ("zero",)
    assert former(_asked("three")) == ("two", "zero")
    assert former(SPEC) == ("two", "zero")


# ------------------------------------------------------------------------------------------------------------- answers


def _answer(spec: Spec, last: Status, status: Status | None = None, *, is_led: bool = True, pods: Any = None) -> Any:
    slate = Slate([_A, _B] if pods is None else pods, spec.rules, _NOW_S)
    given = switchover.answer(spec, last, status or last, slate=slate, is_led=is_led, wall_s=_NOW_S)
    return None if given is None else (given.id, given.result, given.message)


@pytest.mark.parametrize(
    ("spec", "leader", "answer"),
    [
        pytest.param(_asked(to_pod_name="web-1"), _B, "web-1 leads.", id="the pod that was named leads"),
        pytest.param(_asked(), _B, "web-1 leads.", id="another one leads"),
        pytest.param(_asked(), _A, None, id="the same one leads, in another term"),
        pytest.param(_asked(to_pod_name="web-2"), _B, None, id="another one than was named leads"),
        pytest.param(_asked(), None, None, id="nobody leads"),
        pytest.param(_asked(not_before_s=_NOW_S + 60), _B, None, id="the leader changed before its time"),
        pytest.param(replace(_asked(), suspend=True), _B, None, id="the leader changed while it was suspended"),
    ],
)
def test_a_new_leader_fulfils_the_switchover_that_is_due_or_leaves_it(
    spec: Spec, leader: Pod | None, answer: str | None
) -> None:
    after = a_status(8, None if leader is None else a_leader(leader))

    assert _answer(spec, _LED_BY_A, after) == (None if answer is None else ("one", "Succeeded", answer))


def test_a_holder_that_is_no_pod_fulfils_none() -> None:
    assert _answer(_asked(), _LED_BY_A, a_status(8, Leader("node-3", None))) is None


def test_a_switchover_is_refused_only_by_who_leads_for_the_leader_that_is_shown() -> None:
    spec = _asked(to_pod_name="web-9")

    assert _answer(spec, _LED_BY_A, is_led=False) is None
    assert _answer(spec, _LED_BY_A, is_led=True) == (
        "one",
        "Refused",
        "web-9 is no candidate of this election: name a pod that spec.selector finds.",
    )
    assert _answer(replace(spec, suspend=True), _LED_BY_A, is_led=True) is None
    assert _answer(_asked(to_pod_name="web-1"), _LED_BY_A, is_led=True) is None, "it is about to be made"


@pytest.mark.parametrize(
    ("planned_after_s", "message"),
    [
        (
            -301.0,
            "Its time passed more than five minutes ago: give a later one, or none to do it at once, and a new id.",
        ),
        (367 * 86400.0, "Its time is more than a year ahead: give an earlier one."),
        (365 * 86400.0, None),
        (60.0, None),
    ],
)
def test_a_time_that_is_no_good_is_refused_at_once(planned_after_s: float, message: str | None) -> None:
    spec = _asked(not_before_s=_NOW_S + planned_after_s)

    assert _answer(spec, _LED_BY_A, is_led=False) == (None if message is None else ("one", "Refused", message))


def test_a_switchover_that_is_older_than_the_election_is_skipped() -> None:
    """So is the one in a backup that was restored without its status, or in a manifest of another cluster."""
    assert _answer(_asked(), Status(), a_status(0)) == (
        "one",
        "Skipped",
        "It was there before the election was: the resource is new, or was restored without its status.",
    )
    assert _answer(_asked(), Status()) is None, "the ledger comes first"
    assert _answer(SPEC, Status(), a_status(0)) is None


def test_an_id_that_was_used_before_is_skipped() -> None:
    assert _answer(_asked("one"), _answered("two", Result.SUCCEEDED, "one")) == (
        "one",
        "Skipped",
        "An earlier switchover had this id: give a new one.",
    )


def test_taking_it_away_cancels_one_that_waits_and_nothing_else() -> None:
    assert _answer(SPEC, _answered("one", Result.PENDING)) == (
        "one",
        "Cancelled",
        "spec.switchover was taken away before it was made.",
    )
    assert [_answer(SPEC, _answered("one", result)) for result in ("Succeeded", "Refused", "Cancelled")] == [None] * 3
    assert _answer(SPEC, _LED_BY_A) is None


def test_the_ids_of_earlier_ones_are_kept_the_latest_first_and_not_without_end() -> None:
    status = _LED_BY_A
    seen: list[str] = []
    for n in range(MAX_FORMER_IDS + 3):
        given = switchover.note(_asked(f"id-{n}"), status, _NOW_S, is_seen=True)
        assert given is not None
        assert given.former_ids == tuple(seen[::-1][:MAX_FORMER_IDS])
        status = replace(status, switchover=given)
        seen.append(given.id)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (_asked(not_before_s=1_700_000_060.5), "It waits until 2023-11-14T22:14:20Z."),
        (_asked(), "It waits until the election has a leader, and NATS is there."),
        (replace(_asked(), suspend=True), "It waits for the end of the suspension."),
    ],
)
def test_a_switchover_that_waits_says_for_what_and_since_when(spec: Spec, message: str) -> None:
    noted = switchover.note(spec, _LED_BY_A, _NOW_S, is_seen=True)

    assert noted == Answer("one", "Pending", message, _NOW_S)
    assert switchover.note(spec, replace(_LED_BY_A, switchover=noted), _NOW_S + 5, is_seen=True) == noted


def test_what_is_over_is_shown_as_it_is() -> None:
    over = _answered()

    for spec, status in [(SPEC, _LED_BY_A), (SPEC, over), (_asked(), over)]:
        assert switchover.note(spec, status, _NOW_S, is_seen=True) is status.switchover
