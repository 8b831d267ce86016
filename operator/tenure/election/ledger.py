"""The ledger in the status: which labels may be written, decided by conditional writes of one object (G3, G4).

A leader label (T, P) is only written once the status has said (T, P). From then on P stays in `unfenced` until it has
been stamped with a higher term, and terms on pods never fall: so P can then neither carry nor receive that write,
however late it arrives.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tenure.election.pod import EVERYBODY, PodRef
from tenure.election.resource import MAX_HISTORY, PastTerm, Reign, Status

MAX_UNFENCED = 100
"""With so many pods that cannot be stamped, leadership does not change any more until some are."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A consistent list of pods that was begun after the status had said `term`."""

    term: int
    pods: tuple[PodRef, ...]


def advance(status: Status, reign: Reign, *, now_wall_s: float, why: str) -> Status:
    """Return the status that shows this reign, whose term must be above the present one."""
    assert reign.term > status.term, f"term {reign.term} is not above {status.term}"
    history = status.history
    unfenced = status.unfenced
    if status.leader is not None:
        previous = status.leader
        past = PastTerm(
            term=status.term,
            identity=previous.identity,
            pod_name=previous.pod.name if previous.pod else None,
            acquired_at_s=status.acquired_at_s,
            ended_at_s=now_wall_s,
            reason=why,
        )
        history = (past, *history)[:MAX_HISTORY]
        if previous.pod is not None and previous.pod not in unfenced:
            unfenced = (*unfenced, previous.pod)
    if reign.leader is not None:
        unfenced = tuple(ref for ref in unfenced if ref != reign.leader.pod)
    return replace(
        status,
        term=reign.term,
        term_floor=max(reign.term, status.term_floor or 0),
        leader=reign.leader,
        unfenced=unfenced,
        acquired_at_s=reign.acquired_at_s,
        history=history,
    )


def settle(status: Status) -> Status:
    """Return the status in which no pod is left to stamp."""
    return replace(status, unfenced=())


def must_stamp(status: Status, listed: tuple[PodRef, ...] | None) -> tuple[PodRef, ...] | None:
    """Return the pods that must be stamped before the leader is crowned.

    While everybody is among them, these are also all that a consistent list after the status write has shown (`listed`)
    but the leader; None as long as there is no such list.
    """
    if EVERYBODY not in status.unfenced:
        return status.unfenced
    if listed is None:
        return None
    leader = status.leader.pod if status.leader is not None else None
    return tuple(dict.fromkeys(ref for ref in (*status.unfenced, *listed) if ref not in (leader, EVERYBODY)))
