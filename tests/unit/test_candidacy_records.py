"""What stands under the key of a candidacy: whom it is respected for, how long, and which term follows."""

from __future__ import annotations

import pytest

from model.bucket import ModelBucket
from tenure.election.candidacy import Candidacy
from tenure.election.clock import Instant
from tenure.election.effects import ReadLease, WriteLease
from tenure.election.entry import Entry
from tenure.election.inputs import ConnectionChanged, EntrySeen, Input, LeaseRead, LeaseWritten, StandBack, WriteOutcome
from tenure.election.record import render
from unit.builders import a_record
from unit.contest import KEY, START_S, TIMING, WALL_S, Contest, read_record


def test_terms_rise_over_the_loss_of_the_bucket_as_long_as_one_remembers() -> None:
    contest = Contest("one", "two")
    contest.run(3)
    contest.processes["one"].tell(StandBack(contest.now_s + 1.0))
    contest.run(3)
    assert contest.record.term == 2

    contest.bucket.lose()
    contest.bucket.make()
    contest.run(12)

    assert len(contest.active) == 1
    assert contest.record.term == 3


@pytest.mark.parametrize("how", ["watched", "read"])
def test_a_term_is_remembered_though_something_newer_was_seen_before_it_could_be_told(how: str) -> None:
    """Such as the deletion by which a node in Go resigns: of what waits for a candidate only the latest is kept."""
    bucket = ModelBucket(lambda: WALL_S)
    bucket.put(KEY, render(a_record("go", 7, writer=None)))
    held = bucket.read(KEY)
    bucket.delete(KEY)
    deleted = bucket.read(KEY)
    candidacy = Candidacy(identity="one", writer="one", namespace_uid="uid", timing=TIMING, poll_interval_s=2.0)
    candidacy.step(Instant(START_S, WALL_S), [StandBack(0.0), ConnectionChanged(1)])

    if how == "watched":
        candidacy.remember(held)
    answer = held if how == "read" else deleted
    (claim,) = candidacy.step(Instant(START_S + 1, WALL_S + 1), [EntrySeen(deleted, 1), LeaseRead(answer)])

    assert isinstance(claim, WriteLease)
    assert claim.record is not None
    assert claim.record.term == 8


@pytest.mark.parametrize("outcome", [WriteOutcome.APPLIED, WriteOutcome.UNKNOWN])
def test_its_own_term_is_remembered_though_its_record_was_deleted_before_it_could_be_told(
    outcome: WriteOutcome,
) -> None:
    bucket = ModelBucket(lambda: WALL_S)
    bucket.delete(KEY)
    candidacy = Candidacy(identity="one", writer="one", namespace_uid="uid", timing=TIMING, poll_interval_s=2.0)
    candidacy.step(Instant(START_S, WALL_S), [StandBack(0.0), ConnectionChanged(1)])

    def claim(at_s: float, *happened: Input) -> int:
        (write,) = candidacy.step(Instant(START_S + at_s, WALL_S + at_s), happened)
        assert isinstance(write, WriteLease)
        assert write.record is not None
        bucket.put(KEY, render(write.record))
        return write.record.term

    assert claim(1, LeaseRead(bucket.read(KEY))) == 1
    written = LeaseWritten(outcome, bucket.read(KEY).revision)
    bucket.delete(KEY)
    deleted = bucket.read(KEY)

    if outcome is WriteOutcome.UNKNOWN:
        (read,) = candidacy.step(Instant(START_S + 2, WALL_S + 2), [EntrySeen(deleted, 1), written])
        assert isinstance(read, ReadLease)
        assert claim(3, LeaseRead(deleted)) == 2
    else:
        assert claim(2, EntrySeen(deleted, 1), written) == 2


def test_a_record_that_cannot_be_believed_is_respected_for_the_lease_and_then_replaced() -> None:
    contest = Contest("one")
    contest.bucket.put(KEY, b"no record")

    contest.run(4)
    assert contest.active == []
    contest.run(2)

    assert contest.active == ["one"]


def test_a_foreign_holder_is_respected_for_the_time_that_its_record_states() -> None:
    contest = Contest("one")
    contest.bucket.put(KEY, render(a_record("somebody", 41, duration_s=30)))

    contest.run(29)
    assert contest.active == []
    contest.run(2)

    assert contest.active == ["one"]
    assert contest.record.term == 42


def test_what_is_no_lease_record_is_complained_of_as_long_as_it_stands_there() -> None:
    contest = Contest("one")
    contest.bucket.put(KEY, b"somebody's data")

    contest.run(1)
    assert contest.processes["one"].candidacy.complaint == (
        "What stands under the key is no lease record: it is not JSON. "
        "It is replaced after 5 s: give the election another key to keep it."
    )
    contest.run(5)

    assert contest.active == ["one"]
    assert contest.processes["one"].candidacy.complaint == ""


def test_the_wall_clocks_of_others_do_not_count() -> None:
    """By the time that it states, the lease of the other one has run out long ago; but it is renewed."""
    contest = Contest("one")
    for _ in range(10):
        contest.bucket.put(KEY, render(a_record("somebody", 41, expires_at_s=WALL_S - 3600, duration_s=5)))
        contest.run(3)
        assert contest.active == []

    contest.run(3)
    assert contest.active == ["one"]


def test_where_nothing_stands_a_claim_goes_over_a_marker() -> None:
    """Its revision is of this bucket alone, while that of nothing is 0 in every one."""
    contest = Contest("one")
    written: list[Entry] = []
    contest.bucket.listen(lambda _key, entry: written.append(entry))

    contest.run()

    marker, claim = written
    assert marker.value is None
    assert (read_record(claim).holder, read_record(claim).term) == ("one", 1)
