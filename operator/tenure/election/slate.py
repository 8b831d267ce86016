"""The candidates of one decision: who may be chosen and why not, who is first in line, whether a leader may stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import StrEnum

from tenure.election.alarm import FOREVER_S
from tenure.election.pod import Pod, PodRef
from tenure.election.rules import DEFAULT_RULES, NEVER, HandOver, Rules


class Obstacle(StrEnum):
    """Why a candidate may not be chosen."""

    FINISHED = "Finished"
    TERMINATING = "Terminating"
    EXCLUDED = "Excluded"
    PRIORITY_ZERO = "PriorityZero"
    NOT_READY = "NotReady"
    NOT_READY_FOR_LONG = "NotReadyForLong"


@dataclass(frozen=True, slots=True)
class Slate:
    """The candidates, and the rules and the moment by which they are judged. Nothing is looked at before it is asked.

    `wall_s` is Unix time, which is compared with the times in the pods: only when somebody is chosen rests on it, and
    no guarantee does. `uncrownable` are UIDs of pods on which the API has refused the leader label again and again:
    these come last. `cordoned` are the names of nodes that pods are to leave: candidates on these come next to last,
    and a leader on one of them gives way to a candidate that is on none.
    """

    candidates: Collection[Pod]
    rules: Rules = DEFAULT_RULES
    wall_s: float = 0.0
    uncrownable: AbstractSet[str] = frozenset()
    cordoned: AbstractSet[str] = frozenset()

    def obstacle(self, pod: Pod) -> Obstacle | None:
        """Return why a pod may not be chosen; None when it is eligible."""
        if pod.finished:
            return Obstacle.FINISHED
        if pod.terminating:
            return Obstacle.TERMINATING
        if (barrier := self.barrier(pod)) is not None:
            return barrier
        if not pod.ready and self.rules.require_ready:
            return Obstacle.NOT_READY
        if self.wall_s < self._ripens_at_s(pod):
            return Obstacle.NOT_READY_FOR_LONG
        return None

    def barrier(self, pod: Pod) -> Obstacle | None:
        """Return the rule by which a pod never leads, whatever its state."""
        if self.rules.excludes(pod):
            return Obstacle.EXCLUDED
        return Obstacle.PRIORITY_ZERO if self.rules.priority_of(pod) == NEVER else None

    def is_eligible(self, pod: Pod) -> bool:
        """Whether a pod may be chosen."""
        return self.obstacle(pod) is None

    def obstacles(self) -> Counter[Obstacle | None]:
        """Count the candidates by what keeps them from being chosen; those under None are eligible."""
        return Counter(map(self.obstacle, self.candidates))

    def describe_obstacles(self) -> str:
        """Return in words what keeps those that are not eligible from being chosen, "" when all are."""
        counted = ((count, obstacle) for obstacle, count in self.obstacles().items() if obstacle is not None)
        return ", ".join(f"{count} {obstacle}" for count, obstacle in sorted(counted, key=lambda pair: pair[1]))

    def without(self, leader: PodRef | None) -> Slate:
        """Return the slate of all others."""
        return replace(self, candidates=[pod for pod in self.candidates if pod.ref != leader])

    def first_in_line(self) -> Pod | None:
        """Return who is to claim: of the eligible candidates the first.

        Those come last that cannot be crowned, and before them those whose node is cordoned.
        """
        eligible = (pod for pod in self.candidates if self.is_eligible(pod))
        return min(
            eligible,
            key=lambda pod: (pod.uid in self.uncrownable, pod.node in self.cordoned, self.rules.rank_of(pod)),
            default=None,
        )

    def may_stay(self, leader: Pod) -> bool:
        """Whether a leader stays: while it is in order and can be crowned, or is not ending and nobody else could do.

        For how long it has been Ready does not count. One that turned not Ready stays for the delay that is asked for;
        with a hand-over after termination, whoever leads stays until its pod has ended.
        """
        if leader.finished or self.rules.hand_over is HandOver.AFTER_TERMINATION:
            return not leader.finished
        if leader.terminating or self.barrier(leader) is not None:
            return False
        is_in_order = self.is_well(leader) and leader.uid not in self.uncrownable
        if is_in_order and leader.node not in self.cordoned:
            return True
        if self.fails_over_at_s(leader) is not None:
            return True
        return not any(
            other.uid != leader.uid
            and other.uid not in self.uncrownable
            and not (is_in_order and other.node in self.cordoned)
            and self.is_eligible(other)
            for other in self.candidates
        )

    def superior(self, leader: Pod, *, at_once: bool = False) -> Pod | None:
        """Return who is to take over from a leader that may stay, for a higher priority; None without preemption.

        It must be eligible, have been Ready for as long as is asked for, if not `at_once`, and be one that can be
        crowned, on a node that is not cordoned.
        """
        rules = self.rules
        if rules.preempt_after_s is None or rules.hand_over is HandOver.AFTER_TERMINATION:
            return None
        priority = rules.priority_of(leader)
        superiors = (
            pod
            for pod in self.candidates
            if rules.priority_of(pod) > priority
            and (at_once or self._preempts_at_s(pod) <= self.wall_s)
            and pod.uid not in self.uncrownable
            and pod.node not in self.cordoned
            and self.is_eligible(pod)
        )
        return min(superiors, key=rules.rank_of, default=None)

    def is_well(self, pod: Pod) -> bool:
        """Whether a pod is Ready, if it has to be."""
        return pod.ready or not self.rules.require_ready

    def changes_at_s(self) -> float:
        """The Unix time of the next change by the passing of time alone, infinite for never.

        Somebody becomes eligible, has been Ready for long enough to preempt the leader, or has been not Ready for as
        long as a leader may be.
        """
        rules = self.rules
        if not rules.rest_on_time:
            return FOREVER_S
        changes = [FOREVER_S]
        if rules.preempt_after_s is not None:
            changes += (at_s for at_s in map(self._preempts_at_s, self.candidates) if at_s > self.wall_s)
        if rules.min_ready_s:
            ripening = (pod for pod in self.candidates if self.obstacle(pod) is Obstacle.NOT_READY_FOR_LONG)
            changes += map(self._ripens_at_s, ripening)
        if rules.failover_delay_s:
            changes += (at_s for at_s in map(self.fails_over_at_s, self.candidates) if at_s is not None)
        return min(changes)

    def fails_over_at_s(self, leader: Pod) -> float | None:
        """The Unix time until which a leader that turned not Ready stays for that alone; None when there is none."""
        if not self.rules.failover_delay_s or self.is_well(leader) or leader.terminating or leader.finished:
            return None  # Without a delay, nothing rests on the clocks.
        if self.rules.hand_over is HandOver.AFTER_TERMINATION:
            return None
        at_s = leader.ready_since_s + self.rules.failover_delay_s
        return at_s if self.wall_s < at_s else None

    def _preempts_at_s(self, pod: Pod) -> float:
        """The Unix time from which a pod has been Ready for as long as it must have been to take over.

        Since when it is eligible is no matter: that stands nowhere, and a process that begins anew could not know it.
        """
        return pod.ready_since_s + self.rules.min_ready_s + (self.rules.preempt_after_s or 0)

    def _ripens_at_s(self, pod: Pod) -> float:
        """The Unix time from which a pod has been Ready for long enough, infinite while it is not Ready."""
        if not self.rules.min_ready_s:
            return 0.0
        return pod.ready_since_s + self.rules.min_ready_s if pod.ready else FOREVER_S
