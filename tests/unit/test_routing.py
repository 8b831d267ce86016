"""Which label writes a status asks for, case by case: stamp, then crown, then the followers, then the others (G3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from tenure.election.effects import WriteLabels
from tenure.election.labels import PodRole
from tenure.election.pod import EVERYBODY, Pod, PodRef
from tenure.election.resource import Leader, Status
from tenure.election.routing import Plan, plan
from unit.builders import ELECTION, a_leader, a_pod
from unit.views import a_status

LEADER, FOLLOWER = PodRole.LEADER, PodRole.FOLLOWER

_A, _B, _C = a_pod("a"), a_pod("b"), a_pod("c")
_STRANGER: dict[str, Any] = {"labels": {"app": "other"}}

_LED_BY_A = a_status(7, a_leader(_A))
_HANDED_TO_B = a_status(8, a_leader(_B), unfenced=(_A.ref,))


def _plan(status: Status, *pods: Pod, gone: Iterable[str] = (), **known: Any) -> Plan:
    """Plan with these pods, of which those with the label app=web that are not finished are candidates."""
    candidates = [pod for pod in pods if (pod.labels or {}).get("app") == "web" and not pod.finished]
    return plan(
        ELECTION,
        status,
        pods={pod.uid: pod for pod in pods},
        candidates=candidates,
        gone=frozenset(gone),
        listed=known.get("listed"),
        forged=frozenset(known.get("forged", ())),
    )


def _write(pod: Pod, role: PodRole | None, term: int | None) -> WriteLabels:
    """The write that tests exactly what this pod carries."""
    return WriteLabels(
        ref=pod.ref,
        expected_term=pod.term(ELECTION),
        expected_role=pod.role(ELECTION),
        role=role,
        term=term,
        no_labels_map=pod.labels is None,
    )


def _is(pod: Pod, role: str | None = None, term: str | int | None = None, **facts: Any) -> Pod:
    return a_pod(pod.name, role=role, term=term, **facts)


_A_LEADS, _B_LEADS = _is(_A, "leader", 7), _is(_B, "leader", 8)
_A_FOLLOWS, _B_FOLLOWS = _is(_A, "follower"), _is(_B, "follower", 7)
_A_STAMPED = _is(_A, "follower", 8)


@pytest.mark.parametrize(
    ("status", "pods", "writes", "settled"),
    [
        # Crown.
        pytest.param(_LED_BY_A, [_A_FOLLOWS], [(_A_FOLLOWS, LEADER, 7)], False, id="the first leader is crowned"),
        pytest.param(_LED_BY_A, [_A], [(_A, FOLLOWER, None)], False, id="without a role it becomes a follower first"),
        pytest.param(
            _LED_BY_A,
            [_is(_A, None, 7)],
            [(_is(_A, None, 7), FOLLOWER, None)],
            False,
            id="so does one that lost its role",
        ),
        pytest.param(_LED_BY_A, [_A_LEADS], [], True, id="it is crowned"),
        pytest.param(_LED_BY_A, [_is(_A, "leader")], [(_is(_A, "leader"), LEADER, 7)], False, id="it lost its term"),
        pytest.param(
            _LED_BY_A, [_is(_A, "follower", 7)], [(_is(_A, "follower", 7), LEADER, 7)], False, id="its role was changed"
        ),
        pytest.param(
            _LED_BY_A, [_is(_A, "leader", 5)], [(_is(_A, "leader", 5), LEADER, 7)], False, id="an older crown"
        ),
        pytest.param(_LED_BY_A, [_is(_A, "king", 7)], [(_is(_A, "king", 7), LEADER, 7)], False, id="a foreign role"),
        pytest.param(
            _LED_BY_A,
            [replace(_A, labels=None)],
            [(replace(_A, labels=None), FOLLOWER, None)],
            False,
            id="no labels at all",
        ),
        pytest.param(
            _LED_BY_A, [replace(_A, terminating=True)], [], True, id="a pod that ends is not crowned any more"
        ),
        pytest.param(_LED_BY_A, [replace(_A, finished=True)], [], True, id="nor is one that has finished"),
        pytest.param(
            _LED_BY_A,
            [_is(_A, "follower", **_STRANGER)],
            [(_A_FOLLOWS, LEADER, 7)],
            False,
            id="deselected, it still leads",
        ),
        # Stamp, and only then crown.
        pytest.param(
            _HANDED_TO_B, [_A_LEADS, _B], [(_A_LEADS, FOLLOWER, 8)], False, id="the old leader is stamped first"
        ),
        pytest.param(
            _HANDED_TO_B,
            [_is(_A, None, 7), _B],
            [(_is(_A, None, 7), FOLLOWER, 8)],
            False,
            id="stamped without a role too",
        ),
        pytest.param(_HANDED_TO_B, [_A, _B], [(_A, FOLLOWER, 8)], False, id="stamped though it was never crowned"),
        pytest.param(
            _HANDED_TO_B,
            [_is(_A, "follower", 7), _B],
            [(_is(_A, "follower", 7), FOLLOWER, 8)],
            False,
            id="a follower's role is no stamp: the term counts",
        ),
        pytest.param(
            _HANDED_TO_B,
            [_A_STAMPED, _B_FOLLOWS],
            [(_B_FOLLOWS, LEADER, 8)],
            False,
            id="stamped: the new leader is crowned",
        ),
        pytest.param(_HANDED_TO_B, [_A_STAMPED, _B_LEADS], [], True, id="stamped and crowned"),
        pytest.param(
            _HANDED_TO_B,
            [replace(_A_LEADS, terminating=True), _B],
            [(_A_LEADS, FOLLOWER, 8)],
            False,
            id="a pod that ends is stamped as well: it may serve for a while",
        ),
        pytest.param(
            a_status(9, a_leader(_C), unfenced=(_A.ref, _B.ref)),
            [_A_STAMPED, _is(_B, "follower", 9), _C],
            [(_A_STAMPED, FOLLOWER, 9)],
            False,
            id="one of two is stamped",
        ),
        pytest.param(
            _HANDED_TO_B,
            [_A_STAMPED, _B, _is(_C, "leader", 3)],
            [(_is(_C, "leader", 3), FOLLOWER, 8)],
            False,
            id="whoever else carries the leader label is stamped first",
        ),
        pytest.param(
            a_status(7, a_leader(_A)),
            [_A_LEADS, _is(_C, "leader", **_STRANGER)],
            [(_is(_C, "leader"), FOLLOWER, 7)],
            False,
            id="a pretender that is no candidate is stamped, and loses its role with the next plan",
        ),
        # Nobody leads.
        pytest.param(
            a_status(8, None, unfenced=(_A.ref,)), [_A_LEADS], [(_A_LEADS, FOLLOWER, 8)], False, id="nobody follows"
        ),
        pytest.param(
            a_status(8, None, unfenced=(_A.ref,)), [_A_STAMPED], [], True, id="nobody follows, and it is done"
        ),
        pytest.param(
            a_status(8, Leader("node-3", None), unfenced=(_A.ref,)), [_A_STAMPED], [], True, id="the leader is no pod"
        ),
        pytest.param(
            a_status(8, Leader("node-3", None), unfenced=(_A.ref,)),
            [_A_LEADS],
            [(_A_LEADS, FOLLOWER, 8)],
            False,
            id="the leader is no pod: the last one loses its label",
        ),
        # Followers.
        pytest.param(
            _LED_BY_A, [_A_LEADS, _B], [(_B, FOLLOWER, 7)], True, id="a candidate becomes follower of the term"
        ),
        pytest.param(
            _LED_BY_A, [_A_LEADS, _is(_B, "follower", 3)], [], True, id="a follower of an older term may stay"
        ),
        pytest.param(
            _LED_BY_A, [_A_LEADS, _is(_B, "follower")], [], True, id="a follower that was told no term may stay"
        ),
        pytest.param(
            _LED_BY_A,
            [_A_LEADS, _is(_B, "follower", "007")],
            [(_is(_B, "follower", "007"), FOLLOWER, 7)],
            True,
            id="a term that is no canonical decimal is overwritten",
        ),
        pytest.param(
            _HANDED_TO_B,
            [_A_LEADS, _B, _C],
            [(_A_LEADS, FOLLOWER, 8), (_C, FOLLOWER, 8)],
            False,
            id="followers need not wait for the stamps",
        ),
        # Others.
        pytest.param(
            _LED_BY_A,
            [_A_LEADS, _is(_C, "follower", 5, **_STRANGER)],
            [(_is(_C, "follower", 5), None, None)],
            True,
            id="who is no candidate loses its role and keeps its term",
        ),
        pytest.param(
            _LED_BY_A,
            [_A_LEADS, _is(_C, "follower", 5, finished=True)],
            [(_is(_C, "follower", 5), None, None)],
            True,
            id="who has finished loses its role",
        ),
        pytest.param(
            _LED_BY_A, [_A_LEADS, _is(_C, None, 5, **_STRANGER)], [], True, id="a kept term is no reason to write"
        ),
        pytest.param(
            _LED_BY_A, [_A_LEADS, _is(_C, None, 99, **_STRANGER)], [], True, id="nor is any other, without a role"
        ),
        pytest.param(
            _LED_BY_A,
            [_A_LEADS, _is(_C, "follower", "x", **_STRANGER)],
            [(_is(_C, "follower", "x"), None, 7)],
            True,
            id="cleaning overwrites a term that is not ours",
        ),
        pytest.param(
            a_status(8, a_leader(_B), unfenced=(_A.ref,)),
            [_is(_A, "follower", 8, **_STRANGER), _B_LEADS],
            [],
            True,
            id="who is in the ledger keeps its role until it is settled",
        ),
        # Before the first term.
        pytest.param(
            a_status(0),
            [_is(_A, None, 57)],
            [(_is(_A, None, 57), FOLLOWER, None)],
            False,
            id="no term yet: an old one is kept",
        ),
        pytest.param(a_status(0), [_A, _B], [(_A, FOLLOWER, None), (_B, FOLLOWER, None)], False, id="no term yet"),
        pytest.param(
            a_status(0), [_is(_A, "follower"), _is(_B, "leader", 5)], [], False, id="no term yet: nothing judged"
        ),
        pytest.param(
            a_status(0), [_is(_A, "leader", **_STRANGER)], [], False, id="no term yet: nothing is taken off either"
        ),
    ],
)
def test_what_is_written(
    status: Status, pods: list[Pod], writes: list[tuple[Pod, PodRole | None, int | None]], settled: bool
) -> None:
    done = _plan(status, *pods)

    assert set(done.writes) == {_write(*write) for write in writes}
    assert len(done.writes) == len(writes)
    assert (done.settled, done.unknown, done.suspects, done.needs_list) == (settled, (), (), False)


def test_a_pod_in_the_ledger_that_is_not_known_is_asked_for() -> None:
    done = _plan(_HANDED_TO_B, _B)

    assert done == Plan(unknown=(_A.ref,))


def test_a_pod_in_the_ledger_that_is_gone_needs_no_stamp() -> None:
    done = _plan(_HANDED_TO_B, _B_FOLLOWS, gone=[_A.uid])

    assert done == Plan(writes=(_write(_B_FOLLOWS, LEADER, 8),))
    assert _plan(_HANDED_TO_B, _B_LEADS, gone=[_A.uid]) == Plan(settled=True)


def test_a_pod_that_came_back_under_its_name_does_not_stand_for_the_one_in_the_ledger() -> None:
    come_back = a_pod("a", uid="another", role="follower", term=8)

    assert _plan(_HANDED_TO_B, _B, come_back).unknown == (_A.ref,)


def test_a_leader_that_is_not_known_is_asked_for_and_one_that_is_gone_is_not_crowned() -> None:
    assert _plan(_HANDED_TO_B, _A_STAMPED) == Plan(unknown=(_B.ref,))
    assert _plan(_HANDED_TO_B, _A_STAMPED, gone=[_B.uid]) == Plan(settled=True)


def test_nobody_is_asked_for_the_leader_before_the_stamps_are_there() -> None:
    assert _plan(_HANDED_TO_B, _A_LEADS).unknown == ()


def test_without_a_ledger_nobody_is_crowned_before_a_consistent_list() -> None:
    status = a_status(7, a_leader(_A), unfenced=(EVERYBODY,))

    done = _plan(status, _A, _B)

    assert (done.needs_list, done.settled) == (True, False)
    assert set(done.writes) == {_write(_B, FOLLOWER, 7)}


def test_without_a_ledger_all_that_a_list_shows_are_stamped_first() -> None:
    status = a_status(7, a_leader(_A), unfenced=(EVERYBODY,))
    listed = (_A.ref, _B.ref, PodRef("d", "uid-of-d"))

    done = _plan(status, _A, _is(_B, "follower", 3), listed=listed)

    assert set(done.writes) == {_write(_is(_B, "follower", 3), FOLLOWER, 7)}
    assert (done.unknown, done.needs_list, done.settled) == ((PodRef("d", "uid-of-d"),), False, False)


def test_a_listed_pod_that_is_no_candidate_keeps_its_stamp_until_the_ledger_is_settled() -> None:
    status, stamped = a_status(7, a_leader(_A), unfenced=(EVERYBODY,)), _is(_C, "follower", 7, **_STRANGER)

    assert _plan(status, _A_FOLLOWS, stamped, listed=(_A.ref, _C.ref)) == Plan(writes=(_write(_A_FOLLOWS, LEADER, 7),))
    assert _plan(status, _A_LEADS, stamped, listed=(_A.ref, _C.ref)) == Plan(settled=True)


def test_without_a_ledger_the_leader_is_crowned_when_all_that_were_listed_are_stamped() -> None:
    status = a_status(7, a_leader(_A), unfenced=(EVERYBODY,))
    stamped = _is(_B, "follower", 7)

    assert set(_plan(status, _A_FOLLOWS, stamped, listed=(_A.ref, _B.ref)).writes) == {_write(_A_FOLLOWS, LEADER, 7)}
    assert _plan(status, _A_LEADS, stamped, listed=(_A.ref, _B.ref)) == Plan(settled=True)


@pytest.mark.parametrize(
    ("status", "pod"),
    [
        pytest.param(_LED_BY_A, _is(_A, "leader", 9), id="the leader"),
        pytest.param(_HANDED_TO_B, _is(_A, "leader", 9), id="one in the ledger"),
        pytest.param(_LED_BY_A, _is(_C, None, 9), id="a candidate"),
        pytest.param(_LED_BY_A, _is(_C, "follower", 9), id="a candidate that is a follower already"),
        pytest.param(_LED_BY_A, _is(_C, "follower", 9, **_STRANGER), id="one that is no candidate"),
        pytest.param(_LED_BY_A, _is(_C, "leader", 9, **_STRANGER), id="a pretender"),
    ],
)
def test_a_term_above_the_status_makes_a_suspect_and_nothing_is_written_over_it(status: Status, pod: Pod) -> None:
    leader = _A_LEADS if status is _LED_BY_A else _B_LEADS
    done = _plan(status, *{leader.uid: leader, pod.uid: pod}.values())

    assert done.suspects == (pod,)
    assert [write for write in done.writes if write.ref == pod.ref] == []


@pytest.mark.parametrize(
    ("status", "pod", "write"),
    [
        pytest.param(_LED_BY_A, _is(_A, "leader", 9), (LEADER, 7), id="the leader"),
        pytest.param(_HANDED_TO_B, _is(_A, "leader", 9), (FOLLOWER, 8), id="one in the ledger"),
        pytest.param(_LED_BY_A, _is(_C, None, 9), (FOLLOWER, 7), id="a candidate"),
        pytest.param(_LED_BY_A, _is(_C, "follower", 9, **_STRANGER), (None, 7), id="one that is no candidate"),
    ],
)
def test_a_forged_term_is_overwritten_testing_exactly_that_value(
    status: Status, pod: Pod, write: tuple[PodRole | None, int]
) -> None:
    done = _plan(status, pod, forged=[pod.uid])

    assert [one for one in done.writes if one.ref == pod.ref] == [_write(pod, *write)]
    assert done.suspects == ()


def test_a_suspect_in_the_ledger_blocks_the_crown() -> None:
    done = _plan(_HANDED_TO_B, _is(_A, "leader", 9), _B)

    assert [write for write in done.writes if write.role is LEADER] == []
    assert not done.settled
