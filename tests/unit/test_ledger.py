"""The ledger in the status: whoever led stays in it until it is known to have been stamped (G3, G4)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.election.ledger import advance, must_stamp, settle
from tenure.election.pod import EVERYBODY, PodRef
from tenure.election.resource import MAX_HISTORY, Leader, PastTerm, Reign, Status
from unit.builders import a_leader, a_pod
from unit.views import LED_BY_FIRST, LED_BY_NOBODY, a_status

_A, _B, _C = a_pod("a").ref, a_pod("b").ref, a_pod("c").ref
_PODS = {ref: a_leader(a_pod(ref.name)) for ref in (_A, _B, _C)}
_FOREIGN = Leader("node-3", None)


def _advance(status: Status, leader: Leader | None, term: int | None = None) -> Status:
    reign = Reign(status.term + 1 if term is None else term, leader, 50.0)
    return advance(status, reign, now_wall_s=60.0, why="LeaseLost")


@pytest.mark.parametrize(
    ("before", "leader", "unfenced"),
    [
        pytest.param(a_status(0), _PODS[_A], (), id="the first leader of all"),
        pytest.param(a_status(7, _PODS[_A]), _PODS[_B], (_A,), id="hand-over"),
        pytest.param(a_status(7, _PODS[_A]), _PODS[_A], (), id="the same pod in a new term"),
        pytest.param(a_status(7, _PODS[_A]), None, (_A,), id="nobody follows"),
        pytest.param(a_status(7, _PODS[_A]), _FOREIGN, (_A,), id="a holder that is no pod follows"),
        pytest.param(a_status(7, _FOREIGN), _PODS[_A], (), id="a holder that is no pod has no label to lose"),
        pytest.param(a_status(7), _PODS[_A], (), id="nobody led"),
        pytest.param(a_status(7, _PODS[_B], unfenced=(_A,)), _PODS[_C], (_A, _B), id="before the last was stamped"),
        pytest.param(a_status(7, _PODS[_B], unfenced=(_A,)), _PODS[_A], (_B,), id="a former leader leads again"),
        pytest.param(a_status(7, _PODS[_B], unfenced=(_A,)), _PODS[_B], (_A,), id="the same one, others unstamped"),
        pytest.param(a_status(7, _PODS[_A], unfenced=(_A,)), None, (_A,), id="no pod stands in it twice"),
        pytest.param(
            a_status(7, _PODS[_A], unfenced=(EVERYBODY,)),
            _PODS[_B],
            (EVERYBODY, _A),
            id="everybody, and the last leader",
        ),
        pytest.param(a_status(0, unfenced=(EVERYBODY,)), _PODS[_A], (EVERYBODY,), id="everybody, in a new resource"),
        pytest.param(
            a_status(8, _PODS[_B], unfenced=(EVERYBODY, _A)),
            _PODS[_A],
            (EVERYBODY, _B),
            id="everybody but who leads now",
        ),
    ],
)
def test_who_must_be_stamped_after_a_change(
    before: Status, leader: Leader | None, unfenced: tuple[PodRef, ...]
) -> None:
    after = _advance(before, leader)

    assert after.unfenced == unfenced
    assert (after.term, after.leader, after.acquired_at_s) == (before.term + 1, leader, 50.0)


@pytest.mark.parametrize(("floor", "term", "floor_after"), [(7, 8, 8), (23, 8, 23), (23, 24, 24), (None, 8, 8)])
def test_the_floor_is_never_below_the_term(floor: int | None, term: int, floor_after: int) -> None:
    assert _advance(replace(LED_BY_FIRST, term_floor=floor), None, term).term_floor == floor_after


def test_a_term_that_ended_is_remembered_with_how_it_ended() -> None:
    before = replace(LED_BY_FIRST, acquired_at_s=10.0)

    after = advance(before, Reign(9, None, None), now_wall_s=60.0, why="PodGone")

    identity = "web-0_uid-of-web-0"
    assert after.history == (PastTerm(7, identity, "web-0", acquired_at_s=10.0, ended_at_s=60.0, reason="PodGone"),)


def test_a_holder_that_is_no_pod_is_remembered_without_a_pods_name() -> None:
    past = _advance(a_status(7, _FOREIGN), None).history[0]

    assert (past.identity, past.pod_name) == ("node-3", None)


def test_a_term_that_nobody_had_is_not_remembered() -> None:
    assert _advance(LED_BY_NOBODY, _PODS[_A]).history == ()


@pytest.mark.parametrize("term", [0, 6, 7])
def test_a_term_that_is_not_above_the_present_one_is_a_defect(term: int) -> None:
    with pytest.raises(AssertionError, match="is not above 7"):
        _advance(LED_BY_FIRST, _PODS[_B], term)


def test_settling_empties_the_ledger_and_changes_nothing_else() -> None:
    status = a_status(7, _PODS[_A], unfenced=(_B,), candidates=3)

    assert settle(status) == replace(status, unfenced=())
    assert settle(replace(status, unfenced=(EVERYBODY, _B))).unfenced == ()


@pytest.mark.parametrize(
    ("status", "listed", "expected"),
    [
        pytest.param(a_status(7, _PODS[_A], unfenced=(_B,)), None, (_B,), id="those in the ledger"),
        pytest.param(a_status(7, _PODS[_A], unfenced=(_B,)), (_A, _B, _C), (_B,), id="those, whatever a list shows"),
        pytest.param(a_status(7, _PODS[_A]), (_B,), (), id="nobody: the ledger is empty"),
        pytest.param(a_status(7, _PODS[_A], unfenced=(EVERYBODY,)), None, None, id="not known without a list"),
        pytest.param(
            a_status(7, _PODS[_A], unfenced=(EVERYBODY,)), (_A, _B, _C), (_B, _C), id="all listed but the leader"
        ),
        pytest.param(a_status(7, unfenced=(EVERYBODY,)), (_A, _B), (_A, _B), id="all listed: nobody leads"),
        pytest.param(
            a_status(7, _FOREIGN, unfenced=(EVERYBODY,)), (_A, _B), (_A, _B), id="all listed: the leader is no pod"
        ),
        pytest.param(
            a_status(8, _PODS[_B], unfenced=(EVERYBODY, _A)),
            (_C, _B),
            (_A, _C),
            id="all listed, and those in the ledger",
        ),
        pytest.param(a_status(8, _PODS[_B], unfenced=(EVERYBODY, _A)), (_A, _C), (_A, _C), id="nobody twice"),
        pytest.param(
            a_status(7, Leader("a_new", PodRef("a", "new")), unfenced=(EVERYBODY,)),
            (PodRef("a", "new"), _A),
            (_A,),
            id="another incarnation of the leader's pod is another pod",
        ),
    ],
)
def test_who_must_be_stamped(
    status: Status, listed: tuple[PodRef, ...] | None, expected: tuple[PodRef, ...] | None
) -> None:
    assert must_stamp(status, listed) == expected


_leaders = st.none() | st.just(_FOREIGN) | st.sampled_from(sorted(_PODS.values(), key=lambda leader: leader.identity))
_changes = st.lists(st.tuples(_leaders, st.integers(1, 3)) | st.just("settle"), max_size=25)


@given(_changes)
def test_every_pod_that_led_since_the_last_settling_is_in_the_ledger_unless_it_leads(
    changes: list[tuple[Leader | None, int] | str],
) -> None:
    status, led_since = a_status(0), set[PodRef]()
    for change in changes:
        if isinstance(change, str):
            status, led_since = settle(status), set()
        else:
            leader, rise = change
            before = status
            status = _advance(status, leader, status.term + rise)
            assert status.term > before.term
            assert status.term_floor is not None
            assert status.term_floor >= status.term
            if before.leader is not None and before.leader.pod is not None:
                led_since.add(before.leader.pod)
        present = status.leader.pod if status.leader is not None else None
        assert status.unfenced is not None
        assert len(set(status.unfenced)) == len(status.unfenced)
        assert set(status.unfenced) == led_since - {present}


@given(st.lists(_leaders, max_size=30))
def test_the_history_is_bounded_and_tells_the_latest_first(leaders: list[Leader | None]) -> None:
    status = a_status(0)
    for leader in leaders:
        status = _advance(status, leader)

    terms = [past.term for past in status.history]
    led = [number for number, leader in enumerate(leaders[:-1], start=1) if leader is not None]
    assert terms == led[::-1][:MAX_HISTORY]
