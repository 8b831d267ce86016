"""The report: what was played where, what the clients saw, and what did not hold. As Markdown and as JSON."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from e2e.calls import Reign
from e2e.play import Outcome, Result
from e2e.stage import NATS_SERVERS, Stage
from e2e.verdict import FOLLOW_S

_HEAD = """\
# End to end

What clients saw while this was done to a cluster. There was one client on each node, which began a call every 50 ms,
each on a new connection, to a Service that selects the leader label. Written by `make e2e`.
"""

_TABLE = """\
| What was done | Leader | Label moved after | Without an answer for | Calls not answered | Former leader answered for |
| --- | --- | --- | --- | --- | --- |"""

_LEGEND = """
* *Label moved after*: from the command until another pod carried the leader label in the API.
* *Without an answer for*: the longest time from one answer to the next, for the luckiest and for the unluckiest client.
  A client on a node that was lost does not count.
* *Former leader answered for*: from the end of its leader label until the last call that still came to it.
"""

_CAMPAIGN = """\
## Pods that campaign for themselves

In a second election, `tenure campaign` in each of three pods runs a program while it leads, with a lease of 15 s. When
a node was lost, both leaders were on it. Seconds count from the loss.

| What was done | Label of the pod that the operator campaigns for moved | Label of the pod that campaigns moved | \
Its program ended | The next program began |
| --- | --- | --- | --- | --- |"""


def about(stage: Stage) -> dict[str, str]:
    """Return what was run where."""
    version = stage.read("version")["serverVersion"]["gitVersion"]
    return {
        "Day": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d"),
        "Cluster": f"Kubernetes {version}, {len(stage.nodes())} nodes",
        "Operator": f"two of `{stage.image}`",
        "NATS": f"{NATS_SERVERS} of `{stage.nats_image}` with TLS, the bucket on all of them",
    }


_REMEMBERED = """
%d calls went to a former leader all the same. Each came from a port from which an earlier call had got no answer. Linux
remembers for two minutes where it sent that one (`nf_conntrack_tcp_timeout_syn_sent`), and sends a new connection from
this port there as well, wherever the Service leads to by then. So it is with every Service. Who must not be served by a
former leader needs the term: a resource that refuses a lower one than it has seen."""


def as_json(result: Result, about: Mapping[str, str]) -> str:
    """Return all figures."""
    content = {
        "about": about,
        "scenes": [_figures(outcome) for outcome in result.outcomes],
        "leftOut": {scene.title: why for scene, why in result.left_out},
        "changes": result.changes,
        "calls": result.calls,
        "remembered": result.remembered,
        "complaints": result.complaints,
    }
    return json.dumps(content, indent=2) + "\n"


def as_markdown(result: Result, about: Mapping[str, str]) -> str:
    """Return the page."""
    lines = [
        _HEAD,
        *(f"* {key}: {value}" for key, value in about.items()),
        "",
        _TABLE,
        *map(_row, result.outcomes),
        _LEGEND,
        *_losses(result),
        "## Verdict\n",
        *_verdict(result),
    ]
    if result.remembered:
        lines.append(_REMEMBERED % result.remembered)
    if result.left_out:
        lines += ["", "Not played:", "", *(f"* {scene.title}: {why}." for scene, why in result.left_out)]
    return "\n".join(lines) + "\n"


def _figures(outcome: Outcome) -> dict[str, Any]:
    return {
        "title": outcome.scene.title,
        "from": outcome.from_s,
        "to": outcome.to_s,
        "leader": asdict(outcome.leader),
        "reigns": [_reign(reign) for reign in outcome.reigns],
        "seen": asdict(outcome.seen),
        "caught_up_s": outcome.caught_up_s,
        "campaign": [_reign(reign) for reign in outcome.campaign_reigns],
        "loss": asdict(outcome.loss) if outcome.loss else None,
    }


def _reign(reign: Reign) -> dict[str, Any]:
    lasts = reign.to_s == float("inf")  # which JSON does not have
    return {**asdict(reign), "to_s": None if lasts else reign.to_s}


def _row(outcome: Outcome) -> str:
    seen, former = outcome.seen, outcome.leader.pod
    cells = [outcome.scene.title, f"{former} stays", "", _range(*seen.gap_s), _failed(outcome), ""]
    if outcome.reigns:
        cells[1] = " → ".join([former, *(reign.pod for reign in outcome.reigns)])
        cells[2] = f"{outcome.reigns[0].from_s - outcome.from_s:.2f} s"
        cells[5] = f"{seen.late_s:.2f} s"
    return f"| {' | '.join(cells)} |"


def _losses(result: Result) -> Iterator[str]:
    """The pods that campaign, beside those that the operator campaigns for."""
    lost = [(outcome, outcome.loss) for outcome in result.outcomes if outcome.loss]
    if not lost:
        return
    yield _CAMPAIGN
    for outcome, loss in lost:
        moved_s = outcome.reigns[0].from_s - outcome.from_s
        ended = "at once" if loss.ended_s is None else f"after {loss.ended_s:.2f} s"
        seconds = f"after {moved_s:.2f} s | after {loss.moved_s:.2f} s | {ended} | after {loss.began_s:.2f} s"
        yield f"| {outcome.scene.title} | {seconds} |"
    yield ""


def _failed(outcome: Outcome) -> str:
    failed = sum(outcome.seen.failed.values())
    return f"{failed} of {outcome.seen.calls}" if failed else f"none of {outcome.seen.calls}"


def _range(low_s: float, high_s: float) -> str:
    low, high = f"{low_s:.2f}", f"{high_s:.2f}"
    return f"{low} s" if low == high else f"{low} to {high} s"


def _verdict(result: Result) -> Iterator[str]:
    if result.complaints:
        yield f"What is claimed did not hold, {len(result.complaints)} times:\n"
        yield from (f"* {complaint}." for complaint in result.complaints)
        return
    yield f"* In {result.changes} changes of pods, elections and endpoints: never two leaders, never two endpoints."
    yield f"* In {result.calls} calls: nobody answered that had not been the leader."
    if any(outcome.loss and outcome.loss.ended_s is not None for outcome in result.outcomes):
        yield "* The program of a leader that campaigns had ended before the next one began."
    yield "* No client was answered by a leader after one that came later."
    yield f"* No former leader was reached by a call that began more than {FOLLOW_S:g} s after its label was gone."
    for outcome in result.outcomes:
        if outcome.caught_up_s is not None:
            yield "  But for a client on the node that was cut off: it came to the leader on that node all the time,"
            yield f"  and until {outcome.caught_up_s:.1f} s after the node was back."
