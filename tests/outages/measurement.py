"""What was measured, and the table of it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Measurement:
    """One outage, repeated.

    `replaced_after_s` has for each time how long an election had no leader whose leader's pod was deleted right after
    the outage began. `changed` counts all other leaders that changed, and should not have.
    """

    name: str
    replaced_after_s: list[float] = field(default_factory=list)
    changed: int = 0

    def __str__(self) -> str:
        times = self.replaced_after_s
        return (
            f"{self.name}: replaced after {statistics.median(times):.2f} s, {max(times):.2f} s at most; "
            f"{self.changed} others changed"
        )


def table(measurements: Sequence[Measurement]) -> str:
    """Return them in Markdown."""
    rows = [
        "| While | A lost leader was replaced after (median) | at most | Other leaders that changed |",
        "| --- | ---: | ---: | ---: |",
    ]
    for one in measurements:
        times = one.replaced_after_s
        rows.append(f"| {one.name} | {statistics.median(times):.2f} s | {max(times):.2f} s | {one.changed} |")
    return "\n".join(rows)
