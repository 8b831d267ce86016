"""What a spec asks of its candidates: who may be chosen, and who goes before whom."""

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


@dataclass(frozen=True, slots=True)
class Priority:
    """The priority (0 … 1000) of the pods that a selector selects."""

    selector: Selector
    value: int


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one election; without any, every Ready pod may lead, and they are equals.

    A candidate that was not Ready for `min_ready_s` (0 … 3600) may not be chosen yet. Pods that `exclude` selects never
    lead. Of `priorities` the first counts that selects a pod.
    """

    require_ready: bool = True
    min_ready_s: int = 0
    exclude: Selector | None = None
    priorities: tuple[Priority, ...] = ()
    order: Order = Order.LOWEST_ORDINAL

    def excludes(self, pod: Pod) -> bool:
        """Whether a pod is never to lead, whatever its state."""
        return self.exclude is not None and self.exclude.matches(pod.labels or {})

    def priority_of(self, pod: Pod) -> int:
        """The priority of a pod."""
        labels = pod.labels or {}
        matching = (priority.value for priority in self.priorities if priority.selector.matches(labels))
        return next(matching, DEFAULT_PRIORITY)

    def rank_of(self, pod: Pod) -> tuple[float | str, ...]:
        """Return what candidates are sorted by, the first in line first."""
        ordinal = pod.ordinal or 0
        order = (ordinal, pod.ready_since_s) if self.order is Order.LOWEST_ORDINAL else (pod.ready_since_s, ordinal)
        return (-self.priority_of(pod), not pod.ready, *order, pod.name)


DEFAULT_RULES = Rules()
