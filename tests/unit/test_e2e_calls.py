"""What the end-to-end test makes of the calls of its clients, and that its verdict finds what it claims to find."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from demo.world import Change
from e2e.calls import REMEMBERED_S, Call, Reign, last_answer_s, look, reigns
from e2e.verdict import CLOCKS_AGREE_S, FOLLOW_S, Excuse, Verdict, judge_calls

_FIRST, _SECOND = Reign("web-0", "uid-a", "1", 100.0, 200.0), Reign("web-1", "uid-b", "2", 201.0)


_ports = itertools.count(40000)


def _answered(at_s: float, uid: str, *, client: str = "node-1", took_s: float = 0.01, port: int = 0) -> Call:
    return Call(at_s, took_s, client, port or next(_ports), uid)


def _failed(at_s: float, error: str = "ConnectionRefusedError", *, client: str = "node-1", port: int = 0) -> Call:
    return Call(at_s, 0.01, client, port or next(_ports), None, error)


def _pod(at_s: float, version: int, name: str, uid: str, role: str, *, deleted: bool = False) -> Change:
    labels = {"role.tenure.dev/web": role, "term.tenure.dev/web": "1"}
    metadata = {"name": name, "uid": uid, "resourceVersion": str(version), "labels": labels}
    return Change(at_s, "pod", deleted, {"metadata": metadata})


# ------------------------------------------------------------------------------------------------------------- verdict


_GOOD = [
    _answered(110.0, "uid-a"),
    _answered(200.4, "uid-a"),  # the proxy has not followed yet
    _failed(200.9),
    _answered(201.5, "uid-b"),
    _answered(201.2, "uid-a", client="node-2"),  # nor has that of another node
    _answered(202.0, "uid-b", client="node-2"),
]


def test_answers_that_follow_the_labels_are_good() -> None:
    assert judge_calls(_GOOD, [_FIRST, _SECOND]) == Verdict()


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (_answered(150.0, "uid-b"), "had not been the leader"),
        (_answered(150.0, "uid-c"), "had not been the leader"),
        (_answered(201.6, "uid-a"), "by web-0 (term 1) after web-1 (term 2) had answered"),
        (_answered(200.1 + FOLLOW_S, "uid-a", client="node-3"), "5.1 s after its leader label was taken off"),
    ],
)
def test_an_answer_that_should_not_have_been_is_found(wrong: Call, complaint: str) -> None:
    (found,) = judge_calls([*_GOOD, wrong], [_FIRST, _SECOND]).complaints

    assert complaint in found


def test_a_pod_may_lead_again() -> None:
    again = [_FIRST, Reign("web-1", "uid-b", "2", 201.0, 300.0), Reign("web-0", "uid-a", "3", 301.0)]

    assert judge_calls([*_GOOD, _answered(302.0, "uid-a"), _answered(400.0, "uid-a")], again) == Verdict()


def test_clocks_may_differ_a_little() -> None:
    assert judge_calls([_answered(201.0 - CLOCKS_AGREE_S / 2, "uid-b")], [_FIRST, _SECOND]) == Verdict()


def test_who_is_cut_off_is_excused_as_long_as_that_lasts() -> None:
    calls = [_answered(at_s, "uid-a") for at_s in (240.0, 250.0, 251.0)]
    excuse = Excuse("node-1", 195.0, 250.0)

    def complaints(*excuses: Excuse) -> int:
        return len(judge_calls(calls, [_FIRST, _SECOND], excuses).complaints)

    assert (complaints(), complaints(excuse), complaints(Excuse("node-2", 195.0, 250.0))) == (3, 1, 3)


def test_what_began_before_the_answer_of_a_later_leader_may_still_go_to_the_former_one() -> None:
    calls = [_answered(200.9, "uid-b", took_s=0.5), _answered(201.3, "uid-a")]

    assert judge_calls(calls, [_FIRST, _SECOND]) == Verdict()


def test_a_call_from_a_port_that_got_no_answer_goes_the_way_of_old() -> None:
    lost, new, stale = (
        _failed(200.5, "TimeoutError", port=1),
        _answered(202.0, "uid-b"),
        _answered(240.0, "uid-a", port=1),
    )

    assert judge_calls([lost, new, stale], [_FIRST, _SECOND]) == Verdict([], remembered=1)
    assert look([lost, new, stale], [_FIRST, _SECOND], from_s=190.0, to_s=260.0).late_s == 0.0


def test_what_was_answered_meanwhile_or_refused_or_is_long_ago_is_not_remembered() -> None:
    lost, new = _failed(200.5, "TimeoutError", port=1), _answered(202.0, "uid-b")
    answered = [_answered(210.0, "uid-b", port=1), _answered(240.0, "uid-a", port=1)]
    too_late = _answered(201.0 + REMEMBERED_S, "uid-a", port=1)
    refused = _failed(200.5, "ConnectionRefusedError", port=1)

    assert len(judge_calls([refused, new, _answered(240.0, "uid-a", port=1)], [_FIRST, _SECOND]).complaints) == 1
    assert len(judge_calls([lost, new, *answered], [_FIRST, _SECOND]).complaints) == 1
    assert len(judge_calls([lost, new, too_late], [_FIRST, _SECOND]).complaints) == 1


# ------------------------------------------------------------------------------------------------------------- figures


def test_reigns_are_read_from_the_labels_in_the_order_of_their_versions() -> None:
    changes = [
        _pod(10.0, 1, "web-0", "uid-a", "leader"),
        _pod(20.2, 3, "web-1", "uid-b", "leader"),
        _pod(20.3, 2, "web-0", "uid-a", "follower"),  # it came late: by 20.2 it was so
    ]

    assert reigns(changes, epoch_s=1000.0) == [
        Reign("web-0", "uid-a", "1", 1010.0, 1020.2),
        Reign("web-1", "uid-b", "1", 1020.2),
    ]


def test_a_reign_ends_with_the_pod() -> None:
    changes = [_pod(10.0, 1, "web-0", "uid-a", "leader"), _pod(12.0, 2, "web-0", "uid-a", "leader", deleted=True)]

    assert reigns(changes, epoch_s=0.0) == [Reign("web-0", "uid-a", "1", 10.0, 12.0)]


def test_the_figures_are_those_of_the_luckiest_and_the_unluckiest_client() -> None:
    def every_tenth(first_s: float, last_s: float, uid: str, client: str) -> Sequence[Call]:
        count = round((last_s - first_s) * 10) + 1
        return [_answered(first_s + number / 10, uid, client=client, took_s=0.0) for number in range(count)]

    calls = [
        *every_tenth(198.0, 200.0, "uid-a", "node-1"), *every_tenth(201.5, 204.0, "uid-b", "node-1"),
        *every_tenth(198.0, 200.5, "uid-a", "node-2"), *every_tenth(203.0, 204.0, "uid-b", "node-2"),
        _failed(201.0, client="node-1"), _failed(201.0, "TimeoutError", client="node-2"),
        _answered(199.0, "uid-a", client="elsewhere"),
    ]  # fmt: skip

    seen = look([call for call in calls if call.client != "elsewhere"], [_FIRST, _SECOND], from_s=199.0, to_s=204.0)

    assert (seen.clients, seen.failed) == (2, {"ConnectionRefusedError": 1, "TimeoutError": 1})
    assert seen.gap_s == pytest.approx((1.5, 2.5))
    assert seen.late_s == pytest.approx(0.5)


def test_the_last_answer_of_a_pod_is_not_one_of_a_remembered_way() -> None:
    calls = [_answered(200.0, "uid-a"), _failed(201.0, "TimeoutError", port=1), _answered(230.0, "uid-a", port=1)]

    assert last_answer_s(calls, "node-1", "uid-a") == 200.0
    assert last_answer_s(calls, "node-2", "uid-a") == 0.0


def test_who_is_never_answered_has_waited_all_the_time() -> None:
    assert look([_failed(199.5)], [], from_s=199.0, to_s=204.0).gap_s == (5.0, 5.0)
    assert look([], [], from_s=199.0, to_s=204.0).gap_s == (5.0, 5.0)
