"""G5: when all faults have ended, the election comes to the state that it must be in, within a bound, and rests."""

from __future__ import annotations

from simulator.cluster import ELECTION, FAMILIES, Cluster
from simulator.invariants import Violation
from simulator.world import World
from tenure.election.labels import PodRole
from tenure.election.resource import Status
from tenure.kubernetes.slices import TERM

QUIET_S = 30.0
"""For so long nothing happens in the end, and nothing is written."""


def check_progress(world: World, cluster: Cluster, *, bound_s: float) -> None:
    """Within the bound the leader is labelled, shown and settled, all others follow, and nothing more is written."""
    until_s = world.now_s + bound_s
    while True:
        writes = cluster.server.writes
        world.run_until(world.now_s + QUIET_S)
        wrong = _find_fault(cluster) or (cluster.server.writes != writes and "the API is still written to")
        if not wrong:
            return
        if world.now_s >= until_s:
            resource = cluster.resource
            raise Violation(
                f"G5: {bound_s:.0f} s after the last fault {wrong}: {resource and resource.status}, "
                f"{list(cluster.pods.values())}"
            )


def _find_fault(cluster: Cluster) -> str:
    """Return what is not as it must be, "" when all is."""
    resource = cluster.resource
    if resource is None:
        return "the election is missing"
    status = resource.status
    candidates = cluster.candidates
    crowned = [pod for pod in cluster.pods.values() if pod.role(ELECTION) == PodRole.LEADER]
    if cluster.eligible:
        if len(crowned) != 1 or status.leader is None or status.leader.pod != crowned[0].ref:
            return "no leader is labelled"
        if crowned[0] not in cluster.eligible:
            return "a pod leads that may not"
        ready = status.condition("Ready")
        if ready is None or ready.status != "True":
            return "the status does not say Ready"
    elif any(pod.ready or pod.terminating for pod in crowned):
        return "a pod is labelled as leader that may not lead"
    if status.term and status.unfenced != () and cluster.eligible:
        return "the ledger is not settled"
    if status.term and any(pod.role(ELECTION) is None for pod in candidates):
        return "a candidate has no role"
    if cluster.routes and cluster.eligible and (wrong := _find_fault_of_routes(cluster, resource.status)):
        return wrong
    strangers = [pod for pod in cluster.pods.values() if pod not in candidates and not pod.terminating]
    return "a pod has a role that is no candidate" if any(pod.role(ELECTION) for pod in strangers) else ""


def _find_fault_of_routes(cluster: Cluster, status: Status) -> str:
    if {body["addressType"] for body in cluster.slices.values()} != set(FAMILIES):
        return "a slice is missing, or is left over"
    for name, body in cluster.slices.items():
        (endpoint,) = body["endpoints"] or (None,)
        leader = status.leader.pod if status.leader is not None else None
        if endpoint is None or leader is None or (endpoint.get("targetRef") or {}).get("uid") != leader.uid:
            return f"{name} does not route to the leader"
        if not endpoint["conditions"]["ready"] or body["metadata"]["annotations"][TERM] != str(status.term):
            return f"{name} is not what the status says"
    return ""
