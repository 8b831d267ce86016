"""The protocol of one candidate, case by case. It leads term 7 by a lease that counts from 100 s, or does not lead."""

from __future__ import annotations

import pytest

from tenure.election.elector import Elector, Role, Wish
from tenure.election.record import LeaseRecord, Unbelievable
from tenure.election.timing import Timing
from unit.builders import TIMING, a_lease, a_record, a_signature

ME = "web-0_1"
SIGNATURE = a_signature(wall_s=2000.0, nonce="new")

_MINE = a_record(ME, 7, unknown={"zone": "b"})
_MINE_ANOTHER_TERM = a_record(ME, 9)
_OTHERS = a_record("web-1_2", 8)
_RELEASED = a_record("", 7)
_JUNK = Unbelievable("it is not JSON")

FOLLOWER, CLAIMING, LEADER, RELEASING = Role.FOLLOWER, Role.CLAIMING, Role.LEADER, Role.RELEASING
LEAD, RELEASE = Wish.LEAD, Wish.RELEASE


def _elector(role: Role, *, lease_from_s: float = 100.0) -> Elector:
    return Elector(ME, role=role, term=7, lease_from_s=lease_from_s, lease_duration_s=15)


def _kind(record: LeaseRecord | None) -> str:
    if record is None:
        return "nothing"
    if not record.holder:
        return "release"
    return "claim" if record.started_at_s == SIGNATURE.wall_s else "renewal"


@pytest.mark.parametrize(
    ("role", "record", "wish", "now_s", "claim_term", "write", "role_after"),
    [
        # Leading.
        pytest.param(LEADER, _MINE, LEAD, 101, None, "nothing", LEADER, id="a leader rests between renewals"),
        pytest.param(LEADER, _MINE, LEAD, 103, None, "renewal", LEADER, id="a leader renews at the interval"),
        pytest.param(LEADER, _MINE, LEAD, 112.9, None, "renewal", LEADER, id="a leader renews up to its deadline"),
        pytest.param(LEADER, _MINE, LEAD, 113, None, "renewal", CLAIMING, id="past its deadline it leads no more"),
        pytest.param(LEADER, _OTHERS, LEAD, 101, None, "nothing", FOLLOWER, id="another holds the record"),
        pytest.param(LEADER, _MINE_ANOTHER_TERM, LEAD, 101, None, "renewal", CLAIMING, id="mine, but another term"),
        pytest.param(LEADER, _RELEASED, LEAD, 101, None, "nothing", FOLLOWER, id="somebody released my record"),
        pytest.param(LEADER, None, LEAD, 101, None, "nothing", FOLLOWER, id="my record is gone"),
        pytest.param(LEADER, _JUNK, LEAD, 101, None, "nothing", FOLLOWER, id="my record was overwritten with junk"),
        pytest.param(LEADER, _MINE, RELEASE, 101, None, "release", RELEASING, id="release ends leadership at once"),
        pytest.param(LEADER, _MINE, RELEASE, 113, None, "release", RELEASING, id="release past the deadline"),
        pytest.param(LEADER, _OTHERS, RELEASE, 101, None, "nothing", FOLLOWER, id="nothing is left to release"),
        pytest.param(LEADER, None, LEAD, 101, 24, "claim", CLAIMING, id="a leader whose record was lost claims anew"),
        # Following.
        pytest.param(FOLLOWER, _OTHERS, LEAD, 200, None, "nothing", FOLLOWER, id="held by another, no term to claim"),
        pytest.param(FOLLOWER, _MINE, LEAD, 200, None, "renewal", CLAIMING, id="adopts a record that is its own"),
        pytest.param(FOLLOWER, _MINE, LEAD, 101, None, "renewal", CLAIMING, id="adopts at once, not at the interval"),
        pytest.param(FOLLOWER, _OTHERS, LEAD, 200, 9, "claim", CLAIMING, id="claims the term that it is given"),
        pytest.param(FOLLOWER, None, LEAD, 200, 1, "claim", CLAIMING, id="claims where there is no record"),
        pytest.param(FOLLOWER, _JUNK, LEAD, 200, 24, "claim", CLAIMING, id="claims over junk"),
        pytest.param(FOLLOWER, _MINE, RELEASE, 200, None, "release", RELEASING, id="releases a record of its own"),
        pytest.param(FOLLOWER, _OTHERS, RELEASE, 200, None, "nothing", FOLLOWER, id="cannot release another's record"),
        pytest.param(FOLLOWER, _RELEASED, RELEASE, 200, None, "nothing", FOLLOWER, id="already released"),
        # After an attempt of unknown outcome.
        pytest.param(CLAIMING, _MINE, LEAD, 101, None, "renewal", CLAIMING, id="its claim had landed: it renews"),
        pytest.param(CLAIMING, _OTHERS, LEAD, 101, None, "nothing", CLAIMING, id="another was quicker"),
        pytest.param(RELEASING, _MINE, RELEASE, 101, None, "release", RELEASING, id="its release had not landed"),
        pytest.param(RELEASING, _RELEASED, RELEASE, 101, None, "nothing", FOLLOWER, id="its release had landed"),
    ],
)
def test_step(
    role: Role,
    record: LeaseRecord | Unbelievable | None,
    wish: Wish,
    now_s: float,
    claim_term: int | None,
    write: str,
    role_after: Role,
) -> None:
    elector = _elector(role)

    written = elector.step(now_s, a_lease(record), wish, signature=SIGNATURE, timing=TIMING, claim_term=claim_term)

    assert (_kind(written), elector.role) == (write, role_after)
    if written is not None:
        assert written.nonce == "new"
        assert written.holder == ("" if write == "release" else ME)
        assert written.term == (claim_term or a_lease(record).term)
    if write == "renewal" and record is _MINE:
        assert (written and written.unknown, written and written.started_at_s) == ({"zone": "b"}, _MINE.started_at_s)


@pytest.mark.parametrize(
    ("role", "stands", "now_s", "role_after"),
    [
        pytest.param(CLAIMING, a_record(ME, 8), 121, LEADER, id="its claim stands: it leads"),
        pytest.param(CLAIMING, a_record(ME, 8), 132.9, LEADER, id="an answer just in time"),
        pytest.param(CLAIMING, a_record(ME, 8), 133, FOLLOWER, id="an answer after the deadline makes no leader"),
        pytest.param(CLAIMING, None, 121, FOLLOWER, id="its claim is not known to stand"),
        pytest.param(LEADER, a_record(ME, 7), 121, LEADER, id="its renewal stands"),
        pytest.param(LEADER, a_record(ME, 7), 133, FOLLOWER, id="its renewal was answered too late"),
        pytest.param(LEADER, None, 105, LEADER, id="a failed renewal leaves it what it has"),
        pytest.param(RELEASING, a_record("", 7), 121, FOLLOWER, id="its release stands"),
        pytest.param(RELEASING, None, 121, FOLLOWER, id="its release failed: it leads no more all the same"),
        pytest.param(FOLLOWER, None, 121, FOLLOWER, id="a follower's write failed"),
    ],
)
def test_the_outcome_of_a_write_that_was_sent_at_120_s(
    role: Role, stands: LeaseRecord | None, now_s: float, role_after: Role
) -> None:
    elector = _elector(role)

    elector.concluded(now_s, stands, sent_at_s=120.0, timing=TIMING)

    assert elector.role is role_after
    if role_after is LEADER and stands is not None:
        assert (elector.term, elector.lease_from_s) == (stands.term, 120.0)
        assert (elector.renews_at_s(TIMING), elector.deadline_s(TIMING)) == (123.0, 133.0)


def test_a_lease_counts_for_as_long_as_its_record_says_and_is_renewed_at_once_under_another_timing() -> None:
    elector = _elector(LEADER)
    longer = Timing.derive(3600)
    shorter = Timing.derive(6)

    assert (elector.renews_at_s(longer), elector.deadline_s(longer)) == (100.0, 114.0)
    assert (elector.renews_at_s(shorter), elector.deadline_s(shorter)) == (100.0, 105.0)

    renewed = a_record(ME, 7, duration_s=3600)
    elector.concluded(101.0, renewed, sent_at_s=100.5, timing=longer)
    assert (elector.renews_at_s(longer), elector.deadline_s(longer)) == (820.5, 3220.5)


def test_leases_that_were_claimed_one_after_the_other_are_renewed_together() -> None:
    electors = [_elector(LEADER, lease_from_s=from_s) for from_s in (100.0, 100.05, 100.124, 100.125)]

    assert [elector.renews_at_s(TIMING) for elector in electors] == [103.0, 103.0, 103.0, 103.125]


def test_a_failed_renewal_does_not_move_the_deadline() -> None:
    elector = _elector(LEADER)

    elector.concluded(112.0, None, sent_at_s=110.0, timing=TIMING)

    assert elector.deadline_s(TIMING) == 113.0


@pytest.mark.parametrize(
    ("record", "now_s", "role_after"),
    [
        pytest.param(_MINE, 112.9, LEADER, id="all is well"),
        pytest.param(_MINE, 113, FOLLOWER, id="the deadline has come"),
        pytest.param(_OTHERS, 101, FOLLOWER, id="another holds it"),
        pytest.param(_MINE_ANOTHER_TERM, 101, FOLLOWER, id="its own, in another term"),
        pytest.param(None, 101, FOLLOWER, id="gone"),
    ],
)
def test_a_leader_that_only_looks(record: LeaseRecord | None, now_s: float, role_after: Role) -> None:
    elector = _elector(LEADER)

    elector.observe(now_s, a_lease(record), TIMING)

    assert elector.role is role_after
