"""Several processes campaign for themselves: one acts, and another one takes over when it cannot."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.bucket import ModelBucket
from tenure.election.candidacy import Candidacy
from tenure.election.clock import Instant
from tenure.election.effects import Effect, ReadLease, WriteLease
from tenure.election.entry import Entry
from tenure.election.inputs import ConnectionChanged, EntrySeen, Input, LeaseRead, LeaseWritten, StandBack, WriteOutcome
from tenure.election.mandate import Mandate
from tenure.election.record import LeaseRecord, parse, render
from tenure.election.timing import Timing
from tenure.nats.store import WrongRevision
from unit.builders import a_record

_TIMING = Timing(duration_s=5, renew_deadline_s=4, renew_interval_s=1)
_KEY = "_operator.uid.tenure"
_START_S = 1000.0
_WALL_S = 1_700_000_000.0
_MAX_ROUNDS = 100
"""More than a candidate takes until nothing is left to do at one time."""


class _Process:
    """One candidate, and what lies between it and NATS."""

    def __init__(self, contest: Contest, name: str, *, writer: str = "") -> None:
        self._contest = contest
        self.candidacy = Candidacy(
            identity=name, writer=writer or name, namespace_uid="uid", timing=_TIMING, poll_interval_s=2.0
        )
        self.is_halted = False
        self.reaches_nats = True
        self.has_watch = True
        self.gets_answers = True
        self.reads = 0
        self._mail: list[Input] = [StandBack(0.0), ConnectionChanged(1)]
        contest.bucket.listen(self._see_write)

    def tell(self, happened: Input) -> None:
        self._mail.append(happened)

    def step(self) -> None:
        """Step as long as there is something to do."""
        for _ in range(_MAX_ROUNDS):
            if self.is_halted or not (self._mail or self.candidacy.wakes_at_s <= self._contest.now_s):
                return
            mail, self._mail = self._mail, []
            for effect in self.candidacy.step(self._contest.instant, mail):
                answer = self._carry_out(effect)
                if self.gets_answers:
                    self._mail.append(answer)
        raise AssertionError("it does not come to rest")

    def _see_write(self, _key: str, entry: Entry) -> None:
        if self.reaches_nats and self.has_watch:
            self._mail.append(EntrySeen(entry, 1))

    def _carry_out(self, effect: Effect) -> Input:
        match effect:
            case ReadLease():
                self.reads += 1
                return LeaseRead(self._contest.bucket.read(_KEY) if self.reaches_nats else None)
            case WriteLease(record, expected_revision):
                if not self.reaches_nats:
                    return LeaseWritten(WriteOutcome.UNKNOWN)
                value = None if record is None else render(record)
                try:
                    revision = self._contest.bucket.compare_and_set(_KEY, value, expected_revision=expected_revision)
                except WrongRevision:
                    return LeaseWritten(WriteOutcome.WRONG_REVISION)
                return LeaseWritten(WriteOutcome.APPLIED, revision)
        raise AssertionError(effect)


class Contest:
    """Some processes, one bucket, and a clock that all of them read."""

    def __init__(self, *names: str) -> None:
        self.now_s = _START_S
        self.bucket = ModelBucket(lambda: self.instant.wall_s)
        self.processes = {name: _Process(self, name) for name in names}

    @property
    def instant(self) -> Instant:
        return Instant(self.now_s, _WALL_S + self.now_s - _START_S)

    @property
    def active(self) -> list[str]:
        """Those that may act now, halted ones included: the mandate is a matter of time, not of a step."""
        return [name for name, one in self.processes.items() if one.candidacy.mandate(self.now_s) is Mandate.ACT]

    @property
    def record(self) -> LeaseRecord:
        return _read(self.bucket.read(_KEY))

    def mandate(self, name: str) -> Mandate:
        return self.processes[name].candidacy.mandate(self.now_s)

    def run(self, seconds: float = 0.0, *, order: Iterable[str] = ()) -> None:
        """Let time pass in steps of a tenth of a second; at each moment at most one may act."""
        until_s = round(self.now_s + seconds, 1)
        while True:
            for name in order or self.processes:
                self.processes[name].step()
            for one in self.processes.values():
                one.step()  # what the others have written meanwhile
            assert len(self.active) <= 1, f"two act at {self.now_s}: {self.active}"
            respected = [name for name, one in self.processes.items() if one.candidacy.respected_s(self.now_s) > 0]
            assert not self.active or set(respected) <= set(self.active), f"{respected} rely on respect at {self.now_s}"
            if self.now_s >= until_s:
                return
            self.now_s = round(self.now_s + 0.1, 1)


def _read(entry: Entry) -> LeaseRecord:
    record = parse(entry.value or b"")
    assert isinstance(record, LeaseRecord)
    return record


def test_the_first_of_several_acts_and_the_others_stand_by() -> None:
    contest = Contest("one", "two", "three")

    contest.run(60)

    assert contest.active == ["one"]
    assert contest.mandate("two") is Mandate.STAND_BY
    assert (contest.record.holder, contest.record.term) == ("one", 1)


def test_a_process_that_is_not_ready_to_work_does_not_campaign() -> None:
    candidacy = Candidacy(identity="one", writer="one", namespace_uid="uid", timing=_TIMING, poll_interval_s=2.0)

    assert [type(done) for done in candidacy.step(Instant(_START_S, _WALL_S), [ConnectionChanged(1)])] == [ReadLease]
    assert candidacy.step(Instant(_START_S, _WALL_S), [LeaseRead(ModelBucket(lambda: _WALL_S).read(_KEY))]) == []
    assert candidacy.mandate(_START_S) is Mandate.STAND_BY


def test_another_takes_over_within_the_lease_when_the_one_that_acts_is_killed() -> None:
    contest = Contest("one", "two")
    contest.run(10)

    contest.processes["one"].is_halted = True
    contest.run(_TIMING.duration_s + 0.1)

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


def test_the_mandate_ends_with_the_deadline_without_a_step() -> None:
    contest = Contest("one")
    contest.run(10)
    contest.processes["one"].is_halted = True

    contest.now_s += _TIMING.renew_deadline_s

    assert contest.mandate("one") is not Mandate.ACT


@pytest.mark.parametrize("reaches_nats", [True, False])
def test_one_whose_renewal_is_never_answered_wakes_at_the_deadline_to_tell_the_loss(reaches_nats: bool) -> None:
    contest = Contest("one")
    contest.run(10)
    one = contest.processes["one"]
    one.gets_answers = one.has_watch = False
    one.reaches_nats = reaches_nats
    contest.run(_TIMING.renew_interval_s)

    left_s = one.candidacy.remaining_s(contest.now_s)

    assert 0.0 < left_s < _TIMING.renew_deadline_s
    assert one.candidacy.wakes_at_s <= contest.now_s + left_s


def test_a_lease_is_respected_beyond_the_loss_of_leadership_until_it_runs_out() -> None:
    contest = Contest("one", "two")
    contest.run(10)
    contest.processes["one"].reaches_nats = False
    candidacy = contest.processes["one"].candidacy
    leads_for_s = candidacy.remaining_s(contest.now_s)

    contest.run(leads_for_s)

    assert contest.active == []
    assert candidacy.respected_s(contest.now_s) == pytest.approx(_TIMING.duration_s - _TIMING.renew_deadline_s)
    contest.run(_TIMING.duration_s - _TIMING.renew_deadline_s)
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
    bucket = ModelBucket(lambda: _WALL_S)
    bucket.put(_KEY, render(a_record("go", 7, writer=None)))
    held = bucket.read(_KEY)
    bucket.delete(_KEY)
    deleted = bucket.read(_KEY)
    candidacy = Candidacy(identity="one", writer="one", namespace_uid="uid", timing=_TIMING, poll_interval_s=2.0)
    candidacy.step(Instant(_START_S, _WALL_S), [StandBack(0.0), ConnectionChanged(1)])

    if how == "watched":
        candidacy.remember(held)
    answer = held if how == "read" else deleted
    (claim,) = candidacy.step(Instant(_START_S + 1, _WALL_S + 1), [EntrySeen(deleted, 1), LeaseRead(answer)])

    assert isinstance(claim, WriteLease)
    assert claim.record is not None
    assert claim.record.term == 8


def test_a_record_that_cannot_be_believed_is_respected_for_the_lease_and_then_replaced() -> None:
    contest = Contest("one")
    contest.bucket.put(_KEY, b"no record")

    contest.run(4)
    assert contest.active == []
    contest.run(2)

    assert contest.active == ["one"]


def test_a_foreign_holder_is_respected_for_the_time_that_its_record_states() -> None:
    contest = Contest("one")
    contest.bucket.put(_KEY, render(a_record("somebody", 41, duration_s=30)))

    contest.run(29)
    assert contest.active == []
    contest.run(2)

    assert contest.active == ["one"]
    assert contest.record.term == 42


def test_what_is_no_lease_record_is_complained_of_as_long_as_it_stands_there() -> None:
    contest = Contest("one")
    contest.bucket.put(_KEY, b"somebody's data")

    contest.run(1)
    assert contest.processes["one"].candidacy.complaint == (
        "What stands under the key is no lease record: it is not JSON. "
        "It is replaced after 5 s: give the election another key to keep it."
    )
    contest.run(5)

    assert contest.active == ["one"]
    assert contest.processes["one"].candidacy.complaint == ""


def test_after_a_restart_the_own_lease_is_waited_for_and_is_no_double() -> None:
    contest = Contest("one")
    contest.run(10)
    contest.processes["one"].is_halted = True
    again = contest.processes["again"] = _Process(contest, "one", writer="one, restarted")

    contest.run(4)
    assert (contest.active, again.candidacy.complaint) == ([], "")
    contest.run(2)

    assert contest.active == ["again"]
    assert (contest.record.holder, contest.record.term) == ("one", 2)


def test_a_double_is_told_by_its_next_renewal() -> None:
    contest = Contest("one")
    contest.run(10)
    double = contest.processes["double"] = _Process(contest, "one", writer="a double")

    contest.run(1.1)

    assert contest.active == ["one"]
    assert double.candidacy.complaint == "Another process uses the identity one as well: give each its own."


def test_one_that_its_double_has_replaced_leads_no_more_and_tells_it() -> None:
    contest = Contest("one")
    contest.run(10)
    contest.processes["one"].is_halted = True
    contest.processes["double"] = _Process(contest, "one", writer="a double")
    contest.run(6)

    contest.processes["one"].is_halted = False
    contest.run()

    assert contest.active == ["double"]
    assert contest.processes["one"].candidacy.complaint.startswith("Another process uses the identity one")


def test_one_in_whose_name_a_node_in_go_renews_leads_no_more_and_tells_it() -> None:
    """Such a node takes any record with its identity for its own, and goes on in the same term."""
    contest = Contest("one")
    contest.run(10)

    contest.bucket.put(_KEY, render(a_record("one", 1, writer=None, nonce=None, duration_s=None)))
    contest.run(0.2)

    assert contest.active == []
    assert contest.processes["one"].candidacy.complaint.startswith("Another process uses the identity one")


def test_the_wall_clocks_of_others_do_not_count() -> None:
    """By the time that it states, the lease of the other one has run out long ago; but it is renewed."""
    contest = Contest("one")
    for _ in range(10):
        contest.bucket.put(_KEY, render(a_record("somebody", 41, expires_at_s=_WALL_S - 3600, duration_s=5)))
        contest.run(3)
        assert contest.active == []

    contest.run(3)
    assert contest.active == ["one"]


def test_a_lease_is_renewed_with_one_write_every_interval() -> None:
    contest = Contest("one")
    contest.run()
    written: list[Entry] = []
    contest.bucket.listen(lambda _key, entry: written.append(entry))

    contest.run(10)

    assert len(written) == 10
    assert len({record.nonce for record in map(_read, written)}) == 10
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


def test_where_nothing_stands_a_claim_goes_over_a_marker() -> None:
    """Its revision is of this bucket alone, while that of nothing is 0 in every one."""
    contest = Contest("one")
    written: list[Entry] = []
    contest.bucket.listen(lambda _key, entry: written.append(entry))

    contest.run()

    marker, claim = written
    assert marker.value is None
    assert (_read(claim).holder, _read(claim).term) == ("one", 1)


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


@pytest.mark.parametrize("outcome", [WriteOutcome.APPLIED, WriteOutcome.UNKNOWN])
def test_its_own_term_is_remembered_though_its_record_was_deleted_before_it_could_be_told(
    outcome: WriteOutcome,
) -> None:
    bucket = ModelBucket(lambda: _WALL_S)
    bucket.delete(_KEY)
    candidacy = Candidacy(identity="one", writer="one", namespace_uid="uid", timing=_TIMING, poll_interval_s=2.0)
    candidacy.step(Instant(_START_S, _WALL_S), [StandBack(0.0), ConnectionChanged(1)])

    def claim(at_s: float, *happened: Input) -> int:
        (write,) = candidacy.step(Instant(_START_S + at_s, _WALL_S + at_s), happened)
        assert isinstance(write, WriteLease)
        assert write.record is not None
        bucket.put(_KEY, render(write.record))
        return write.record.term

    assert claim(1, LeaseRead(bucket.read(_KEY))) == 1
    written = LeaseWritten(outcome, bucket.read(_KEY).revision)
    bucket.delete(_KEY)
    deleted = bucket.read(_KEY)

    if outcome is WriteOutcome.UNKNOWN:
        (read,) = candidacy.step(Instant(_START_S + 2, _WALL_S + 2), [EntrySeen(deleted, 1), written])
        assert isinstance(read, ReadLease)
        assert claim(3, LeaseRead(deleted)) == 2
    else:
        assert claim(2, EntrySeen(deleted, 1), written) == 2
