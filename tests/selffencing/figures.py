"""What was measured, and the table that it makes."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

HEAD = "| Leader | Lease | Fault | It knows | Its label is off | The next one has it |"


@dataclass
class Row:
    """One fault at one length of the lease, for many elections at once; all in seconds after it.

    None in the place of seconds is what cannot be: the cell has the sentence `instead`.
    """

    leader: str
    lease_s: int
    fault: str
    knows_s: Sequence[float] = field(default_factory=list)
    off_s: Sequence[float] = field(default_factory=list)
    next_s: Sequence[float] = field(default_factory=list)
    knows_instead: str = "–"
    moves_instead: str = "–"

    def __str__(self) -> str:
        cells = [
            self.leader,
            f"{self.lease_s} s",
            self.fault,
            _span(self.knows_s) or self.knows_instead,
            _span(self.off_s) or self.moves_instead,
            _span(self.next_s) or self.moves_instead,
        ]
        return f"| {' | '.join(cells)} |"


def _span(seconds: Sequence[float]) -> str:
    """Return the median, and from where to where the others are."""
    if not seconds:
        return ""
    return f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} – {max(seconds):.2f})"
