"""The election whose pods campaign for themselves, and what became of its leader when a node was lost."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from demo.watching import Watches
from e2e.calls import Reign
from e2e.stage import CAMPAIGN, Stage
from environment import EnvironmentFailed

_HAND_OVER_TIMEOUT_S = 60.0
_ROUNDS = 20
"""How often the leadership is moved at most until it is on one node out of three: it takes two rounds on average."""


@dataclass(frozen=True)
class Loss:
    """What became of a leader on a node that was lost, in seconds after the fault.

    `ended_s` is the last that its program said while the node was away: None when the node's power was cut, which ends
    it at once. `began_s` is the first that the next leader's program said.
    """

    moved_s: float
    began_s: float
    ended_s: float | None


def move_to(stage: Stage, watches: Watches, node: str) -> None:
    """Delete one leader after another, until the one on this node leads."""
    for _ in range(_ROUNDS):
        world = watches.wait_until(lambda now: now.routes_to(now.election.leader_uid), "a leader", timeout_s=60)
        leader, uid = str(world.election.leader), world.election.leader_uid
        if stage.node_of(CAMPAIGN, leader) == node:
            return
        stage.kubectl("delete", "pod", leader, "-n", CAMPAIGN)
        watches.wait_until(
            lambda now, uid=uid: now.election.leader_uid not in (None, uid),  # type: ignore[misc]
            f"another pod than {leader} leads",
            timeout_s=_HAND_OVER_TIMEOUT_S,
        )
    raise EnvironmentFailed(f"The pod on {node} did not become leader in {_ROUNDS} elections.")


def said(stage: Stage, pod: str) -> list[float]:
    """The moments that the program in a pod has printed since its container was started, in Unix seconds."""
    return list(moments(stage.kubectl("logs", pod, "-n", CAMPAIGN).splitlines()))


def moments(lines: Iterable[str]) -> Iterator[float]:
    """Pick the lines that are moments out of a log."""
    for line in lines:
        with contextlib.suppress(ValueError):
            yield float(line)


def loss(
    reigns: Sequence[Reign], said: Callable[[str], Iterable[float]], *, from_s: float, over_s: float
) -> Loss | None:
    """Return what became of the leader that was there when the node was lost, for as long as it was; None if it stayed.

    `said` returns what the program in a pod has printed.
    """
    former = [reign for reign in reigns if reign.from_s < from_s]
    later = [reign for reign in reigns if reign.from_s >= from_s]
    if not former or not later:
        return None
    last_s = max((at_s for at_s in said(former[-1].pod) if from_s <= at_s < over_s), default=None)
    first_s = min(at_s for at_s in said(later[0].pod) if at_s >= from_s)
    return Loss(later[0].from_s - from_s, first_s - from_s, None if last_s is None else last_s - from_s)
