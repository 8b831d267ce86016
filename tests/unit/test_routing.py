"""Which label writes a status asks for, case by case: stamp, then crown, then the followers, then the others (G3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tenure.election.labels import PodRole
from tenure.election.pod import Pod
from tenure.election.resource import Leader, Status
from unit.builders import a_leader
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


@pytest.mark.parametrize(
    ("status", "pods", "writes", "settled"),
    [
        # Crown.
        pytest.param(LED_BY_A, [A_FOLLOWS], [(A_FOLLOWS, LEADER, 7)], False, id="the first leader is crowned"),
        pytest.param(LED_BY_A, [A], [(A, FOLLOWER, 7)], False, id="without a role it becomes a follower first"),
        pytest.param(
            LED_BY_A,
            [carrying(A, None, 7)],
            [(carrying(A, None, 7), FOLLOWER, 7)],
            False,
            id="so does one that lost its role",
        ),
        pytest.param(LED_BY_A, [A_LEADS], [], True, id="it is crowned"),
        pytest.param(
            LED_BY_A, [carrying(A, "leader")], [(carrying(A, "leader"), LEADER, 7)], False, id="it lost its term"
        ),
        pytest.param(
            LED_BY_A,
            [carrying(A, "follower", 7)],
            [(carrying(A, "follower", 7), LEADER, 7)],
            False,
            id="its role was changed",
        ),
        pytest.param(
            LED_BY_A, [carrying(A, "leader", 5)], [(carrying(A, "leader", 5), LEADER, 7)], False, id="an older crown"
        ),
        pytest.param(
            LED_BY_A, [carrying(A, "king", 7)], [(carrying(A, "king", 7), LEADER, 7)], False, id="a foreign role"
        ),
        pytest.param(
            LED_BY_A,
            [replace(A, labels=None)],
            [(replace(A, labels=None), FOLLOWER, 7)],
            False,
            id="no labels at all",
        ),
        pytest.param(LED_BY_A, [replace(A, terminating=True)], [], True, id="a pod that ends is not crowned any more"),
        pytest.param(LED_BY_A, [replace(A, finished=True)], [], True, id="nor is one that has finished"),
        pytest.param(
            LED_BY_A,
            [carrying(A, "follower", **STRANGER)],
            [(A_FOLLOWS, LEADER, 7)],
            False,
            id="deselected, it still leads",
        ),
        # Stamp, and only then crown.
        pytest.param(HANDED_TO_B, [A_LEADS, B], [(A_LEADS, FOLLOWER, 8)], False, id="the old leader is stamped first"),
        pytest.param(
            HANDED_TO_B,
            [carrying(A, None, 7), B],
            [(carrying(A, None, 7), FOLLOWER, 8)],
            False,
            id="stamped without a role too",
        ),
        pytest.param(HANDED_TO_B, [A, B], [(A, FOLLOWER, 8)], False, id="stamped though it was never crowned"),
        pytest.param(
            HANDED_TO_B,
            [carrying(A, "follower", 7), B],
            [(carrying(A, "follower", 7), FOLLOWER, 8)],
            False,
            id="a follower's role is no stamp: the term counts",
        ),
        pytest.param(
            HANDED_TO_B,
            [A_STAMPED, B_FOLLOWS],
            [(B_FOLLOWS, LEADER, 8)],
            False,
            id="stamped: the new leader is crowned",
        ),
        pytest.param(HANDED_TO_B, [A_STAMPED, B_LEADS], [], True, id="stamped and crowned"),
        pytest.param(
            HANDED_TO_B,
            [replace(A_LEADS, terminating=True), B],
            [(A_LEADS, FOLLOWER, 8)],
            False,
            id="a pod that ends is stamped as well: it may serve for a while",
        ),
        pytest.param(
            a_status(9, a_leader(C), unfenced=(A.ref, B.ref)),
            [A_STAMPED, carrying(B, "follower", 9), C],
            [(A_STAMPED, FOLLOWER, 9)],
            False,
            id="one of two is stamped",
        ),
        pytest.param(
            HANDED_TO_B,
            [A_STAMPED, B, carrying(C, "leader", 3)],
            [(carrying(C, "leader", 3), FOLLOWER, 8)],
            False,
            id="whoever else carries the leader label is stamped first",
        ),
        pytest.param(
            a_status(7, a_leader(A)),
            [A_LEADS, carrying(C, "leader", **STRANGER)],
            [(carrying(C, "leader"), FOLLOWER, 7)],
            False,
            id="a pretender that is no candidate is stamped, and loses its role with the next plan",
        ),
        # Nobody leads.
        pytest.param(
            a_status(8, None, unfenced=(A.ref,)), [A_LEADS], [(A_LEADS, FOLLOWER, 8)], False, id="nobody follows"
        ),
        pytest.param(a_status(8, None, unfenced=(A.ref,)), [A_STAMPED], [], True, id="nobody follows, and it is done"),
        pytest.param(
            a_status(8, Leader("node-3", None), unfenced=(A.ref,)), [A_STAMPED], [], True, id="the leader is no pod"
        ),
        pytest.param(
            a_status(8, Leader("node-3", None), unfenced=(A.ref,)),
            [A_LEADS],
            [(A_LEADS, FOLLOWER, 8)],
            False,
            id="the leader is no pod: the last one loses its label",
        ),
        # Followers.
        pytest.param(LED_BY_A, [A_LEADS, B], [(B, FOLLOWER, 7)], True, id="a candidate becomes follower of the term"),
        pytest.param(
            LED_BY_A, [A_LEADS, carrying(B, "follower", 3)], [], True, id="a follower of an older term may stay"
        ),
        pytest.param(
            LED_BY_A, [A_LEADS, carrying(B, "follower")], [], True, id="a follower that was told no term may stay"
        ),
        pytest.param(
            LED_BY_A,
            [A_LEADS, carrying(B, "follower", "007")],
            [(carrying(B, "follower", "007"), FOLLOWER, 7)],
            True,
            id="a term that is no canonical decimal is overwritten",
        ),
        pytest.param(
            HANDED_TO_B,
            [A_LEADS, B, C],
            [(A_LEADS, FOLLOWER, 8), (C, FOLLOWER, 8)],
            False,
            id="followers need not wait for the stamps",
        ),
        # Others.
        pytest.param(
            LED_BY_A,
            [A_LEADS, carrying(C, "follower", 5, **STRANGER)],
            [(carrying(C, "follower", 5), None, None)],
            True,
            id="who is no candidate loses its role and keeps its term",
        ),
        pytest.param(
            LED_BY_A,
            [A_LEADS, carrying(C, "follower", 5, finished=True)],
            [(carrying(C, "follower", 5), None, None)],
            True,
            id="who has finished loses its role",
        ),
        pytest.param(
            LED_BY_A, [A_LEADS, carrying(C, None, 5, **STRANGER)], [], True, id="a kept term is no reason to write"
        ),
        pytest.param(
            LED_BY_A, [A_LEADS, carrying(C, None, 99, **STRANGER)], [], True, id="nor is any other, without a role"
        ),
        pytest.param(
            LED_BY_A,
            [A_LEADS, carrying(C, "follower", "x", **STRANGER)],
            [(carrying(C, "follower", "x"), None, 7)],
            True,
            id="cleaning overwrites a term that is not ours",
        ),
        pytest.param(
            a_status(8, a_leader(B), unfenced=(A.ref,)),
            [carrying(A, "follower", 8, **STRANGER), B_LEADS],
            [],
            True,
            id="who is in the ledger keeps its role until it is settled",
        ),
        # Before the first term.
        pytest.param(a_status(0), [carrying(A, None, 57), B], [], False, id="no term yet: nothing is written"),
        pytest.param(
            a_status(0),
            [carrying(A, "follower"), carrying(B, "leader", 5)],
            [],
            False,
            id="no term yet, any roles",
        ),
        pytest.param(
            a_status(0), [carrying(A, "leader", **STRANGER)], [], False, id="no term yet: nothing is taken off either"
        ),
    ],
)
def test_what_is_written(
    status: Status, pods: list[Pod], writes: list[tuple[Pod, PodRole | None, int | None]], settled: bool
) -> None:
    done = plan_for(status, *pods)

    assert set(done.writes) == {write_over(*write) for write in writes}
    assert len(done.writes) == len(writes)
    assert (done.settled, done.unknown, done.suspects, done.needs_list) == (settled, (), (), False)
