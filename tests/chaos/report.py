"""What a run amounts to: tables that can be read on a terminal as well as in Markdown, and the same as JSON."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from chaos.history import History, Injected
from chaos.judge import Violation
from chaos.leadership import Gap, ends_of_reigns, gaps
from chaos.plan import Crew, Kind

AFTERMATH_S = 5.0
"""A fault counts as at work for so long after it was mended: servers start, and elect a leader of their own."""

NO_FAULT = "nothing else"

_FAULTS = "Faults, and for how many seconds each thing was broken:"
_ENDS = "Leaders that ended, why (as the status tells), and how many of them were Ready and not on their way out:"
_GAPS = (
    "Seconds in which an election had no leader though a pod was Ready, by what else was broken "
    f"(or had been, {AFTERMATH_S:g} s before): by that alone, and by that among others."
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts; all columns but the first are numbers."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        columns = list(zip(self.heads, *self.rows, strict=True))
        widths = [max(map(len, column)) for column in columns]
        ruler = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        lines = [self.heads, ruler, *self.rows]
        return "\n".join(f"| {' | '.join(_aligned(line, widths))} |" for line in lines)

    def as_json(self) -> list[dict[str, str]]:
        """Return an object for each row."""
        return [dict(zip(self.heads, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Report:
    """One run. `facts` are what it was run with and what was seen, by name."""

    seed: int | None
    facts: dict[str, str]
    faults: Table
    ends: Table
    gaps: dict[str, Table]
    violations: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """The result in one sentence."""
        return f"{len(self.violations) or 'No'} violation{'' if len(self.violations) == 1 else 's'}."

    def __str__(self) -> str:
        facts = "\n".join(f"* {name}: {value}" for name, value in self.facts.items())
        violations = (f"Violation: {violation}" for violation in self.violations)
        gaps = (part for crew, table in self.gaps.items() for part in (f"While {crew}:", table))
        parts = [self.verdict, facts, _FAULTS, self.faults, _ENDS, self.ends, _GAPS, *gaps, *violations]
        return "\n\n".join(map(str, parts))

    def as_json(self) -> dict[str, Any]:
        """Return all of it as JSON."""
        return {
            "seed": self.seed,
            "verdict": self.verdict,
            "facts": self.facts,
            "faults": self.faults.as_json(),
            "endsOfLeaders": self.ends.as_json(),
            "timesWithoutLeader": {crew: table.as_json() for crew, table in self.gaps.items()},
            "violations": list(self.violations),
        }


def summarize(history: History, violations: Sequence[Violation], *, seed: int | None, facts: dict[str, str]) -> Report:
    """Sum up a run."""
    versions = Counter(change.collection for change in history.changes)
    rounds = Counter(str(phase.kind) for phase in history.phases)
    judged = {
        "Judged": f"{versions['pods']:,} versions of pods and {versions['elections']:,} of elections, "
        f"{len(history.records):,} records in NATS",
        "Fail-overs": f"{_terms_of_operators(history)} terms of the operators' own lease",
        "Rounds": ", ".join(f"{count} {kind}" for kind, count in rounds.items()),
    }
    return Report(
        seed=seed,
        facts={**facts, **judged},
        faults=_faults(history),
        ends=_ends(history),
        gaps={str(crew): _gaps(history, crew) for crew in Crew},
        violations=tuple(map(str, violations)),
    )


def _terms_of_operators(history: History) -> int:
    return max((record.term for record in history.records if record.election.startswith("_operator")), default=0)


def _faults(history: History) -> Table:
    rows = []
    for kind in Kind:
        lengths_s = [fault.ended_s - fault.began_s for fault in history.faults if fault.kind is kind]
        rows.append((str(kind), str(len(lengths_s)), *_extent(lengths_s)))
    rows.append(("all", str(len(history.faults)), "", ""))
    return Table(("Fault", "Times", "Median", "Longest"), tuple(rows))


def _ends(history: History) -> Table:
    ends = ends_of_reigns(history)
    times = Counter(end.reason or "not told" for end in ends)
    well = Counter(end.reason or "not told" for end in ends if not end.explained)
    rows = [(reason, str(count), str(well[reason])) for reason, count in times.most_common()]
    rows.append(("all", str(times.total()), str(well.total())))
    return Table(("Reason", "Times", "Was well"), tuple(rows))


def _gaps(history: History, crew: Crew) -> Table:
    until_s = max((phase.ended_s for phase in history.phases), default=0.0)
    names = [NO_FAULT, *(str(kind) for kind in Kind if not kind.is_of_pods)]
    alone: dict[str, list[float]] = {name: [] for name in names}
    among: dict[str, list[float]] = {name: [] for name in names}
    for gap in gaps(history):
        before = [phase for phase in history.phases if phase.began_s <= gap.began_s]
        if not before or before[-1].crew != crew:
            continue  # The other crew's; or that of the first leader, who takes over from nobody.
        broken = _broken(gap, history.faults, until_s) or {NO_FAULT}
        for name in broken:
            (alone if len(broken) == 1 else among)[name].append(gap.length_s(until_s))
    rows = [
        (name, str(len(alone[name])), *_extent(alone[name]), str(len(among[name])), *_extent(among[name]))
        for name in names
    ]
    return Table(("Broken", "Alone", "Median", "Longest", "Among others", "Median ", "Longest "), tuple(rows))


def _broken(gap: Gap, faults: Iterable[Injected], until_s: float) -> set[str]:
    ended_s = gap.began_s + gap.length_s(until_s)
    return {
        str(fault.kind)
        for fault in faults
        if not fault.kind.is_of_pods and fault.began_s <= ended_s and gap.began_s <= fault.ended_s + AFTERMATH_S
    }


def _extent(lengths_s: Sequence[float]) -> tuple[str, str]:
    """Return median and maximum."""
    return (f"{statistics.median(lengths_s):.2f}", f"{max(lengths_s):.2f}") if lengths_s else ("", "")


def _aligned(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
