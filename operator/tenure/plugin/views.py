"""What is shown of an election: made of what the API server says of it and of its pods, by the rules of the core."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tenure.api.resource import parse_resource
from tenure.election.conditions import ConditionType
from tenure.election.pod import Pod
from tenure.election.resource import Answer, Condition, Resource, Spec, Status
from tenure.election.slate import Slate


@dataclass(frozen=True, slots=True)
class Summary:
    """An election in one line. `reason` is that of the condition Ready. Times are Unix seconds."""

    namespace: str
    name: str
    leader: str | None
    term: int
    elected_at_s: float | None
    candidate_count: int
    eligible_count: int
    ready: str
    reason: str
    message: str
    suspended: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pod that the selector finds and that has not finished.

    `obstacle` is why it may not be chosen; None when it is eligible.
    """

    pod: str
    node: str | None
    ready: bool
    role: str | None
    term: str | None
    priority: int
    eligible: bool
    obstacle: str | None


@dataclass(frozen=True, slots=True)
class Lease:
    """What the operator says of a lease: when it was renewed last, and for how long others respect it then."""

    renewed_s_ago: float
    duration_s: float | None


@dataclass(frozen=True, slots=True)
class Reign:
    """One term. `ended_at_s` and `reason` are None while it lasts."""

    term: int
    leader: str | None
    began_at_s: float | None
    ended_at_s: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Detail:
    """All that is known of one election.

    `campaign` is who campaigns, as in the spec. `next` is who would be elected by the spec alone if the leader went
    now; None also where the pods campaign, since nobody knows it. `switchover` is the last one that was asked for.
    """

    summary: Summary
    campaign: str
    node: str | None
    failover_at_s: float | None
    next: str | None
    lease: Lease | None
    switchover: Answer | None
    candidates: tuple[Candidate, ...]
    conditions: tuple[Condition, ...]


def summarize(body: Mapping[str, Any]) -> Summary:
    """Return the line of an election."""
    resource = parse_resource(body)
    status = resource.status
    ready = status.condition(ConditionType.READY)
    return Summary(
        namespace=resource.namespace,
        name=resource.name,
        leader=_leader_of(status),
        term=status.term,
        elected_at_s=status.acquired_at_s if status.leader is not None else None,
        candidate_count=status.candidates,
        eligible_count=status.eligible,
        ready=ready.status if ready is not None else "Unknown",
        reason=ready.reason if ready is not None else "NotObserved",
        message=ready.message if ready is not None else "No operator has looked at this election yet.",
        suspended=isinstance(resource.spec, Spec) and resource.spec.suspend,
    )


def detail(body: Mapping[str, Any], pods: Iterable[Pod], *, wall_s: float, lease: Lease | None = None) -> Detail:
    """Return all of an election; `pods` are those that its selector finds."""
    resource = parse_resource(body)
    status = resource.status
    slate = slate_of(resource, pods, wall_s)
    pods_campaign = isinstance(resource.spec, Spec) and resource.spec.pods_campaign
    leader = status.leader.pod if status.leader is not None else None
    following = None if pods_campaign else slate.without(leader).first_in_line()
    return Detail(
        summary=summarize(body),
        campaign="Pods" if pods_campaign else "Operator",
        node=status.leader.node if status.leader is not None else None,
        failover_at_s=status.failover_at_s,
        next=following.name if following is not None else None,
        lease=lease,
        switchover=status.switchover,
        candidates=tuple(_candidate(pod, slate, resource.name) for pod in slate.candidates),
        conditions=status.conditions,
    )


def slate_of(resource: Resource, pods: Iterable[Pod], wall_s: float) -> Slate:
    """Return the candidates among these pods, by name, to be judged by the spec alone.

    Which nodes are cordoned and whether the operator heeds it, which pods it watches (`--pod-selector`), and on which
    the API has refused it the label, it knows alone.
    """
    if not isinstance(resource.spec, Spec):
        return Slate(())
    selector = resource.spec.selector
    candidates = (pod for pod in pods if not pod.finished and selector.matches(pod.labels or {}))
    return Slate(tuple(sorted(candidates, key=lambda pod: pod.name)), resource.spec.rules, wall_s)


def history(body: Mapping[str, Any]) -> tuple[Reign, ...]:
    """Return the terms that are known, the latest first, with the present one."""
    status = parse_resource(body).status
    past = tuple(
        Reign(one.term, one.pod_name or one.identity, one.acquired_at_s, one.ended_at_s, one.reason)
        for one in status.history
    )
    if status.leader is None:
        return past
    return (Reign(status.term, _leader_of(status), status.acquired_at_s, None, None), *past)


def _candidate(pod: Pod, slate: Slate, election: str) -> Candidate:
    obstacle = slate.obstacle(pod)
    return Candidate(
        pod=pod.name,
        node=pod.node,
        ready=pod.ready,
        role=pod.role(election),
        term=pod.term(election),
        priority=slate.rules.priority_of(pod),
        eligible=obstacle is None,
        obstacle=obstacle,
    )


def _leader_of(status: Status) -> str | None:
    if status.leader is None:
        return None
    return status.leader.pod.name if status.leader.pod is not None else status.leader.identity
