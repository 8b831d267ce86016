"""What the clients saw: calls, and whose reign each answer belongs to. All of it pure."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from demo.verdict import in_order
from demo.world import Change, World


@dataclass(frozen=True, order=True)
class Call:
    """One call of one client, which is named after its node. Times are Unix seconds."""

    at_s: float
    took_s: float
    client: str
    port: int
    """The client's own port, which the kernel has chosen."""
    uid: str | None
    """The pod that answered, or None when nobody did."""
    error: str = ""

    @property
    def ended_s(self) -> float:
        """When the answer, or the error, was there."""
        return self.at_s + self.took_s


REMEMBERED_S = 150.0
"""A little longer than the 120 s for which Linux remembers a connection that got no answer."""


def remembered(calls: Iterable[Call]) -> set[Call]:
    """Return the calls from a port whose last call got no answer.

    A node translates a Service's address once for each connection. When that is never answered, a new one from the same
    port is taken for the same (see net.netfilter.nf_conntrack_tcp_timeout_syn_sent), and goes where the Service led to
    back then, whatever it leads to by now. A connection that was refused or reset is forgotten at once.
    """
    unanswered_at_s: dict[tuple[str, int], float] = {}
    found = set[Call]()
    for call in sorted(calls):
        if call.at_s - unanswered_at_s.pop((call.client, call.port), float("-inf")) < REMEMBERED_S:
            found.add(call)
        if call.uid is None and not call.error.startswith("Connection"):
            unanswered_at_s[call.client, call.port] = call.at_s
    return found


@dataclass(frozen=True)
class Reign:
    """From when until when a pod carried the leader label. Unix seconds, by the clock of whoever watched the API."""

    pod: str
    uid: str
    term: str
    from_s: float
    to_s: float = float("inf")


def reigns(changes: Iterable[Change], *, epoch_s: float) -> list[Reign]:
    """Return the reigns in the changes of a watch, in their order. `epoch_s` is Unix time less monotonic time.

    What a later change proves to have been true before, was true by then: the watches of several kinds arrive by
    connections of their own.
    """
    ordered = in_order(changes)
    known_at_s = list(itertools.accumulate((change.came_at_s for change in reversed(ordered)), min))[::-1]
    world, found, present = World(), list[Reign](), dict[str, Reign]()
    for change, at_s in zip(ordered, known_at_s, strict=True):
        world.apply(change)
        for uid in present.keys() - world.leaders.keys():
            found.append(_ended(present.pop(uid), at_s + epoch_s))
        for uid in world.leaders.keys() - present.keys():
            pod = world.leaders[uid]
            present[uid] = Reign(pod.name, uid, pod.term or "", at_s + epoch_s)
    return sorted([*found, *present.values()], key=lambda reign: reign.from_s)


def _ended(reign: Reign, at_s: float) -> Reign:
    return Reign(reign.pod, reign.uid, reign.term, reign.from_s, at_s)


@dataclass(frozen=True)
class Seen:
    """What the clients saw between two moments. Calls that went a remembered way do not count.

    `gap_s` is the longest time from one answer to the next, for the luckiest and for the unluckiest client. `failed`
    counts calls without an answer. `late_s` is how long after its label had gone a former leader still answered.
    """

    clients: int
    calls: int
    failed: dict[str, int]
    gap_s: tuple[float, float]
    late_s: float


def look(calls: Sequence[Call], reigns: Sequence[Reign], *, from_s: float, to_s: float) -> Seen:
    """Sum up the calls that began between two moments."""
    by_client: dict[str, list[Call]] = {}
    ways_of_old = remembered(calls)
    for call in sorted(calls):
        if from_s <= call.at_s < to_s and call not in ways_of_old:
            by_client.setdefault(call.client, []).append(call)
    counted = list(itertools.chain(*by_client.values()))
    gaps = [_longest_gap(mine, from_s, to_s) for mine in by_client.values()] or [to_s - from_s]
    return Seen(
        clients=len(by_client),
        calls=len(counted),
        failed=dict(Counter(call.error for call in counted if call.uid is None)),
        gap_s=(min(gaps), max(gaps)),
        late_s=max((_late(call, reigns) for call in counted), default=0.0),
    )


def last_answer_s(calls: Iterable[Call], client: str, uid: str) -> float:
    """Return when the last call began that a client made to this pod, but for remembered ways; 0 without any."""
    calls = list(calls)
    mine = (call.at_s for call in set(calls) - remembered(calls) if (call.client, call.uid) == (client, uid))
    return max(mine, default=0.0)


def _longest_gap(calls: Sequence[Call], from_s: float, to_s: float) -> float:
    answers = sorted(call.ended_s for call in calls if call.uid is not None)
    return max((after - before for before, after in itertools.pairwise([from_s, *answers])), default=to_s - from_s)


def _late(call: Call, reigns: Sequence[Reign]) -> float:
    """For how long the pod that answered had not been the leader any more when the call began."""
    ends = [reign.to_s for reign in reigns if reign.uid == call.uid and reign.from_s <= call.ended_s]
    return max(0.0, call.at_s - max(ends)) if ends else 0.0
