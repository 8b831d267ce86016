"""Processes that campaign for one lease, on a modelled bucket, with a clock that all of them read."""

from __future__ import annotations

from collections.abc import Iterable

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

TIMING = Timing(duration_s=5, renew_deadline_s=4, renew_interval_s=1)
KEY = "_operator.uid.tenure"
START_S = 1000.0
WALL_S = 1_700_000_000.0
_MAX_ROUNDS = 100
"""More than a candidate takes until nothing is left to do at one time."""


class Process:
    """One candidate, and what lies between it and NATS."""

    def __init__(self, contest: Contest, name: str, *, writer: str = "") -> None:
        self._contest = contest
        self.candidacy = Candidacy(
            identity=name, writer=writer or name, namespace_uid="uid", timing=TIMING, poll_interval_s=2.0
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
                return LeaseRead(self._contest.bucket.read(KEY) if self.reaches_nats else None)
            case WriteLease(record, expected_revision):
                if not self.reaches_nats:
                    return LeaseWritten(WriteOutcome.UNKNOWN)
                value = None if record is None else render(record)
                try:
                    revision = self._contest.bucket.compare_and_set(KEY, value, expected_revision=expected_revision)
                except WrongRevision:
                    return LeaseWritten(WriteOutcome.WRONG_REVISION)
                return LeaseWritten(WriteOutcome.APPLIED, revision)
        raise AssertionError(effect)


class Contest:
    """Some processes, one bucket, and a clock that all of them read."""

    def __init__(self, *names: str) -> None:
        self.now_s = START_S
        self.bucket = ModelBucket(lambda: self.instant.wall_s)
        self.processes = {name: Process(self, name) for name in names}

    @property
    def instant(self) -> Instant:
        return Instant(self.now_s, WALL_S + self.now_s - START_S)

    @property
    def active(self) -> list[str]:
        """Those that may act now, halted ones included: the mandate is a matter of time, not of a step."""
        return [name for name, one in self.processes.items() if one.candidacy.mandate(self.now_s) is Mandate.ACT]

    @property
    def record(self) -> LeaseRecord:
        return read_record(self.bucket.read(KEY))

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


def read_record(entry: Entry) -> LeaseRecord:
    record = parse(entry.value or b"")
    assert isinstance(record, LeaseRecord)
    return record
