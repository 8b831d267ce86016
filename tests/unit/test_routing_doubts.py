"""What is done about pods that are not known, gone, listed without a ledger, or carry a term that nobody gave (G3)."""

from __future__ import annotations

import pytest

from tenure.election.labels import PodRole
from tenure.election.pod import EVERYBODY, Pod, PodRef
from tenure.election.resource import Status
from tenure.election.routing import Plan
from unit.builders import a_leader, a_pod
from unit.plans import (
    A_FOLLOWS,
    A_LEADS,
    A_STAMPED,
    B_FOLLOWS,
    B_LEADS,
    FOLLOWER,
    HANDED_TO_B,
    LEADER,
    LED_BY_A,
    STRANGER,
    A,
    B,
    C,
    carrying,
    plan_for,
    write_over,
)
from unit.views import a_status


def test_a_pod_in_the_ledger_that_is_not_known_is_asked_for() -> None:
    done = plan_for(HANDED_TO_B, B)

    assert done == Plan(unknown=(A.ref,))


def test_a_pod_in_the_ledger_that_is_gone_needs_no_stamp() -> None:
    done = plan_for(HANDED_TO_B, B_FOLLOWS, gone=[A.uid])

    assert done == Plan(writes=(write_over(B_FOLLOWS, LEADER, 8),))
    assert plan_for(HANDED_TO_B, B_LEADS, gone=[A.uid]) == Plan(settled=True)


def test_a_pod_that_came_back_under_its_name_does_not_stand_for_the_one_in_the_ledger() -> None:
    come_back = a_pod("a", uid="another", role="follower", term=8)

    assert plan_for(HANDED_TO_B, B, come_back).unknown == (A.ref,)


def test_a_leader_that_is_not_known_is_asked_for_and_one_that_is_gone_is_not_crowned() -> None:
    assert plan_for(HANDED_TO_B, A_STAMPED) == Plan(unknown=(B.ref,))
    assert plan_for(HANDED_TO_B, A_STAMPED, gone=[B.uid]) == Plan(settled=True)


def test_nobody_is_asked_for_the_leader_before_the_stamps_are_there() -> None:
    assert plan_for(HANDED_TO_B, A_LEADS).unknown == ()


def test_without_a_ledger_nobody_is_crowned_before_a_consistent_list() -> None:
    status = a_status(7, a_leader(A), unfenced=(EVERYBODY,))

    done = plan_for(status, A, B)

    assert (done.needs_list, done.settled) == (True, False)
    assert set(done.writes) == {write_over(B, FOLLOWER, 7)}


def test_without_a_ledger_all_that_a_list_shows_are_stamped_first() -> None:
    status = a_status(7, a_leader(A), unfenced=(EVERYBODY,))
    listed = (A.ref, B.ref, PodRef("d", "uid-of-d"))

    done = plan_for(status, A, carrying(B, "follower", 3), listed=listed)

    assert set(done.writes) == {write_over(carrying(B, "follower", 3), FOLLOWER, 7)}
    assert (done.unknown, done.needs_list, done.settled) == ((PodRef("d", "uid-of-d"),), False, False)


def test_a_listed_pod_that_is_no_candidate_keeps_its_stamp_until_the_ledger_is_settled() -> None:
    status, stamped = a_status(7, a_leader(A), unfenced=(EVERYBODY,)), carrying(C, "follower", 7, **STRANGER)

    assert plan_for(status, A_FOLLOWS, stamped, listed=(A.ref, C.ref)) == Plan(
        writes=(write_over(A_FOLLOWS, LEADER, 7),)
    )
    assert plan_for(status, A_LEADS, stamped, listed=(A.ref, C.ref)) == Plan(settled=True)


def test_without_a_ledger_the_leader_is_crowned_when_all_that_were_listed_are_stamped() -> None:
    status = a_status(7, a_leader(A), unfenced=(EVERYBODY,))
    stamped = carrying(B, "follower", 7)

    assert set(plan_for(status, A_FOLLOWS, stamped, listed=(A.ref, B.ref)).writes) == {write_over(A_FOLLOWS, LEADER, 7)}
    assert plan_for(status, A_LEADS, stamped, listed=(A.ref, B.ref)) == Plan(settled=True)


@pytest.mark.parametrize(
    ("status", "pod"),
    [
        pytest.param(LED_BY_A, carrying(A, "leader", 9), id="the leader"),
        pytest.param(HANDED_TO_B, carrying(A, "leader", 9), id="one in the ledger"),
        pytest.param(LED_BY_A, carrying(C, None, 9), id="a candidate"),
        pytest.param(LED_BY_A, carrying(C, "follower", 9), id="a candidate that is a follower already"),
        pytest.param(LED_BY_A, carrying(C, "follower", 9, **STRANGER), id="one that is no candidate"),
        pytest.param(LED_BY_A, carrying(C, "leader", 9, **STRANGER), id="a pretender"),
    ],
)
def test_a_term_above_the_status_makes_a_suspect_and_nothing_is_written_over_it(status: Status, pod: Pod) -> None:
    leader = A_LEADS if status is LED_BY_A else B_LEADS
    done = plan_for(status, *{leader.uid: leader, pod.uid: pod}.values())

    assert done.suspects == (pod,)
    assert [write for write in done.writes if write.ref == pod.ref] == []


@pytest.mark.parametrize(
    ("status", "pod", "write"),
    [
        pytest.param(LED_BY_A, carrying(A, "leader", 9), (LEADER, 7), id="the leader"),
        pytest.param(HANDED_TO_B, carrying(A, "leader", 9), (FOLLOWER, 8), id="one in the ledger"),
        pytest.param(LED_BY_A, carrying(C, None, 9), (FOLLOWER, 7), id="a candidate"),
        pytest.param(LED_BY_A, carrying(C, "follower", 9, **STRANGER), (None, 7), id="one that is no candidate"),
    ],
)
def test_a_forged_term_is_overwritten_testing_exactly_that_value(
    status: Status, pod: Pod, write: tuple[PodRole | None, int]
) -> None:
    done = plan_for(status, pod, forged=[pod.uid])

    assert [one for one in done.writes if one.ref == pod.ref] == [write_over(pod, *write)]
    assert done.suspects == ()


def test_a_suspect_in_the_ledger_blocks_the_crown() -> None:
    suspect = carrying(A, "leader", 9)

    for crowned_or_not in (B, B_FOLLOWS, B_LEADS):
        done = plan_for(HANDED_TO_B, suspect, crowned_or_not)
        assert (done.writes, done.suspects, done.settled) == ((), (suspect,), False)
