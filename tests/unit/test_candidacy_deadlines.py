"""A lease is renewed, and the leadership ends in time when it cannot be."""

from __future__ import annotations

import pytest

from tenure.election.entry import Entry
from tenure.election.inputs import StandBack
from tenure.election.mandate import Mandate
from unit.contest import TIMING, Contest, read_record


def test_the_mandate_ends_with_the_deadline_without_a_step() -> None:
    contest = Contest("one")
    contest.run(10)
    contest.processes["one"].is_halted = True

    contest.now_s += TIMING.renew_deadline_s

    assert contest.mandate("one") is not Mandate.ACT


@pytest.mark.parametrize("reaches_nats", [True, False])
def test_one_whose_renewal_is_never_answered_wakes_at_the_deadline_to_tell_the_loss(reaches_nats: bool) -> None:
    contest = Contest("one")
    contest.run(10)
    one = contest.processes["one"]
    one.gets_answers = one.has_watch = False
    one.reaches_nats = reaches_nats
    contest.run(TIMING.renew_interval_s)

    left_s = one.candidacy.remaining_s(contest.now_s)

    assert 0.0 < left_s < TIMING.renew_deadline_s
    assert one.candidacy.wakes_at_s <= contest.now_s + left_s


def test_a_lease_is_respected_beyond_the_loss_of_leadership_until_it_runs_out() -> None:
    contest = Contest("one", "two")
    contest.run(10)
    contest.processes["one"].reaches_nats = False
    candidacy = contest.processes["one"].candidacy
    leads_for_s = candidacy.remaining_s(contest.now_s)

    contest.run(leads_for_s)

    assert contest.active == []
    assert candidacy.respected_s(contest.now_s) == pytest.approx(TIMING.duration_s - TIMING.renew_deadline_s)
    contest.run(TIMING.duration_s - TIMING.renew_deadline_s)
    assert contest.active == ["two"]
    assert candidacy.respected_s(contest.now_s) == 0.0


def test_nothing_is_respected_of_a_lease_that_was_given_up() -> None:
    contest = Contest("one")
    contest.run(10)

    contest.processes["one"].tell(StandBack(contest.now_s + 5.0))
    contest.run()

    assert contest.processes["one"].candidacy.respected_s(contest.now_s) == 0.0


def test_one_that_nats_keeps_from_renewing_goes_on_renewing_until_another_is_seen() -> None:
    contest = Contest("one", "two")
    contest.run(10)

    for process in contest.processes.values():
        process.reaches_nats = False
    contest.run(20)
    assert contest.mandate("one") is Mandate.RENEW
    assert contest.mandate("two") is Mandate.STAND_BY

    contest.processes["two"].reaches_nats = True
    contest.run(6)
    assert contest.active == ["two"]
    assert contest.mandate("one") is Mandate.RENEW  # as far as it can know

    contest.processes["one"].reaches_nats = True
    contest.run(3)
    assert contest.mandate("one") is Mandate.STAND_BY


def test_one_that_was_halted_and_replaced_finds_out_before_it_acts() -> None:
    contest = Contest("one", "two")
    contest.run(10)
    contest.processes["one"].is_halted = True
    contest.run(10)

    contest.processes["one"].is_halted = False
    contest.run(1)

    assert contest.active == ["two"]
    assert contest.mandate("one") is Mandate.STAND_BY


def test_a_lease_is_renewed_with_one_write_every_interval() -> None:
    contest = Contest("one")
    contest.run()
    written: list[Entry] = []
    contest.bucket.listen(lambda _key, entry: written.append(entry))

    contest.run(10)

    assert len(written) == 10
    assert len({record.nonce for record in map(read_record, written)}) == 10
    assert contest.processes["one"].reads == 1, "the one before its first write"


def test_a_renewal_that_is_lost_costs_no_leadership() -> None:
    contest = Contest("one", "two")
    contest.run(10)
    contest.processes["one"].reaches_nats = False
    contest.run(2)
    assert contest.active == ["one"]

    contest.processes["one"].reaches_nats = True
    contest.run(10)

    assert contest.active == ["one"]
    assert contest.record.term == 1
