"""What must hold in every world (G1 to G4), and what must be remembered of the past to tell."""

from __future__ import annotations

from collections.abc import Iterable

from tenure.election.labels import PodRole, parse_term
from tenure.election.pod import Pod
from tenure.election.record import LeaseRecord
from tenure.election.resource import Status

ELECTION = "web"

Holders = tuple[tuple[int, str], ...]
"""Who had which term, in their order; "" is nobody."""


class Violation(AssertionError):
    """A guarantee does not hold."""


def with_record(claimed: Holders, record: LeaseRecord) -> Holders:
    """Return who has ever had a term by a record, after this one was written. Raises Violation of G1 and G2."""
    holders = dict(claimed)
    holder = holders.get(record.term, "")
    if record.holder and holder and holder != record.holder:
        raise Violation(f"G1: term {record.term} is held by {holder} and by {record.holder}")
    if holders and record.term < max(holders):
        raise Violation(f"G2: term {record.term} was written after term {max(holders)}")
    holders[record.term] = record.holder or holder
    return tuple(sorted(holders.items()))


def with_status(shown: Holders, before: Status, after: Status) -> Holders:
    """Return who was ever shown as leader, after this status was written. Raises Violation of G1 and G4."""
    if after.term < before.term:
        raise Violation(f"G4: status.term fell from {before.term} to {after.term}")
    if (after.term_floor or 0) < (before.term_floor or 0):
        raise Violation(f"G4: status.termFloor fell from {before.term_floor} to {after.term_floor}")
    if after.term_floor is not None and after.term_floor < after.term:
        raise Violation(f"G4: status.termFloor {after.term_floor} is below status.term {after.term}")
    if not after.term:
        return shown
    holders = dict(shown)
    identity = after.leader.identity if after.leader is not None else ""
    if holders.setdefault(after.term, identity) != identity:
        raise Violation(f"G1: the status gives term {after.term} to {holders[after.term]} and to {identity}")
    return tuple(sorted(holders.items()))


def check_labels(shown: Holders, before: Pod, after: Pod, pods: Iterable[Pod]) -> None:
    """Check the labels of all pods after one pod's were written. Raises Violation of G3."""
    term_before, term = (parse_term(pod.term(ELECTION)) or 0 for pod in (before, after))
    if term < term_before:
        raise Violation(f"G3: the term label of {after.name} fell from {term_before} to {term}")
    leaders = [pod.name for pod in pods if pod.role(ELECTION) == PodRole.LEADER]
    if len(leaders) > 1:
        raise Violation(f"G3: two leaders: {' and '.join(leaders)}")
    if after.role(ELECTION) == PodRole.LEADER and dict(shown).get(term) != after.identity:
        raise Violation(f"G3: {after.name} is crowned for term {term}, which the status never gave to it")
