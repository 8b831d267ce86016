"""What is done about a record that is lost, that cannot be believed, or that contradicts the status."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tenure.election.campaign import (
    CLAIM_GAP,
    Claim,
    Decision,
    Hold,
    Mark,
    RaiseFloor,
    ReadAgain,
    View,
    Wait,
    decide,
)
from tenure.election.record import MAX_TERM, Unbelievable
from tenure.election.resource import MAX_TERM_JUMP
from unit.builders import a_leader, a_pod, a_record
from unit.views import FIRST, LED_BY_FIRST, LED_BY_NOBODY, READ_AFTER, RUN_OUT_S, SECOND, a_status, a_view

_JUNK = Unbelievable("it is not JSON")
_LED_BY_SECOND = a_status(7, a_leader(SECOND))
_FLOOR_RAISED: dict[str, Any] = {"status": a_status(7, a_leader(FIRST), floor=23), "floor_covers": 7}


def _absent(**changes: Any) -> View:
    return a_view(None, **{"lease": READ_AFTER, **changes})


@pytest.mark.parametrize(
    ("view", "decision"),
    [
        pytest.param(_absent(lease={}), ReadAgain(), id="known from the watch alone"),
        pytest.param(_absent(lease={"read_at_s": 102.9}), ReadAgain(), id="read before the resource was heard of"),
        pytest.param(_absent(), RaiseFloor(7 + CLAIM_GAP, lost=True), id="read after it: the floor goes first"),
        pytest.param(_absent(lease={"read_at_s": 103.0}), RaiseFloor(23, lost=True), id="read at the same moment"),
        pytest.param(
            _absent(status=a_status(7, a_leader(FIRST), floor=30)), RaiseFloor(46, lost=True), id="from the old floor"
        ),
        pytest.param(_absent(highest_label=40), RaiseFloor(56, lost=True), id="from the highest label"),
        pytest.param(_absent(**_FLOOR_RAISED), Claim(FIRST, 24), id="then the floor + 1 is claimed"),
        pytest.param(
            _absent(status=replace(_LED_BY_SECOND, term_floor=23), floor_covers=7),
            Claim(SECOND, 24),
            id="the leader that is shown goes first, not the first in line",
        ),
        pytest.param(
            _absent(**_FLOOR_RAISED, candidates=(replace(FIRST, terminating=True), SECOND)),
            Claim(SECOND, 24),
            id="the leader that is shown is terminating",
        ),
        pytest.param(
            _absent(**_FLOOR_RAISED, candidates=(replace(FIRST, ready=False), SECOND)),
            Claim(SECOND, 24),
            id="the leader that is shown is not Ready, another is eligible",
        ),
        pytest.param(
            _absent(**_FLOOR_RAISED, candidates=(replace(FIRST, ready=False),)),
            Claim(replace(FIRST, ready=False), 24),
            id="the leader that is shown is not Ready, but alone",
        ),
        pytest.param(
            _absent(
                status=replace(_LED_BY_SECOND, term_floor=23),
                floor_covers=7,
                candidates=(FIRST, a_pod("web-1", uid="another", ordinal=1)),
            ),
            Claim(FIRST, 24),
            id="the leader that is shown came back under its name: no right of way",
        ),
        pytest.param(_absent(candidates=()), RaiseFloor(23, lost=True), id="nobody is there, a leader is shown"),
        pytest.param(_absent(**_FLOOR_RAISED, candidates=()), Claim(None, 24), id="nobody is there: a term for nobody"),
        pytest.param(
            _absent(candidates=(), status=LED_BY_NOBODY), Wait(foreign=False), id="nobody is there and nobody is shown"
        ),
        pytest.param(
            _absent(status=LED_BY_NOBODY), RaiseFloor(23, lost=True), id="lost while nobody led: the floor goes first"
        ),
        pytest.param(_absent(lease={"revision": 0}), Mark(), id="not even a marker: one is made first"),
        pytest.param(_absent(lease={"revision": 8, **READ_AFTER}), RaiseFloor(23, lost=True), id="a marker"),
        pytest.param(
            _absent(**{**_FLOOR_RAISED, "lease": {"revision": 8}}),
            ReadAgain(),
            id="the floor covers another marker: whoever claimed since may have had the floor + 1",
        ),
        pytest.param(
            _absent(status=a_status(0)), RaiseFloor(16, lost=True), id="no term yet, but somebody may have claimed"
        ),
        pytest.param(
            _absent(status=a_status(0), floor_covers=7, lease={}),
            Claim(FIRST, 1),
            id="the very first term of an election",
        ),
        pytest.param(_absent(status=a_status(0), candidates=()), Wait(), id="no term yet, and no pod"),
        pytest.param(
            _absent(status=a_status(0), candidates=(), floor_covers=7, stray_leader=True),
            Claim(None, 1),
            id="no term yet, no pod, but a label of an earlier life shows a leader",
        ),
        pytest.param(
            _absent(status=a_status(0), highest_label=5),
            RaiseFloor(21, lost=True),
            id="a label tells of an earlier life",
        ),
    ],
)
def test_of_a_record_that_is_absent(view: View, decision: Decision) -> None:
    assert decide(view) == decision


_STRANGER: dict[str, Any] = {"writer": None, "namespace_uid": None}


@pytest.mark.parametrize(
    ("view", "decision"),
    [
        pytest.param(a_view(_JUNK), Wait(foreign=True), id="junk, for our own duration"),
        pytest.param(a_view(_JUNK, now_s=RUN_OUT_S), ReadAgain(), id="junk that has run out counts as lost"),
        pytest.param(
            a_view(_JUNK, now_s=RUN_OUT_S, lease=READ_AFTER), RaiseFloor(23, lost=True), id="junk, read once more"
        ),
        pytest.param(
            a_view(_JUNK, now_s=RUN_OUT_S, **_FLOOR_RAISED), Claim(FIRST, 24), id="junk, after the floor was raised"
        ),
        pytest.param(
            a_view(a_record(FIRST, 7 + MAX_TERM_JUMP + 1)), Wait(foreign=True), id="a term too far above the floor"
        ),
        pytest.param(
            a_view(a_record("", 7 + MAX_TERM_JUMP + 1)), Wait(foreign=True), id="a term too far above it, released"
        ),
        pytest.param(
            a_view(a_record(FIRST, 7 + MAX_TERM_JUMP + 1), now_s=RUN_OUT_S, lease=READ_AFTER),
            RaiseFloor(23, lost=True),
            id="a term too far above it, run out: not counted on",
        ),
        pytest.param(
            a_view(a_record(FIRST, 7 + MAX_TERM_JUMP + 1), now_s=RUN_OUT_S, **_FLOOR_RAISED),
            Hold(FIRST),
            id="a term that the raised floor brings within reach is believed",
        ),
        pytest.param(
            a_view(a_record(FIRST, 7 + MAX_TERM_JUMP)), Hold(FIRST), id="the highest term above the floor is believed"
        ),
        pytest.param(
            a_view(a_record("", 7 + MAX_TERM_JUMP)),
            RaiseFloor(7 + MAX_TERM_JUMP, lost=False),
            id="the highest term above the floor is counted on",
        ),
    ],
)
def test_of_a_record_that_cannot_be_believed(view: View, decision: Decision) -> None:
    assert decide(view) == decision


@pytest.mark.parametrize(
    ("view", "decision"),
    [
        pytest.param(a_view(a_record("", 6), lease=READ_AFTER), RaiseFloor(23, lost=True), id="released below it"),
        pytest.param(a_view(a_record("", 6)), ReadAgain(), id="released below it, by the watch"),
        pytest.param(
            a_view(a_record(FIRST, 6), lease=READ_AFTER), RaiseFloor(23, lost=True), id="ours, alive, below it"
        ),
        pytest.param(
            a_view(a_record(FIRST, 6), **_FLOOR_RAISED), Claim(FIRST, 24), id="ours, alive, below it, floor raised"
        ),
        pytest.param(
            a_view(a_record("node-3", 6, **_STRANGER), lease=READ_AFTER),
            Wait(foreign=True),
            id="a stranger's, alive, below it",
        ),
        pytest.param(
            a_view(a_record(FIRST, 6, writer="library/web-0")), Wait(foreign=True), id="a pod's own, alive, below it"
        ),
        pytest.param(
            a_view(a_record(FIRST, 6, namespace_uid=None)),
            Wait(foreign=True),
            id="an operator's of who knows which cluster, alive, below it",
        ),
        pytest.param(
            a_view(a_record("node-3", 6, **_STRANGER)), ReadAgain(), id="a stranger's, alive, below it, by the watch"
        ),
        pytest.param(
            a_view(a_record("node-3", 6, **_STRANGER), now_s=RUN_OUT_S, lease=READ_AFTER),
            RaiseFloor(23, lost=True),
            id="a stranger's, run out, below it",
        ),
        pytest.param(
            a_view(a_record(SECOND, 7), lease=READ_AFTER), RaiseFloor(23, lost=True), id="the same term, another holder"
        ),
        pytest.param(a_view(a_record(SECOND, 7), **_FLOOR_RAISED), Claim(FIRST, 24), id="the same, floor raised"),
        pytest.param(
            a_view(a_record(FIRST, 7), status=LED_BY_NOBODY, lease=READ_AFTER),
            RaiseFloor(23, lost=True),
            id="the same term, of which the status says that nobody has it",
        ),
        pytest.param(
            a_view(a_record("node-3", 7, **_STRANGER), lease=READ_AFTER),
            Wait(foreign=True),
            id="the same term, a stranger, alive",
        ),
        pytest.param(
            a_view(a_record("node-3", 7, **_STRANGER), now_s=RUN_OUT_S, lease=READ_AFTER),
            RaiseFloor(23, lost=True),
            id="the same term, a stranger, run out",
        ),
        pytest.param(
            a_view(a_record("", 7), status=LED_BY_NOBODY), Claim(FIRST, 8), id="the same term, nobody: agreed"
        ),
        pytest.param(a_view(a_record("", 7)), Claim(FIRST, 8), id="the same term, released: agreed"),
        pytest.param(a_view(a_record(FIRST, 7)), Hold(FIRST), id="the same term, the same holder: agreed"),
    ],
)
def test_of_a_record_against_the_status(view: View, decision: Decision) -> None:
    assert decide(view) == decision


@pytest.mark.parametrize(
    ("floor", "term", "decision"),
    [
        pytest.param(7, 22, Claim(FIRST, 23), id="the last term within the gap"),
        pytest.param(7, 23, RaiseFloor(23, lost=False), id="one more: the floor goes first"),
        pytest.param(23, 23, Claim(FIRST, 24), id="then it is claimed"),
        pytest.param(23, 7, Claim(FIRST, 24), id="never at or below the floor"),
    ],
)
def test_a_term_is_claimed_within_the_gap_above_the_floor(floor: int, term: int, decision: Decision) -> None:
    status = replace(LED_BY_FIRST, term_floor=floor)

    assert decide(a_view(a_record("", term), status=status)) == decision


_AT_THE_END = a_status(MAX_TERM, a_leader(FIRST))


@pytest.mark.parametrize(
    ("view", "decision"),
    [
        pytest.param(
            _absent(status=a_status(MAX_TERM - CLAIM_GAP - 1, a_leader(FIRST))),
            RaiseFloor(MAX_TERM - 1, lost=True),
            id="the last floor above which a term is left",
        ),
        pytest.param(
            _absent(status=a_status(MAX_TERM - CLAIM_GAP, a_leader(FIRST))),
            Wait(),
            id="no term is left above the floor",
        ),
        pytest.param(
            _absent(status=replace(_AT_THE_END, term=7), floor_covers=7), Wait(), id="the floor is the last term"
        ),
        pytest.param(a_view(a_record("", MAX_TERM), status=_AT_THE_END), Wait(), id="the last term was released"),
        pytest.param(a_view(a_record(FIRST, MAX_TERM), status=_AT_THE_END), Hold(FIRST), id="the last term is held"),
    ],
)
def test_no_term_is_claimed_that_no_reader_would_believe(view: View, decision: Decision) -> None:
    assert decide(view) == decision


def test_the_gap_and_the_jump_are_those_that_every_version_counts_on() -> None:
    """An operator of another version may have claimed, or may believe, what these two allow."""
    assert (CLAIM_GAP, MAX_TERM_JUMP) == (16, 1_000_000)
