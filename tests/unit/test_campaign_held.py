"""Who may campaign while somebody is in the record: sticky as long as the holder may stay, and no longer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tenure.election.campaign import (
    Claim,
    Confirm,
    Decision,
    Doubt,
    Hold,
    ReadAgain,
    Release,
    Standing,
    View,
    Wait,
    decide,
    standing,
)
from tenure.election.record import MAX_TERM, LeaseRecord
from tenure.election.resource import Leader
from unit.builders import a_leader, a_pod, a_record
from unit.views import FIRST, LED_BY_NOBODY, READ_AFTER, RUN_OUT_S, SECOND, SEEN_AT_S, a_status, a_view

_NOT_READY = replace(FIRST, ready=False)
_TERMINATING = replace(FIRST, terminating=True)
_SECOND_NOT_READY = replace(SECOND, ready=False)
_COME_BACK = a_pod("web-0", uid="uid-of-another-web-0", ordinal=0)
_ANOTHER_CLUSTER = "uid-of-shop-elsewhere"


def _held(**changes: Any) -> View:
    return a_view(a_record(FIRST, 7), **changes)


def _foreign(holder: str, **changes: Any) -> View:
    """Held by somebody who is no pod of this election, and no other election's record was ever shown."""
    fields = {"writer": None, "namespace_uid": None, "duration_s": None, "nonce": None}
    known = {"lease": READ_AFTER, "status": a_status(6, a_leader(FIRST)), **changes}
    return a_view(a_record(holder, 7, **fields), **known)


@pytest.mark.parametrize(
    ("view", "decision"),
    [
        # Its holder is a candidate.
        pytest.param(_held(), Hold(FIRST), id="the leader is eligible"),
        pytest.param(
            a_view(a_record(SECOND, 7), status=a_status(7, a_leader(SECOND))),
            Hold(SECOND),
            id="sticky: another eligible pod would go first in line",
        ),
        pytest.param(_held(now_s=RUN_OUT_S), Hold(FIRST), id="its lease ran out and nobody claimed it: adopted"),
        pytest.param(_held(candidates=(_NOT_READY,)), Hold(_NOT_READY), id="not Ready, and alone"),
        pytest.param(
            _held(candidates=(_NOT_READY, _SECOND_NOT_READY)), Hold(_NOT_READY), id="not Ready, as is everybody else"
        ),
        pytest.param(
            _held(candidates=(_NOT_READY, SECOND)),
            Doubt(_NOT_READY),
            id="not Ready, another eligible: what says the API?",
        ),
        pytest.param(
            _held(candidates=(_NOT_READY, SECOND), holder_read_at_s=SEEN_AT_S),
            Release(FIRST.identity),
            id="not Ready, says the API, another eligible",
        ),
        pytest.param(
            _held(candidates=(_NOT_READY, SECOND), holder_read_at_s=SEEN_AT_S - 1),
            Doubt(_NOT_READY),
            id="not Ready, said the API before it was the holder",
        ),
        pytest.param(
            _held(candidates=(_NOT_READY, SECOND), now_s=RUN_OUT_S), Claim(SECOND, 8), id="not Ready and run out"
        ),
        pytest.param(
            _held(candidates=(_NOT_READY,), now_s=RUN_OUT_S), Hold(_NOT_READY), id="not Ready and run out, but alone"
        ),
        pytest.param(_held(candidates=(_TERMINATING, SECOND)), Release(FIRST.identity), id="terminating"),
        pytest.param(_held(candidates=(_TERMINATING,)), Release(FIRST.identity), id="terminating, and alone"),
        pytest.param(
            _held(candidates=(_TERMINATING, SECOND), now_s=RUN_OUT_S), Claim(SECOND, 8), id="terminating and run out"
        ),
        pytest.param(
            _held(candidates=(_TERMINATING,), now_s=RUN_OUT_S),
            Claim(None, 8),
            id="terminating and run out, and alone: a term for nobody",
        ),
        pytest.param(
            a_view(a_record(SECOND, 8)), Hold(SECOND), id="the record is ahead of the status: its claimant goes on"
        ),
        pytest.param(
            a_view(a_record(FIRST, 7, writer="library/web-0")), Hold(FIRST), id="a candidate that wrote it by itself"
        ),
        # Its holder is no candidate any more.
        pytest.param(_held(candidates=(SECOND,)), Confirm(FIRST.ref), id="absent here: the API must say so first"),
        pytest.param(
            _held(candidates=(SECOND,), gone=frozenset({FIRST.uid})), Release(FIRST.identity), id="gone, says the API"
        ),
        pytest.param(
            _held(candidates=(), gone=frozenset({FIRST.uid})), Release(FIRST.identity), id="gone, and nobody is left"
        ),
        pytest.param(
            _held(candidates=(SECOND,), gone=frozenset({FIRST.uid}), now_s=RUN_OUT_S),
            Claim(SECOND, 8),
            id="gone and run out",
        ),
        pytest.param(
            _held(candidates=(SECOND,), now_s=RUN_OUT_S), Claim(SECOND, 8), id="absent and run out: no need to ask"
        ),
        pytest.param(
            _held(candidates=(_COME_BACK, SECOND), gone=frozenset({FIRST.uid})),
            Release(FIRST.identity),
            id="gone, and come back under its old name: another candidate",
        ),
        pytest.param(
            a_view(a_record(SECOND, 8), candidates=(), now_s=RUN_OUT_S),
            Claim(None, 9),
            id="the last claimant ran out before it was shown, and nobody is left: a term for nobody",
        ),
        # Its holder never was one.
        pytest.param(_foreign("node-3"), Wait(foreign=True), id="a node of the seed"),
        pytest.param(_foreign("node-3", lease={}), ReadAgain(), id="a node of the seed, by the watch: is it still?"),
        pytest.param(
            _foreign("node-3", lease={"read_at_s": 102.0}), ReadAgain(), id="a node of the seed, before the status said"
        ),
        pytest.param(
            _foreign("node-3", lease={}, status=a_status(7, Leader("node-3", None))),
            Wait(foreign=True),
            id="a node of the seed that is shown already",
        ),
        pytest.param(_foreign("node-3", now_s=RUN_OUT_S), Claim(FIRST, 8), id="a node of the seed that has run out"),
        pytest.param(_foreign("job-1_uid"), Wait(foreign=True), id="a pod elsewhere that campaigns itself"),
        pytest.param(
            _foreign("job-1_uid", gone=frozenset({"uid"})),
            Wait(foreign=True),
            id="a holder that this operator did not write is respected though its pod is gone",
        ),
        pytest.param(
            a_view(a_record("job-1_uid", 8, writer="library/job-1"), gone=frozenset({"uid"}), lease=READ_AFTER),
            Wait(foreign=True),
            id="a pod of this cluster that campaigns itself is respected though it is gone",
        ),
        pytest.param(
            a_view(a_record("node-3", 8), lease=READ_AFTER),
            Wait(foreign=True),
            id="an operator wrote a holder that names no pod",
        ),
        pytest.param(
            a_view(a_record("job-1_uid", 8, namespace_uid=None), gone=frozenset({"uid"}), lease=READ_AFTER),
            Wait(foreign=True),
            id="an operator that does not say of which cluster it is",
        ),
        # It belongs to another cluster.
        pytest.param(
            a_view(a_record("web-0_elsewhere", 8, namespace_uid=_ANOTHER_CLUSTER), lease=READ_AFTER),
            Wait(foreign=True),
            id="a conflict",
        ),
        pytest.param(
            a_view(a_record("web-0_elsewhere", 3, namespace_uid=_ANOTHER_CLUSTER), lease=READ_AFTER),
            Wait(foreign=True),
            id="a conflict, below our status",
        ),
        pytest.param(
            a_view(a_record("web-0_elsewhere", 8, namespace_uid=_ANOTHER_CLUSTER), now_s=RUN_OUT_S),
            Claim(FIRST, 9),
            id="another cluster's that ran out: taken over, its term counted on",
        ),
        pytest.param(
            a_view(a_record("", 8, namespace_uid=_ANOTHER_CLUSTER)),
            Claim(FIRST, 9),
            id="another cluster's that was released: taken over, its term counted on",
        ),
    ],
)
def test_of_a_held_record(view: View, decision: Decision) -> None:
    assert decide(view) == decision


@pytest.mark.parametrize(
    ("view", "decision"),
    [
        pytest.param(a_view(a_record("", 7)), Claim(FIRST, 8), id="the first in line claims"),
        pytest.param(a_view(a_record("", 7), candidates=(SECOND, FIRST)), Claim(FIRST, 8), id="whoever was seen first"),
        pytest.param(a_view(a_record("", 7), candidates=(_TERMINATING, SECOND)), Claim(SECOND, 8), id="by eligibility"),
        pytest.param(a_view(a_record("", 12)), Claim(FIRST, 13), id="the record is ahead of status and floor"),
        pytest.param(
            a_view(a_record("", 7), status=replace(a_status(7, a_leader(FIRST)), term_floor=20)),
            Claim(FIRST, 21),
            id="the floor is ahead of the record",
        ),
        pytest.param(a_view(a_record("", 7), now_s=RUN_OUT_S), Claim(FIRST, 8), id="released long ago"),
        pytest.param(
            a_view(a_record("", 7), candidates=(_NOT_READY,)),
            Claim(None, 8),
            id="nobody is eligible, a leader is shown: a term for nobody",
        ),
        pytest.param(a_view(a_record("", 7), candidates=()), Claim(None, 8), id="nobody is there, a leader is shown"),
        pytest.param(
            a_view(a_record("", 8), candidates=()), Wait(), id="nobody is there, and the term for nobody is taken"
        ),
        pytest.param(
            a_view(a_record("", 7), candidates=(_NOT_READY,), status=LED_BY_NOBODY),
            Wait(),
            id="nobody is eligible and nobody is shown",
        ),
        pytest.param(
            a_view(a_record("", MAX_TERM - 1), status=a_status(MAX_TERM - 1, a_leader(FIRST))),
            Claim(FIRST, MAX_TERM),
            id="the highest term of all",
        ),
    ],
)
def test_of_a_free_record(view: View, decision: Decision) -> None:
    assert decide(view) == decision


def _record(holder: str = "web-0_elsewhere", **fields: Any) -> LeaseRecord:
    return a_record(holder, 8, **fields)


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (_held(), Standing.HELD),
        (_held(now_s=RUN_OUT_S), Standing.HELD),
        (a_view(a_record("", 7)), Standing.FREE),
        (a_view(None), Standing.LOST),
        (a_view(_record(namespace_uid=_ANOTHER_CLUSTER)), Standing.CONFLICT),
        (a_view(_record(namespace_uid=_ANOTHER_CLUSTER), now_s=RUN_OUT_S), Standing.HELD),
        (a_view(_record("", namespace_uid=_ANOTHER_CLUSTER)), Standing.FREE),
        (a_view(_record(namespace_uid=None)), Standing.HELD),
    ],
)
def test_what_a_record_amounts_to(view: View, expected: Standing) -> None:
    assert standing(view) is expected
