"""What users do to an election while everything else goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulator.cluster import ELECTION, SELECTED, Cluster
from simulator.profile import Profile
from simulator.world import World
from tenure.election.labels import term_key
from tenure.election.timing import Timing
from tenure.kubernetes.pods import ORDINAL_LABEL

Undo = Callable[[], None]

_REMEMBERED = 8
"""Of so many switchovers one may be asked for again; the status remembers the ids of more."""

_NO_RULES = dict.fromkeys(("eligibility", "preference", "failoverDelaySeconds", "handOver"))
_RULES: tuple[dict[str, Any], ...] = (
    {"eligibility": {"requireReady": False}},
    {"eligibility": {"minReadySeconds": 5}},
    {"failoverDelaySeconds": 10},
    {"handOver": "AfterTermination"},
    {"preference": {"order": "OldestReady"}},
    {
        "preference": {
            "priorities": [{"selector": {"matchLabels": {ORDINAL_LABEL: "1"}}, "priority": 9}],
            "preempt": {"afterSeconds": 2},
        },
    },
)


class UserFaults:
    """The election is deleted and created again, its spec is edited, and somebody writes a term that nobody gave.

    `forged` takes the UIDs of the pods whose term label that is.
    """

    def __init__(
        self,
        world: World,
        profile: Profile,
        cluster: Cluster,
        for_a_while: Callable[[Undo], None],
        forged: set[str],
    ) -> None:
        self._world = world
        self._timing = profile.timing
        self._cluster = cluster
        self._for_a_while = for_a_while
        self._forged = forged
        self._asked = 0
        self._wishes: list[dict[str, str]] = []

    def end(self) -> None:
        """Let the election exist and be as it was at first."""
        if self._cluster.resource is None:
            self._cluster.create_election()
        self._cluster.change_spec(suspend=False, selector={"matchLabels": dict(SELECTED)}, **_NO_RULES)
        self._cluster.set_timing(self._timing)

    def recreate_election(self) -> None:
        """Delete the election, and create it again after a while."""
        if self._cluster.resource is not None:
            self._cluster.delete_election()
            self._wishes.clear()  # With the status goes what it remembers.
            self._for_a_while(lambda: None if self._cluster.resource else self._cluster.create_election())

    def change_selector(self) -> None:
        """Select no pod for a while."""
        self._cluster.change_spec(selector={"matchLabels": {"app": "another"}})
        self._for_a_while(lambda: self._cluster.change_spec(selector={"matchLabels": dict(SELECTED)}))

    def change_timing(self) -> None:
        """Make the lease up to three times as long, or as short."""
        duration_s = round(self._timing.duration_s * 3 ** self._world.random.uniform(-1.0, 1.0))
        self._cluster.set_timing(Timing.derive(min(max(duration_s, 3), 3600)))

    def suspend(self) -> None:
        self._cluster.change_spec(suspend=True)
        self._for_a_while(lambda: self._cluster.change_spec(suspend=False))

    def switch_over(self) -> None:
        """Ask for another leader; at times change one's mind within a moment, and again."""
        self._ask_for_another()
        while self._world.chance(0.4):
            moment_s = self._world.random.choice([0.003, 0.03, 0.3]) * self._world.random.expovariate(1.0)
            self._world.after(moment_s, self._ask_for_another)

    def _ask_for_another(self) -> None:
        """Ask for whichever or by name; at times for one that was asked for before, and at times for none any more."""
        if self._world.chance(0.1):
            self._cluster.change_spec(switchover=None)
            return
        if self._wishes and self._world.chance(0.3):
            self._cluster.change_spec(switchover=self._world.random.choice(self._wishes))
            return
        self._asked += 1
        wish = {"id": f"wish-{self._asked}"}
        if self._cluster.pods and self._world.chance(0.7):
            wish["toPodName"] = self._world.random.choice(sorted(self._cluster.pods))
        self._wishes = [*self._wishes, wish][-_REMEMBERED:]
        self._cluster.change_spec(switchover=wish)

    def change_rules(self) -> None:
        """Ask for something else of those who may lead, for a while."""
        self._cluster.change_spec(**self._world.random.choice(_RULES))
        self._for_a_while(lambda: self._cluster.change_spec(**_NO_RULES))

    def forge_term(self) -> None:
        """Give a pod a term label that is no term of this election."""
        pods = self._cluster.pods
        resource = self._cluster.resource
        if pods and resource is not None and resource.status.term:
            pod = pods[self._world.random.choice(sorted(pods))]
            forged = self._world.random.choice([str(resource.status.term + 50), "x", "007"])
            self._forged.add(pod.uid)
            self._cluster.set_labels(pod, {term_key(ELECTION): forged})
