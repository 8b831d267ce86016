"""What is claimed about the answers that the clients got, and how it is judged.

1. Who answers has carried the leader label before.
2. A client that was answered by one leader is never again answered by an earlier one, in a call that it began later.
3. A former leader answers for at most FOLLOW_S after its label was taken off: within this time each node's proxy must
   have followed. Clients on a node that is cut off are excused from this one, as nothing can reach that node's proxy,
   until it has caught up, for which the test waits a minute at most.

Calls that went a remembered way (see `calls.remembered`) are counted, and excused from 2 and 3.

The second claim needs no clock. The others compare the clients' clocks with that of this machine, which the test has
found to agree within CLOCKS_AGREE_S.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from e2e.calls import Call, Reign, remembered

FOLLOW_S = 5.0
CLOCKS_AGREE_S = 0.25


@dataclass(frozen=True)
class Excuse:
    """A client, and from when until when (Unix seconds) its node was cut off, or had not caught up yet."""

    client: str
    from_s: float
    to_s: float


@dataclass
class Verdict:
    """A sentence for each answer that should not have been, and how many were excused because of a remembered way."""

    complaints: list[str] = field(default_factory=list)
    remembered: int = 0


def judge_calls(calls: Iterable[Call], reigns: Sequence[Reign], excuses: Sequence[Excuse] = ()) -> Verdict:
    """Judge all calls. `reigns` are in their order."""
    calls, verdict = sorted(calls), Verdict()
    ways_of_old = remembered(calls)
    by_client: dict[str, list[Call]] = {}
    for call in calls:
        if call.uid is not None:
            by_client.setdefault(call.client, []).append(call)
    for answers in by_client.values():
        for answer, complaint in _doubts(answers, reigns, excuses):
            if answer in ways_of_old:
                verdict.remembered += 1
            else:
                verdict.complaints.append(
                    f"At {answer.at_s:.3f} the client on {answer.client} was answered {complaint}"
                )
    return verdict


def _doubts(answers: Sequence[Call], reigns: Sequence[Reign], excuses: Sequence[Excuse]) -> Iterator[tuple[Call, str]]:
    """Go through the answers to one client, in the order in which its calls began."""
    latest, under_way = 0, list[tuple[float, int]]()
    for answer in answers:
        # Calls overlap: before this one was what had been answered when it began.
        while under_way and under_way[0][0] <= answer.at_s:
            latest = max(latest, heapq.heappop(under_way)[1])
        begun = [
            index
            for index, reign in enumerate(reigns)
            if reign.uid == answer.uid and reign.from_s <= answer.ended_s + CLOCKS_AGREE_S
        ]
        index = next((index for index in begun if index >= latest), None)
        if not begun:
            yield answer, f"by a pod that had not been the leader ({answer.uid})"
        elif index is None:
            former, present = reigns[begun[-1]], reigns[latest]
            yield answer, f"by {former.pod} (term {former.term}) after {present.pod} (term {present.term}) had answered"
        else:
            heapq.heappush(under_way, (answer.ended_s, index))
            late_s = answer.at_s - reigns[begun[-1]].to_s
            if late_s > FOLLOW_S and not any(_excuses(excuse, answer) for excuse in excuses):
                yield answer, f"by {reigns[begun[-1]].pod} {late_s:.1f} s after its leader label was taken off"


def _excuses(excuse: Excuse, answer: Call) -> bool:
    return excuse.client == answer.client and excuse.from_s <= answer.at_s <= excuse.to_s
