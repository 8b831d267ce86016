"""Views as tables, in kubectl's manner: no lines, capitals above the columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.table import Table
from rich.text import Text

from tenure.election.clock import rfc3339
from tenure.election.resource import Condition
from tenure.plugin.findings import Finding, Level
from tenure.plugin.views import Candidate, Detail, Reign, Summary

NOTHING = "-"

_COLOURS = {"True": "green", "yes": "green", "leader": "bold", "False": "red", "no": "red", "Unknown": "yellow"}

_LEVELS = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "bold red"}


def table(*heads: str) -> Table:
    """Return an empty table; only its last column may be wrapped."""
    made = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for head in heads[:-1]:
        made.add_column(head, no_wrap=True)
    made.add_column(heads[-1], overflow="fold")
    return made


def add_row(to: Table, *cells: object) -> None:
    """Add a row; words that say well or ill get their colour."""
    texts = [NOTHING if cell is None or cell == "" else str(cell) for cell in cells]
    to.add_row(*(Text(text, style=_COLOURS.get(text, "")) for text in texts))


def summaries(lines: Iterable[Summary], now_s: float, *, with_namespace: bool) -> Table:
    """The elections, one in a line."""
    heads = ("NAME", "LEADER", "TERM", "SINCE", "ELIGIBLE", "READY", "REASON")
    made = table(*(("NAMESPACE",) if with_namespace else ()), *heads)
    for line in lines:
        add_row(
            made,
            *((line.namespace,) if with_namespace else ()),
            line.name,
            line.leader,
            line.term,
            since(line.elected_at_s, now_s),
            f"{line.eligible_count}/{line.candidate_count}",
            line.ready,
            f"{line.reason}, suspended" if line.suspended else line.reason,
        )
    return made


def change(kind: str, line: Summary, now_s: float, *, with_head: bool) -> Table:
    """One line of a watch. The widths are set: the next lines are not known yet."""
    made = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    made.show_header = with_head
    for name, width in (("TIME", 20), ("ELECTION", 24), ("LEADER", 20), ("TERM", 5), ("ELIGIBLE", 8), ("READY", 7)):
        made.add_column(name, min_width=width, no_wrap=True)
    made.add_column("REASON", overflow="fold")
    ready, reason = ("-", "Deleted") if kind == "DELETED" else (line.ready, line.reason)
    election, eligible = f"{line.namespace}/{line.name}", f"{line.eligible_count}/{line.candidate_count}"
    add_row(made, moment(now_s), election, line.leader, line.term, eligible, ready, reason)
    return made


def head(what: Detail, now_s: float) -> Table:
    """What is to be known first of one election."""
    made = Table(box=None, pad_edge=False, show_edge=False, show_header=False, padding=(0, 3, 0, 0))
    made.add_column(no_wrap=True, style="bold")
    made.add_column(overflow="fold")
    for name, said in _head(what, now_s):
        made.add_row(Text(name), Text(said))
    return made


def _head(what: Detail, now_s: float) -> Iterator[tuple[str, str]]:
    one = what.summary
    yield "Election", f"{one.name} in {one.namespace}"
    if one.leader is None:
        yield "Leader", "nobody"
    else:
        yield "Leader", f"{one.leader}{f' on {what.node}' if what.node else ''}"
    yield "Term", str(one.term)
    if one.elected_at_s is not None:
        yield "Since", f"{moment(one.elected_at_s)} ({since(one.elected_at_s, now_s)})"
    if what.lease is not None:
        duration_s = what.lease.duration_s
        respected = f", respected for {duration_s:g} s" if duration_s is not None else ""
        yield "Lease", f"renewed {what.lease.renewed_s_ago:.1f} s ago{respected}"
    if what.failover_at_s is not None:
        yield "Gives way", f"{moment(what.failover_at_s)}, if it is not Ready again before"
    if what.campaign == "Pods":
        yield "Next", "whoever claims the lease first: the pods campaign for themselves"
    else:
        yield "Next", what.next or "nobody"
    if what.switchover is not None:
        yield "Switchover", f"{what.switchover.id}: {what.switchover.result}. {what.switchover.message}"
    yield "Ready", f"{one.ready} ({one.reason}): {one.message}"
    if one.suspended:
        yield "Suspended", "no other leader is made: kubectl tenure resume"


def candidates(pods: Iterable[Candidate]) -> Table:
    """The pods that stand for election."""
    made = table("POD", "NODE", "READY", "ROLE", "TERM", "PRIORITY", "ELIGIBLE", "REASON")
    for one in pods:
        eligible = "yes" if one.eligible else "no"
        add_row(made, one.pod, one.node, one.ready, one.role, one.term, one.priority, eligible, one.obstacle)
    return made


def conditions(all_of_them: Iterable[Condition], now_s: float) -> Table:
    """The conditions, with their sentences."""
    made = table("CONDITION", "STATUS", "REASON", "SINCE", "MESSAGE")
    for one in all_of_them:
        status = Text(one.status) if one.type == "Suspended" else one.status  # neither well nor ill
        add_row(made, one.type, status, one.reason, since(one.changed_at_s, now_s), one.message)
    return made


def reigns(all_of_them: Sequence[Reign], now_s: float) -> Table:
    """The terms that are remembered."""
    made = table("TERM", "LEADER", "FROM", "TO", "LASTED", "REASON")
    for one in all_of_them:
        until_s = now_s if one.ended_at_s is None else one.ended_at_s
        add_row(
            made,
            one.term,
            one.leader,
            moment(one.began_at_s),
            moment(one.ended_at_s) if one.ended_at_s is not None else "now",
            since(one.began_at_s, until_s),
            one.reason,
        )
    return made


def findings(all_of_them: Iterable[Finding]) -> Table:
    """What the doctor has found, with what to do below it."""
    made = table("", "WHAT", "HOW IT IS")
    for one in all_of_them:
        said = f"{one.said}\n→ {one.advice}" if one.advice else one.said
        made.add_row(Text(one.level.value, style=_LEVELS[one.level]), Text(one.subject), Text(said))
    return made


def moment(wall_s: float | None) -> str | None:
    """Return a Unix time to the second, in UTC."""
    return None if wall_s is None else f"{rfc3339(wall_s)[:19]}Z"


def since(then_s: float | None, now_s: float) -> str | None:
    """Return a span of time as kubectl writes it: in one unit, or in two where the first is small."""
    if then_s is None:
        return None
    seconds = max(int(now_s - then_s), 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    for below, text in (
        (minutes < 2, f"{seconds}s"),
        (minutes < 10, f"{minutes}m{seconds % 60}s"),
        (hours < 3, f"{minutes}m"),
        (hours < 8, f"{hours}h{minutes % 60}m"),
        (days < 2, f"{hours}h"),
        (days < 8, f"{days}d{hours % 24}h"),
    ):
        if below:
            return text
    return f"{days}d"
