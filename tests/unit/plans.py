"""Pods, statuses and writes for tests of which labels are written.

`A` leads term 7 (`LED_BY_A`), or has handed over to `B` in term 8 (`HANDED_TO_B`) and is in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tenure.election.effects import WriteLabels
from tenure.election.labels import PodRole
from tenure.election.pod import Pod
from tenure.election.resource import Status
from tenure.election.routing import Plan, plan
from unit.builders import ELECTION, a_leader, a_pod
from unit.views import a_status

LEADER, FOLLOWER = PodRole.LEADER, PodRole.FOLLOWER

A, B, C = a_pod("a"), a_pod("b"), a_pod("c")
STRANGER: dict[str, Any] = {"labels": {"app": "other"}}

LED_BY_A = a_status(7, a_leader(A))
HANDED_TO_B = a_status(8, a_leader(B), unfenced=(A.ref,))


def plan_for(status: Status, *pods: Pod, gone: Iterable[str] = (), **known: Any) -> Plan:
    """Return the plan for these pods, of which those with the label app=web that are not finished are candidates."""
    candidates = [pod for pod in pods if (pod.labels or {}).get("app") == "web" and not pod.finished]
    return plan(
        ELECTION,
        status,
        pods={pod.uid: pod for pod in pods},
        candidates=candidates,
        gone=frozenset(gone),
        listed=known.get("listed"),
        forged=frozenset(known.get("forged", ())),
    )


def write_over(pod: Pod, role: PodRole | None, term: int | None) -> WriteLabels:
    """Return the write that tests exactly what this pod carries."""
    return WriteLabels(
        ref=pod.ref,
        expected_term=pod.term(ELECTION),
        expected_role=pod.role(ELECTION),
        role=role,
        term=term,
        no_labels_map=pod.labels is None,
    )


def carrying(pod: Pod, role: str | None = None, term: str | int | None = None, **facts: Any) -> Pod:
    """Return this pod with these labels of the election, and no others."""
    return a_pod(pod.name, role=role, term=term, **facts)


A_LEADS, B_LEADS = carrying(A, "leader", 7), carrying(B, "leader", 8)
A_FOLLOWS, B_FOLLOWS = carrying(A, "follower"), carrying(B, "follower", 7)
A_STAMPED = carrying(A, "follower", 8)
