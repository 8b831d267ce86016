"""An election that rests overlooks nothing: what makes it decide again is all that its status and labels rest on."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.election import effects
from tenure.election.clock import Instant
from tenure.election.effects import Effect
from tenure.election.election import Election
from tenure.election.entry import Entry
from tenure.election.inputs import (
    ConnectionChanged,
    EntrySeen,
    Input,
    LeaseRead,
    LeaseWritten,
    PodRead,
    PodsComplete,
    PodSeen,
    PodsListed,
    ResourceSeen,
    WriteOutcome,
)
from tenure.election.record import render
from tenure.election.resource import Spec
from unit.builders import NAMESPACE_UID, SPEC, a_leader, a_record
from unit.story import A_LEADS, B_FOLLOWS, WALL_S, A, B, Story, only
from unit.views import a_status


class _Twice:
    """Steps an election, and first a copy of it that decides all anew: that one must not do anything else."""

    def __init__(self, election: Election) -> None:
        self.election = election

    @property
    def wakes_at_s(self) -> float:
        return self.election.wakes_at_s

    def step(self, now: Instant, happened: Sequence[Input]) -> Sequence[Effect]:
        eager = deepcopy(self.election)
        eager.state.is_changed = True
        expected = eager.step(now, happened)
        done = self.election.step(now, happened)
        assert done == expected
        assert self.wakes_at_s == pytest.approx(eager.wakes_at_s, abs=1e-6)
        return done


class _World(Story):
    """NATS and the API have all that they were asked for, and answer when the test says so."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(A_LEADS, B_FOLLOWS, status=a_status(7, a_leader(A)), revision=7)
        self.resource = replace(self.resource, spec=spec)
        self.stepper = _Twice(self.election)
        self.connection = 1
        self.value: bytes | None = render(a_record(A, 7, nonce="of-another-process"))
        self.waiting: list[Effect] = []

    def does(self, *happened: Input, after_s: float = 0.01) -> None:
        self.waiting += self.hears(*happened, after_s=after_s)

    def starts(self) -> None:
        pods = [PodSeen(pod) for pod in self.pods.values()]
        self.does(ConnectionChanged(1), self.shown(), ResourceSeen(self.resource), *pods, PodsComplete())

    def shown(self) -> EntrySeen:
        return EntrySeen(self._here(), self.connection)

    def becomes(self, value: bytes | None) -> None:
        self.revision, self.value = self.revision + 1, value
        self.does(self.shown())

    def reconnects(self) -> None:
        self.does(ConnectionChanged(0), after_s=1.0)
        self.connection += 1
        self.does(ConnectionChanged(self.connection), self.shown())

    def nats_answers(self, outcome: WriteOutcome) -> None:
        for one in [one for one in self.waiting if isinstance(one, effects.ReadLease | effects.WriteLease)]:
            self.waiting.remove(one)
            if isinstance(one, effects.ReadLease):
                self.does(LeaseRead(None if outcome is WriteOutcome.UNAVAILABLE else self._here()))
            elif one.expected_revision != self.revision:
                self.does(LeaseWritten(WriteOutcome.WRONG_REVISION))
            else:
                if outcome in (WriteOutcome.APPLIED, WriteOutcome.UNKNOWN):
                    self.revision, self.value = self.revision + 1, one.value
                self.does(LeaseWritten(outcome, self.revision))

    def the_api_answers(self) -> None:
        asked = [one for one in self.waiting if not isinstance(one, effects.ReadLease | effects.WriteLease)]
        self.waiting = [one for one in self.waiting if one not in asked]
        for one in asked:
            match one:
                case effects.WriteStatus():
                    self.does(self.acknowledged(one))
                case effects.WriteLabels():
                    self.does(self.labelled(one))
                case effects.ReadResource():
                    self.does(ResourceSeen(self.resource, read_at_s=self.now_s))
                case effects.ReadPod(ref):
                    self.does(PodRead(ref, self.pods.get(ref.uid)))
                case effects.ListPods():
                    self.does(PodsListed(tuple(pod.ref for pod in self.pods.values())))

    def settles(self) -> None:
        for _ in range(3):
            self.nats_answers(WriteOutcome.APPLIED)
            self.the_api_answers()
            self.does(after_s=0.6)
        self.the_api_answers()

    def _here(self) -> Entry:
        return Entry(self.revision, self.value, WALL_S + self.now_s)


_OPERATOR_CAMPAIGNS, _PODS_CAMPAIGN = SPEC, replace(SPEC, pods_campaign=True)

_VALUES = st.sampled_from([None, b"junk", b"[1]"]) | st.builds(
    lambda *fields: render(a_record(fields[0], fields[1], namespace_uid=fields[2], writer=fields[3])),
    st.sampled_from([A, B, "stranger", ""]),
    st.sampled_from([6, 7, 8, 10**7]),
    st.sampled_from([None, NAMESPACE_UID, "of-another-cluster"]),
    st.sampled_from([None, "operator/two"]),
)
_HAPPENINGS = st.lists(
    st.tuples(st.just("record"), _VALUES)
    | st.tuples(st.just("nats"), st.sampled_from(WriteOutcome))
    | st.tuples(st.just("rest"), st.floats(0.0, 20.0))
    | st.tuples(st.just("pod"), st.fixed_dictionaries({"ready": st.booleans(), "terminating": st.booleans()}))
    | st.tuples(st.sampled_from(["api", "reconnect", "wake", "settle"]), st.none()),
    min_size=10,
)


@pytest.mark.parametrize("spec", [_OPERATOR_CAMPAIGNS, _PODS_CAMPAIGN], ids=["operator", "pods"])
@given(_HAPPENINGS)
def test_whoever_decides_all_anew_does_nothing_else(spec: Spec, happenings: list[tuple[str, object]]) -> None:
    world = _World(spec)
    world.starts()
    for what, detail in happenings:
        match what, detail:
            case "record", bytes() | None:
                world.becomes(detail)
            case "nats", WriteOutcome():
                world.nats_answers(detail)
            case "rest", float():
                world.does(after_s=detail)
            case "pod", dict():
                world.does(PodSeen(world.changed(A, **detail)))
            case "api", _:
                world.the_api_answers()
            case "reconnect", _:
                world.reconnects()
            case "wake", _ if world.wakes_after_s < 100.0:
                world.does(after_s=max(world.wakes_after_s, 0.0))
            case "settle", _:
                world.settles()


def _settled(spec: Spec, value: bytes) -> _World:
    """An election without a leader of its own that has said what it sees of this record."""
    world = _World(spec)
    world.value = value
    world.starts()
    world.settles()
    assert world.waiting == []
    return world


def test_another_reason_not_to_believe_the_record_is_said() -> None:
    world = _settled(_OPERATOR_CAMPAIGNS, b"junk")
    assert "it is not JSON." in _message(world, "LeaseHeld")

    world.becomes(b"[1]")
    world.does(after_s=0.6)
    only(effects.WriteStatus, world.waiting)
    world.the_api_answers()
    assert "it is not a JSON object." in _message(world, "LeaseHeld")


def test_a_record_that_turns_out_to_be_another_clusters_is_said() -> None:
    """The same holder has the same term; only the namespace that the record names is another."""
    world = _settled(_PODS_CAMPAIGN, render(a_record("stranger", 8, namespace_uid=None, writer=None)))
    assert _message(world, "Accepted") == "The spec is acted on."

    world.becomes(render(a_record("stranger", 8, namespace_uid="of-another-cluster", writer=None)))
    world.does(after_s=0.6)
    only(effects.WriteStatus, world.waiting)
    world.the_api_answers()
    assert "another cluster's" in _message(world, "Accepted")


def _message(world: _World, kind: str) -> str:
    condition = world.resource.status.condition(kind)
    assert condition is not None
    return condition.message
