"""When the labels of one pod may be written again."""

from __future__ import annotations

from tenure.election.alarm import Backoff
from tenure.election.inputs import LabelOutcome

MAX_RETRY_S = 5.0
"""How long a label write waits at most after one that had no answer."""

_FREE_REPAIRS = 3
"""Label writes of one pod in one term before the next ones wait longer and longer: somebody else keeps writing."""


class LabelBackoff(Backoff):
    """The back-off of one pod's label writes in one term: those that were applied count as well."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(0.25, 60.0)

    def count(self, now_s: float, outcome: LabelOutcome) -> None:
        """Let the next write wait, by how this one ended and how many there were."""
        match outcome:
            case LabelOutcome.REFUSED:
                self.failed(now_s)
            case LabelOutcome.UNAVAILABLE:
                self.failed(now_s, at_most_s=MAX_RETRY_S)
            case LabelOutcome.APPLIED if self.failures < _FREE_REPAIRS:
                self.failed(now_s, at_most_s=0.0)
            case LabelOutcome.APPLIED:
                self.failed(now_s)
            case LabelOutcome.CHANGED | LabelOutcome.GONE:
                pass
