"""What is explored: small worlds, each with what may happen in it, and where its search begins and ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from explorer.calm import calm_run
from explorer.dynamics import Dynamics
from explorer.search import Search
from explorer.world import Budget, World
from tenure.election import effects
from tenure.election.labels import PodRole


class Begin(Enum):
    """From which world of the calm run a search begins."""

    COLD = "when all has just been created"
    CLAIM = "when a record with a holder is first on its way"
    CROWN = "when a leader label is first on its way"
    REST = "at rest"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A small world.

    `left` is what may happen besides what must. The search begins somewhere in the calm run after the last event of
    `script`. `states` is how many worlds are visited at most, and how many moves deep; `terms` how many are claimed.
    """

    name: str
    begin: Begin
    left: Budget
    processes: int = 2
    pods: str = "ab"
    script: tuple[str, ...] = ()
    terms: int = 3
    states: int = 80_000
    depth: int = 100

    def search(self) -> Search:
        """Return the search of this world, which has not begun."""
        dynamics = Dynamics(terms=self.terms)
        worlds = calm_run(dynamics, dynamics.begin(processes=self.processes, pods=self.pods), self.script)
        chosen = next(world for world in worlds if _MOMENTS[self.begin](dynamics, world))
        return Search(dynamics, chosen._replace(left=self.left))


def _claims(request: effects.Effect) -> bool:
    return isinstance(request, effects.WriteLease) and request.record is not None and request.record.holder != ""


def _crowns(request: effects.Effect) -> bool:
    return isinstance(request, effects.WriteLabels) and request.role is PodRole.LEADER


def _asks(dynamics: Dynamics, world: World, is_meant: Callable[[effects.Effect], bool]) -> bool:
    return any(is_meant(dynamics.requests[call.request]) for seat in world.seats for call in seat.calls)


_MOMENTS: dict[Begin, Callable[[Dynamics, World], bool]] = {
    Begin.COLD: lambda *_: True,
    Begin.CLAIM: lambda dynamics, world: _asks(dynamics, world, _claims),
    Begin.CROWN: lambda dynamics, world: _asks(dynamics, world, _crowns),
    Begin.REST: lambda dynamics, world: dynamics.is_ready(world) and not any(any(seat[1:]) for seat in world.seats),
}


SMALL = (
    Scenario("first election", Begin.COLD, Budget(), processes=1),
    Scenario("hand-over", Begin.REST, Budget(drain=1), processes=1),
    Scenario("crown on its way", Begin.CROWN, Budget(drain=1), processes=1),
    Scenario("claim on its way, bucket lost", Begin.CLAIM, Budget(loss=1, drain=1), processes=1, states=24_000),
    Scenario("no answer", Begin.CROWN, Budget(unanswered=1, vanish=1), processes=1),
    # These begin amid a hand-over: its second crown would be out of their reach otherwise.
    Scenario("killed", Begin.CLAIM, Budget(restart=1), processes=1, script=("drain a",), states=5_000),
    Scenario("halted", Begin.CLAIM, Budget(halt=1), processes=1, script=("drain a",), states=5_000),
    Scenario("two: write served twice", Begin.CLAIM, Budget(twice=1), script=("drain a",), states=5_000),
    Scenario("two: crown on its way", Begin.CROWN, Budget(drain=1), states=10_000),
)
"""Those of every `make test`; a deliberate fault in the core is found in one of them."""

SCENARIOS = (
    # One process: its own requests and answers, late and in any order, are trouble enough.
    Scenario("first election", Begin.COLD, Budget(), processes=1, states=20_000),
    Scenario("hand-over", Begin.COLD, Budget(drain=1), processes=1, states=20_000),
    Scenario("no answer", Begin.CROWN, Budget(unanswered=1, drain=1), processes=1, states=20_000),
    Scenario("killed", Begin.CROWN, Budget(restart=1, drain=1), processes=1, states=20_000),
    Scenario("halted", Begin.CROWN, Budget(halt=1, drain=1), processes=1, states=20_000),
    Scenario("lease runs out", Begin.REST, Budget(wait=3, unanswered=1), processes=1, states=20_000),
    Scenario("bucket lost", Begin.CLAIM, Budget(loss=1, drain=1), processes=1, states=20_000),
    Scenario("three terms", Begin.CROWN, Budget(drain=2, create=1), processes=1, states=20_000),
    # Two, of which each takes itself for the only one.
    Scenario("two: first election", Begin.COLD, Budget()),
    Scenario("two: hand-over", Begin.REST, Budget(drain=1)),
    Scenario("two: crown on its way", Begin.CROWN, Budget(drain=1)),
    Scenario("two: three pods", Begin.CROWN, Budget(drain=1, vanish=1), pods="abc"),
    # These begin amid a hand-over, as the small ones do.
    Scenario("two: no answer", Begin.CLAIM, Budget(unanswered=1), script=("drain a",)),
    Scenario("two: write served twice", Begin.CLAIM, Budget(twice=1), script=("drain a",)),
    Scenario("two: killed", Begin.CLAIM, Budget(restart=1), script=("drain a",)),
    Scenario("two: halted", Begin.CLAIM, Budget(halt=1), script=("drain a",)),
    Scenario("two: lease runs out", Begin.REST, Budget(wait=3)),
    Scenario("two: not Ready", Begin.REST, Budget(flip=2)),
    Scenario("two: bucket lost", Begin.CLAIM, Budget(loss=1, drain=1)),
    Scenario("two: cut off", Begin.REST, Budget(cut=1, drain=1)),
    Scenario("two: event missed", Begin.REST, Budget(hide=1, drain=1)),
    Scenario("two: third term", Begin.CROWN, Budget(drain=1), pods="abc", script=("drain a",)),
)
"""All of them, of `make explore`."""

MIN_STATES = 1_000_000
"""So many are visited at least when all worlds are explored in full: fewer are a defect of the explorer."""
