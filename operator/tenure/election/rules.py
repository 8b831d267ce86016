"""What a spec asks of its candidates: who may be chosen, who goes before whom, and for how long a leader stays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tenure.election.pod import Pod
from tenure.election.selector import Selector

DEFAULT_PRIORITY = 1
"""The priority of a pod that no entry of the preference selects."""

NEVER = 0
"""The priority of a pod that is never to lead."""


class Order(StrEnum):
    """Who goes first among candidates of one priority."""

    LOWEST_ORDINAL = "LowestOrdinal"
    OLDEST_READY = "OldestReady"


class HandOver(StrEnum):
    """When the leadership of a pod that is deleted ends: when it is told to end, or when it has ended."""

    ON_TERMINATION = "OnTermination"
    AFTER_TERMINATION = "AfterTermination"


@dataclass(frozen=True, slots=True)
class Priority:
    """The priority (0 … 1000) of the pods that a selector selects."""

    selector: Selector
    value: int


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one election; without any, every Ready pod may lead, and they are equals.

    A candidate that was not Ready for `min_ready_s` (0 … 3600) may not be chosen yet. Pods that `exclude` selects never
    lead. Of `priorities` the first counts that selects a pod. A candidate of a higher priority than the leader's takes
    over `preempt_after_s` (0 … 3600) after it had been Ready for `min_ready_s`, None for never. A leader stays for
    `failover_delay_s` (0 … 3600) after it turned not Ready.
    """

    require_ready: bool = True
    min_ready_s: int = 0
    exclude: Selector | None = None
    priorities: tuple[Priority, ...] = ()
    order: Order = Order.LOWEST_ORDINAL
    preempt_after_s: int | None = None
    failover_delay_s: int = 0
    hand_over: HandOver = HandOver.ON_TERMINATION

    @property
    def rest_on_time(self) -> bool:
        """Whether the passing of time alone can change who may lead."""
        return bool(self.min_ready_s or self.failover_delay_s or self.preempt_after_s is not None)

    @property
    def selectors(self) -> tuple[Selector, ...]:
        """All that look at the labels of candidates."""
        excluding = () if self.exclude is None else (self.exclude,)
        return (*excluding, *(priority.selector for priority in self.priorities))

    def excludes(self, pod: Pod) -> bool:
        """Whether a pod is never to lead, whatever its state."""
        return self.exclude is not None and self.exclude.matches(pod.labels or {})

    def priority_of(self, pod: Pod) -> int:
        """The priority of a pod."""
        if not self.priorities:
            return DEFAULT_PRIORITY
        labels = pod.labels or {}
        matching = (priority.value for priority in self.priorities if priority.selector.matches(labels))
        return next(matching, DEFAULT_PRIORITY)

    def rank_of(self, pod: Pod) -> tuple[float | str, ...]:
        """Return what candidates are sorted by, the first in line first."""
        ordinal = pod.ordinal or 0
        order = (ordinal, pod.ready_since_s) if self.order is Order.LOWEST_ORDINAL else (pod.ready_since_s, ordinal)
        return (-self.priority_of(pod), not pod.ready, *order, pod.name)


DEFAULT_RULES = Rules()
