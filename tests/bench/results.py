"""All that a run has measured, as JSON and as the tables of docs/performance.md."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.handover import DELETED, PEER_ENDS, PEER_KILLED, HandOvers


@dataclass
class Results:
    """What was measured of each part that was run, and on what."""

    hand_overs: HandOvers | None = None
    facts: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return everything, each single run as well."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        """The tables, in Markdown."""
        parts = [_hand_overs(self.hand_overs)] if self.hand_overs is not None else []
        parts.append("\n".join(f"* {name}: {fact}" for name, fact in self.facts.items()))
        return "\n\n".join(parts)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that so many percent of all do not exceed."""
    assert values
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def _hand_overs(measured: HandOvers) -> str:
    rows = [
        "| | Runs | To the label: p50 | p95 | p99 | To the EndpointSlice: p50 | p95 | p99 | Runs with two leaders |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for cause, series in measured.series.items():
        cells = [*_percentiles(series.label_s), *_percentiles(series.endpoint_s), str(series.two_leaders)]
        rows.append(f"| {cause} | {len(series.label_s)} | {' | '.join(cells)} |")
    cells = [*_percentiles(measured.floor_s), *("–",) * 4]
    rows.append(f"| floor | {len(measured.floor_s)} | {' | '.join(cells)} |")
    return "\n".join([*rows, "", *_ratios(measured)])


def _percentiles(values: Sequence[float]) -> Iterator[str]:
    for percent in (50, 95, 99):
        yield milliseconds(percentile(values, percent))


def _ratios(measured: HandOvers) -> Iterator[str]:
    floor_s = percentile(measured.floor_s, 50)
    ours_s = {percent: percentile(measured.series[DELETED].label_s, percent) for percent in (50, 99)}
    yield f"* The leader's pod deleted, to the label: p50 is {ours_s[50] / floor_s:.1f} × the floor's median, "
    yield f"  p99 {ours_s[99] / floor_s:.1f} ×."
    for cause, ours in ((PEER_ENDS, DELETED), (PEER_KILLED, "leader not Ready")):
        peer_s = percentile(measured.series[cause].label_s, 50)
        ratio = peer_s / percentile(measured.series[ours].label_s, 50)
        yield f"* {cause}: {ratio:.0f} × as long as ours ({ours}), in the median."


def milliseconds(seconds: float) -> str:
    """Return a time for people, with the unit that suits it."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
