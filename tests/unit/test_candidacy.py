"""Several processes campaign for themselves: one acts, and another one takes over when it cannot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.bucket import ModelBucket
from tenure.election.candidacy import Candidacy
from tenure.election.clock import Instant
from tenure.election.effects import ReadLease
from tenure.election.inputs import ConnectionChanged, LeaseRead, StandBack
from tenure.election.mandate import Mandate
from unit.contest import KEY, START_S, TIMING, WALL_S, Contest


def test_the_first_of_several_acts_and_the_others_stand_by() -> None:
    contest = Contest("one", "two", "three")

    contest.run(60)

    assert contest.active == ["one"]
    assert contest.mandate("two") is Mandate.STAND_BY
    assert (contest.record.holder, contest.record.term) == ("one", 1)


def test_a_process_that_is_not_ready_to_work_does_not_campaign() -> None:
    candidacy = Candidacy(identity="one", writer="one", namespace_uid="uid", timing=TIMING, poll_interval_s=2.0)

    assert [type(done) for done in candidacy.step(Instant(START_S, WALL_S), [ConnectionChanged(1)])] == [ReadLease]
    assert candidacy.step(Instant(START_S, WALL_S), [LeaseRead(ModelBucket(lambda: WALL_S).read(KEY))]) == []
    assert candidacy.mandate(START_S) is Mandate.STAND_BY


def test_another_takes_over_within_the_lease_when_the_one_that_acts_is_killed() -> None:
    contest = Contest("one", "two")
    contest.run(10)

    contest.processes["one"].is_halted = True
    contest.run(TIMING.duration_s + 0.1)

    assert contest.active == ["two"]
    assert contest.record.term == 2


def test_another_takes_over_at_once_when_the_one_that_acts_stands_back() -> None:
    contest = Contest("one", "two")
    contest.run(10)

    contest.processes["one"].tell(StandBack(contest.now_s + 5.0))
    contest.run()

    assert contest.active == ["two"]
    assert contest.record.term == 2
    contest.run(30)
    assert contest.active == ["two"]


def test_one_that_stood_back_alone_acts_again_afterwards() -> None:
    contest = Contest("one")
    contest.run(10)

    contest.processes["one"].tell(StandBack(contest.now_s + 5.0))
    contest.run(4)
    assert contest.mandate("one") is Mandate.STAND_BY
    assert contest.processes["one"].candidacy.is_out

    contest.run(2)
    assert contest.active == ["one"]


def test_a_lease_of_somebody_else_is_looked_at_behind_a_watch_that_is_silent() -> None:
    contest = Contest("one", "two")
    contest.run(1)
    two = contest.processes["two"]
    two.has_watch = False
    before = two.reads

    contest.run(10)

    assert two.reads == before + 5, "one every two seconds"
    assert contest.active == ["one"]


@pytest.mark.parametrize("order", [("one", "two"), ("two", "one")])
def test_of_two_that_claim_a_free_lease_at_once_the_compare_and_set_takes_one(order: tuple[str, ...]) -> None:
    contest = Contest("one", "two")

    contest.run(1, order=order)

    assert contest.active == [order[0]]


_FAULTS = st.lists(
    st.tuples(
        st.sampled_from(["one", "two", "three"]),
        st.sampled_from(["halt", "wake", "cut", "join", "stand back"]),
        st.integers(0, 80),
    ),
    max_size=25,
)


@given(faults=_FAULTS)
def test_never_two_act_at_once_and_in_the_end_one_does(faults: list[tuple[str, str, int]]) -> None:
    """Whoever is halted or cut off, and for how long: only the loss of the record itself could make two act at once."""
    contest = Contest("one", "two", "three")
    for name, fault, tenths in faults:
        process = contest.processes[name]
        match fault:
            case "halt" | "wake":
                process.is_halted = fault == "halt"
            case "cut" | "join":
                process.reaches_nats = fault == "join"
            case "stand back":
                process.tell(StandBack(contest.now_s + 5.0))
        contest.run(tenths / 10)
    for process in contest.processes.values():
        process.is_halted, process.reaches_nats = False, True
    contest.run(20)

    assert len(contest.active) == 1
