"""Which label writes bring the pods to what the status says: stamp, then crown, then the followers (G3).

Every write tests the pod's UID and the exact term label last seen, and never lowers a term, except over a forged one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tenure.election.effects import WriteLabels
from tenure.election.labels import PodRole, parse_term
from tenure.election.ledger import must_stamp
from tenure.election.pod import Pod, PodRef
from tenure.election.resource import Status


@dataclass(frozen=True, slots=True)
class Plan:
    """What is left to do.

    `writes` may be made at once and in parallel. `unknown` are pods of which the API must first say what they carry.
    `suspects` carry a term above the status: the resource must be read after them. `needs_list` asks for a consistent
    list. `settled` is true when every pod that had to be stamped is, and the leader is crowned: the ledger may be
    emptied.
    """

    writes: tuple[WriteLabels, ...] = ()
    unknown: tuple[PodRef, ...] = ()
    suspects: tuple[Pod, ...] = ()
    needs_list: bool = False
    settled: bool = False


@dataclass(slots=True)
class _Draft:
    election: str
    term: int
    forged: frozenset[str]
    writes: list[WriteLabels] = field(default_factory=list)
    suspects: list[Pod] = field(default_factory=list)

    def ask_for(self, pod: Pod, role: PodRole | None, term: int | None) -> bool:
        """Plan the write of what a pod must carry, unless it does already; return whether it does."""
        current = pod.term(self.election)
        number = parse_term(current)
        if number is not None and number > self.term and pod.uid not in self.forged:
            self.suspects.append(pod)
            return False
        is_ours = current is None or (number is not None and number <= self.term)
        if pod.role(self.election) == role and ((term is None and is_ours) or number == term):
            return True
        if term is None and not is_ours:
            term = self.term
        self.writes.append(
            WriteLabels(
                ref=pod.ref,
                expected_term=current,
                expected_role=pod.role(self.election),
                role=role,
                term=term,
                no_labels_map=pod.labels is None,
            )
        )
        return False


def plan(
    election: str,
    status: Status,
    *,
    pods: Mapping[str, Pod],
    candidates: Iterable[Pod],
    gone: frozenset[str],
    listed: tuple[PodRef, ...] | None,
    forged: frozenset[str],
) -> Plan:
    """Compare what the pods carry with what the status allows.

    `pods` are all pods known by UID, `gone` the UIDs that the API has said to be gone, `listed` see `must_stamp`,
    `forged` the UIDs whose term label is above the status although the resource was read after it.
    """
    if not status.term:
        # Nothing was ever decided: what labels say of an earlier life of the election is judged when there is a term.
        return Plan()
    draft = _Draft(election, status.term, forged)
    candidates = tuple(candidates)
    leader = status.leader.pod if status.leader is not None else None
    stamped, unknown, needs_list = _stamp(draft, status, pods, gone, listed, leader)
    crowned = stamped
    if stamped and leader is not None and leader.uid not in gone:
        crowned = _crown(draft, leader, pods, unknown)
    busy = {write.ref.uid for write in draft.writes} | {pod.uid for pod in draft.suspects}
    busy |= {ref.uid for ref in must_stamp(status, listed) or ()}
    for pod in candidates:
        if pod.ref != leader and pod.uid not in busy and not is_follower(pod, election, status.term):
            draft.ask_for(pod, PodRole.FOLLOWER, status.term)
    busy |= {pod.uid for pod in candidates}
    for pod in pods.values():
        if pod.role(election) is not None and pod.ref != leader and pod.uid not in busy:
            draft.ask_for(pod, None, None)  # No candidate: the role label goes. The term label stays, as a tombstone.
    return Plan(
        writes=tuple(draft.writes),
        unknown=tuple(unknown),
        suspects=tuple(draft.suspects),
        needs_list=needs_list,
        settled=crowned,
    )


def _crown(draft: _Draft, leader: PodRef, pods: Mapping[str, Pod], unknown: list[PodRef]) -> bool:
    """Plan the leader's own labels; return whether nothing is left to do. A pod that is ending is crowned no more.

    A crown takes the place of another role label, never of none: late, it reaches no pod that no list has shown.
    """
    pod = pods.get(leader.uid)
    if pod is None:
        unknown.append(leader)
        return False
    if pod.terminating or pod.finished:
        return True
    if pod.role(draft.election) is None:
        draft.ask_for(pod, PodRole.FOLLOWER, draft.term)
        return False
    return draft.ask_for(pod, PodRole.LEADER, draft.term)


def is_follower(pod: Pod, election: str, term: int) -> bool:
    """Whether a candidate's labels are those of a follower: the role, and no term or one up to the present."""
    value = pod.term(election)
    number = parse_term(value)
    return pod.role(election) == PodRole.FOLLOWER and (value is None or (number is not None and number <= term))


def _stamp(
    draft: _Draft,
    status: Status,
    pods: Mapping[str, Pod],
    gone: frozenset[str],
    listed: tuple[PodRef, ...] | None,
    leader: PodRef | None,
) -> tuple[bool, list[PodRef], bool]:
    """Plan the stamps; return whether all are there, which pods must be read first, and whether a list is needed."""
    targets = must_stamp(status, listed)
    if targets is None:
        return False, [], True
    stamped, unknown = True, []
    pretenders = [pod.ref for pod in pods.values() if pod.role(draft.election) == PodRole.LEADER and pod.ref != leader]
    for ref in dict.fromkeys((*targets, *pretenders)):
        if ref.uid in gone:
            continue
        pod = pods.get(ref.uid)
        if pod is None:
            stamped = False
            unknown.append(ref)
        elif not draft.ask_for(pod, PodRole.FOLLOWER, status.term):
            stamped = False
    return stamped, unknown, False
