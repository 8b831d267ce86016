"""What is to be broken when: rounds of faults, drawn from a seed. The same seed gives the same rounds, for ever."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

NATS_SERVERS = ("nats-1", "nats-2", "nats-3")
OPERATORS = ("operator-1", "operator-2")
API_SERVER = "kube-apiserver"
ELECTIONS = tuple(f"e{number:02}" for number in range(1, 21))
LEADER = "leader"


class Kind(StrEnum):
    """What is done to something. All but the last two leave the pods alone."""

    NATS_KILL = "NATS server killed"
    NATS_STOP = "NATS server ended (TERM)"
    NATS_PAUSE = "NATS server paused"
    NATS_OUTAGE = "all NATS servers killed"
    OPERATOR_KILL = "operator killed"
    OPERATOR_RESTART = "operator ended (TERM)"
    OPERATOR_PAUSE = "operator paused"
    API_RESTART = "API server killed"
    NATS_CUT = "operator cut off from NATS"
    NATS_BLOCK = "operator's packets to NATS held back"
    NATS_SLOW = "operator's packets to NATS slow"
    API_CUT = "operator cut off from the API"
    API_BLOCK = "operator's packets to the API held back"
    API_SLOW = "operator's packets to the API slow"
    POD_DELETE = "pod deleted"
    POD_UNREADY = "pod not Ready"

    @property
    def is_of_pods(self) -> bool:
        """Whether a change of leader is to follow from it."""
        return self in (Kind.POD_DELETE, Kind.POD_UNREADY)


_INFRASTRUCTURE = tuple(kind for kind in Kind if not kind.is_of_pods)


class Crew(StrEnum):
    """How the two operators run."""

    REPLICAS = "one operator acts, the other stands by"
    ALL_ACT = "both operators act"


class RoundKind(StrEnum):
    """What a round is for."""

    CALM = "calm"
    """Short faults, one at a time, none of pods: no leader may change."""

    SINGLE = "single"
    """One fault at a time, while leaders' pods are lost: how long is there no leader?"""

    STORM = "storm"
    """Everything at once."""


def pods_of(election: str) -> int:
    """Return how many pods an election has: 2 or 3."""
    return 2 + ELECTIONS.index(election) % 2


@dataclass(frozen=True, slots=True)
class Fault:
    """What is broken, `at_s` seconds after the beginning of its round, and mended `lasts_s` seconds later.

    `targets` are the servers, the operator, or an election and which of its pods: an ordinal, or who leads by then.
    `delay_s` is for slow packets.
    """

    at_s: float
    kind: Kind
    targets: tuple[str, ...]
    lasts_s: float
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Round:
    """Faults, in the order of their beginnings. After the last has ended there is a rest."""

    number: int
    kind: RoundKind
    crew: Crew
    faults: tuple[Fault, ...]


def plan(seed: int) -> Iterator[Round]:
    """Yield rounds without end: calm, single and storm with one crew, the same with the other, and again."""
    planner = _Planner(random.Random(seed))
    kinds = {RoundKind.CALM: planner.calm, RoundKind.SINGLE: planner.single, RoundKind.STORM: planner.storm}
    for number, (crew, kind) in enumerate(itertools.cycle(itertools.product(Crew, kinds)), start=1):
        yield Round(number, kind, crew, tuple(sorted(kinds[kind](), key=lambda fault: fault.at_s)))


class _Planner:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._decks: dict[RoundKind, list[Kind]] = {kind: [] for kind in RoundKind}

    def calm(self) -> Iterator[Fault]:
        """One after the other, each well within a lease."""
        at_s = 0.0
        for _ in range(7):
            lasts_s = self._chance.uniform(0.2, 3.0)
            yield self._infrastructure(RoundKind.CALM, at_s, lasts_s)
            at_s += lasts_s + self._chance.uniform(2.0, 5.0)

    def single(self) -> Iterator[Fault]:
        """One after the other, with some leaders lost during each and before the first."""
        yield from self._lost_leaders(0.0)
        at_s = 6.0
        for _ in range(5):
            lasts_s = self._chance.uniform(2.0, 12.0)
            yield self._infrastructure(RoundKind.SINGLE, at_s, lasts_s)
            yield from self._lost_leaders(at_s + self._chance.uniform(0.0, 1.0))
            at_s += lasts_s + 8.0

    def storm(self) -> Iterator[Fault]:
        """As they come, but nothing is broken twice at once."""
        free_from_s: dict[str, float] = {}
        at_s = 0.0
        while at_s < 60.0:
            if self._chance.random() < 0.5:
                lasts_s = self._chance.choice((0.5, 3.0, 10.0)) * self._chance.uniform(0.1, 2.0)
                fault = self._infrastructure(RoundKind.STORM, at_s, lasts_s)
                if all(free_from_s.get(target, 0.0) <= at_s for target in fault.targets):
                    free_from_s |= dict.fromkeys(fault.targets, at_s + lasts_s)
                    yield fault
                else:
                    self._decks[RoundKind.STORM].insert(0, fault.kind)
            else:
                yield self._pod(at_s)
            at_s += self._chance.expovariate(1.0)

    def _infrastructure(self, round_kind: RoundKind, at_s: float, lasts_s: float) -> Fault:
        """Draw a fault; every kind comes once before one comes again."""
        deck = self._decks[round_kind]
        if not deck:
            deck.extend(self._chance.sample(_INFRASTRUCTURE, k=len(_INFRASTRUCTURE)))
        kind = deck.pop()
        targets: tuple[str, ...] = (self._chance.choice(OPERATORS),)
        match kind:
            case Kind.NATS_OUTAGE:
                targets = NATS_SERVERS
            case Kind.NATS_KILL | Kind.NATS_STOP | Kind.NATS_PAUSE:
                targets = (self._chance.choice(NATS_SERVERS),)
            case Kind.API_RESTART:
                targets = (API_SERVER,)
        slow = kind in (Kind.NATS_SLOW, Kind.API_SLOW)
        return Fault(at_s, kind, targets, lasts_s, self._chance.choice((0.02, 0.1, 0.4)) if slow else 0.0)

    def _lost_leaders(self, at_s: float) -> Iterator[Fault]:
        for election in self._chance.sample(ELECTIONS, k=3):
            yield self._pod_fault(at_s + self._chance.uniform(0.0, 1.0), election, LEADER)

    def _pod(self, at_s: float) -> Fault:
        election = self._chance.choice(ELECTIONS)
        ordinals = [str(ordinal) for ordinal in range(pods_of(election))]
        return self._pod_fault(at_s, election, LEADER if self._chance.random() < 0.6 else self._chance.choice(ordinals))

    def _pod_fault(self, at_s: float, election: str, whom: str) -> Fault:
        if self._chance.random() < 0.7:
            return Fault(at_s, Kind.POD_DELETE, (election, whom), 0.0)
        return Fault(at_s, Kind.POD_UNREADY, (election, whom), self._chance.uniform(0.1, 8.0))
