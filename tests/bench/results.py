"""All that a run has measured, as JSON and as the tables of docs/performance.md."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.handover import DELETED, NOT_READY, PEER_ENDS, PEER_KILLED, SWITCHOVER, HandOvers
from bench.rest import NOBODY, OURS, PEER, Rest
from bench.scale import Loss, Size
from bench.usage import Usage


@dataclass
class Results:
    """What was measured of each part that was run, and on what."""

    hand_overs: HandOvers | None = None
    rest: Rest | None = None
    sizes: list[Size] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return everything, each single run as well."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        """The tables, in Markdown."""
        parts = [_hand_overs(self.hand_overs)] if self.hand_overs is not None else []
        parts += [_rest(self.rest)] if self.rest is not None else []
        parts += [_scale(self.sizes)] if self.sizes else []
        parts.append("\n".join(f"* {name}: {fact}" for name, fact in self.facts.items()))
        return "\n\n".join(parts)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that so many percent of all do not exceed."""
    assert values
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown: text in the first column, numbers in the others."""
    ruler = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ruler, *rows])


def _hand_overs(measured: HandOvers) -> str:
    head = [
        "", "Runs", "To the label: p50", "p95", "p99", "To the EndpointSlice: p50", "p95", "p99",
        "Runs with two leaders",
    ]  # fmt: skip
    rows = [
        [
            cause,
            str(len(series.label_s)),
            *_percentiles(series.label_s),
            *_percentiles(series.endpoint_s),
            str(series.two_leaders),
        ]
        for cause, series in measured.series.items()
    ]
    rows.append(["floor", str(len(measured.floor_s)), *_percentiles(measured.floor_s), *("–",) * 4])
    return "\n".join([table(head, rows), "", *_ratios(measured)])


def _percentiles(values: Sequence[float]) -> Iterator[str]:
    for percent in (50, 95, 99):
        yield milliseconds(percentile(values, percent))


def _ratios(measured: HandOvers) -> Iterator[str]:
    floor_s = percentile(measured.floor_s, 50)
    for cause in (DELETED, NOT_READY, SWITCHOVER):
        median, slowest = (percentile(measured.series[cause].label_s, percent) / floor_s for percent in (50, 99))
        yield f"* Tenure, {cause}, to the label: p50 {median:.1f} ×, p99 {slowest:.1f} × the floor's p50."
    for theirs, ours in ((PEER_ENDS, DELETED), (PEER_KILLED, NOT_READY)):
        ratio = percentile(measured.series[theirs].label_s, 50) / percentile(measured.series[ours].label_s, 50)
        yield f"* {theirs}: {ratio:.0f} × as long as Tenure, {ours} (p50, to the label)."


def _rest(rest: Rest) -> str:
    processes = list(dict.fromkeys(name for usage in rest.usage.values() for name in usage.cores))
    head = [f"{rest.elections} elections at rest, looked after by", *processes, "all", "requests a second"]
    rows = [
        [
            who,
            *(f"{usage.cores[name]:.1%}" if name in usage.cores else "–" for name in processes),
            f"{usage.all_cores:.1%}",
            f"{usage.all_requests:.1f}",
        ]
        for who, usage in rest.usage.items()
    ]
    background = rest.usage[NOBODY]
    lines = [table(head, rows), ""]
    for who in (OURS, PEER):
        usage = rest.usage[who]
        more = usage.all_cores - background.all_cores
        requests = max(0.0, usage.all_requests - background.all_requests)
        lines.append(
            f"* {who}, less what there is without elections: {more:.1%} of a core, "
            f"{requests:.1f} requests a second ({_requests(usage, background)})."
        )
    ours, peers = (rest.usage[who].all_cores - background.all_cores for who in (OURS, PEER))
    if ours > 0:  # Of few elections it is less than what the background varies by.
        lines.append(f"* client-go takes {peers / ours:.1f} × the processor time of Tenure, all processes together.")
    return "\n".join(lines)


def _requests(usage: Usage, background: Usage) -> str:
    """Name what is asked for at least once in ten seconds more often than in the background."""
    more = {what: rate - background.requests.get(what, 0.0) for what, rate in usage.requests.items()}
    named = [f"{what} {rate:.1f}" for what, rate in more.items() if rate >= 0.1]
    return ", ".join(named) or "none"


def _scale(sizes: Sequence[Size]) -> str:
    def row(what: str, value: Callable[[Size], float | None], form: str) -> list[str]:
        return [what, *(_figure(value(size), form) for size in sizes)]

    rows = [
        row(
            "from the operator's start until all are led, labelled and in status", lambda one: one.started_s, "{:.1f} s"
        ),
        *(
            [f"processor time meanwhile for each election: {process}", *(_start_cpu(size, process) for size in sizes)]
            for process in dict.fromkeys(name for size in sizes for name in size.start_cpu_s)
        ),
        row("requests meanwhile for each election", lambda one: _each(one, sum(one.start_requests.values())), "{:.1f}"),
        row("lists of pods meanwhile, each part of one", lambda one: one.start_requests.get("LIST pods"), "{:.0f}"),
        row("renewals meanwhile", lambda one: one.start_renewals, "{:.0f}"),
        row("resident memory of the operator", lambda one: one.resident_mb, "{:.0f} MB"),
        row("at rest: the operator, of a core", _at_rest, "{:.1%}"),
        row("all processes, of a core", lambda one: one.rest.all_cores if one.rest.cores else None, "{:.1%}"),
        row("for each election: the operator", lambda one: _each(one, _at_rest(one), 1e6), "{:.0f} µs/s"),
        row(
            "growth with the number of elections: the start",
            lambda one: _growth(sizes[0], one, lambda size: size.started_s),
            "{:.2f} ×",
        ),
        row("the operator at rest", lambda one: _growth(sizes[0], one, _at_rest), "{:.2f} ×"),
        row("renewals in the window", lambda one: sum(one.lateness.values()) or None, "{:.0f}"),
        ["99 % of them late by at most", *(late(size.lateness, 99) for size in sizes)],
        ["all of them", *(late(size.lateness, 100) for size in sizes)],
    ]
    parts = [table(["", *(f"{size.elections}" for size in sizes)], rows)]
    losses = [(size, loss) for size in sizes for loss in size.losses]
    parts += [table(_LOSS_HEAD, [_loss(size, loss) for size, loss in losses])] if losses else []
    parts += [
        f"* {size.elections} elections: the rest could not be measured. {size.failure}"
        for size in sizes
        if size.failure
    ]
    return "\n\n".join(parts)


def _figure(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def _at_rest(size: Size) -> float | None:
    return size.rest.cores.get("operator")


def _each(size: Size, value: float | None, factor: float = 1.0) -> float | None:
    return value / size.elections * factor if value else None


def _start_cpu(size: Size, process: str) -> str:
    """Return what an election's start cost a process, and its share of what all processes used."""
    if process not in size.start_cpu_s:
        return "–"
    used_s = size.start_cpu_s[process]
    return f"{used_s / size.elections * 1000:.1f} ms, {used_s / (sum(size.start_cpu_s.values()) or 1.0):.0%}"


def _growth(first: Size, size: Size, of: Callable[[Size], float | None]) -> float | None:
    """Return how much more it is for each election than at the first size: 1.0 is linear."""
    before, now = _each(first, of(first)), _each(size, of(size))
    return now / before if before and now else None


_LOSS_HEAD = (
    "Leaders lost at once", "Elections", "All deletions acknowledged after", "All replaced after",
    "Each, after its own deletion: p50", "p99", "Inputs in mailboxes", "Renewals late by at most",
)  # fmt: skip


def _loss(size: Size, loss: Loss) -> list[str]:
    return [
        str(loss.leaders),
        str(size.elections),
        milliseconds(loss.acknowledged_s),
        milliseconds(loss.replaced_s),
        milliseconds(percentile(loss.each_s, 50)),
        milliseconds(percentile(loss.each_s, 99)),
        f"{loss.mailbox_depth:.0f}",
        late(loss.lateness, 100),
    ]


def late(lateness: Mapping[str, float], percent: float) -> str:
    """Return the bound that so many percent of the renewals did not exceed."""
    remaining = sum(lateness.values()) * percent / 100
    for bound, count in lateness.items():
        remaining -= count
        if remaining <= 0:
            return "more" if bound == "+Inf" else milliseconds(float(bound))
    return "–"


def milliseconds(seconds: float) -> str:
    """Return a time for people, with the unit that suits it."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
