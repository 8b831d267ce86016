"""G6: in a calm world, in which only short faults happen, a term ends for a reason that lies in its leader's pod.

Or for a switchover, which the very same write of the status answers, and which ends one term only.
"""

from __future__ import annotations

from model.api_server import PODS, Change
from simulator.cluster import Cluster
from simulator.invariants import Violation
from simulator.world import World
from tenure.api import PLURAL
from tenure.election.pod import Pod
from tenure.election.resource import Answer, Status
from tenure.election.switchover import Result


class Reasons:
    """Watches which pods are eligible and when that changed, and what the status says.

    A term may end when its leader's pod ceased to be eligible, or came to be, within the last `grace_s` seconds: for so
    long a short fault can keep an operator from seeing or doing something. Nobody may follow when no candidate has been
    eligible for that long.
    """

    def __init__(self, world: World, cluster: Cluster, *, grace_s: float) -> None:
        self._world = world
        self._cluster = cluster
        self._grace_s = grace_s
        self._eligible_since_s: dict[str, float] = {}
        self._changed_at_s: dict[str, float] = {}
        self._switched: set[str] = set()
        cluster.server.on_change.append(self._see_change)

    def _see_change(self, change: Change) -> None:
        if change.kind == PODS:
            self._see_pod(change.object.pod, is_new=change.before is None, exists=change.after is not None)
        elif change.kind == PLURAL and change.before is not None and change.after is not None:
            self._see_status(change.before.resource.status, change.after.resource.status)

    def _see_pod(self, pod: Pod, *, is_new: bool, exists: bool) -> None:
        was_eligible = pod.uid in self._eligible_since_s
        is_eligible = exists and pod in self._cluster.eligible
        if is_eligible and not was_eligible:
            self._eligible_since_s[pod.uid] = self._world.now_s
        elif was_eligible and not is_eligible:
            del self._eligible_since_s[pod.uid]
        if is_eligible != was_eligible and not is_new:
            self._changed_at_s[pod.uid] = self._world.now_s

    def _see_status(self, before: Status, after: Status) -> None:
        if before.term == after.term or before.leader is None or before.leader.pod is None:
            return
        long_ago_s = self._world.now_s - self._grace_s
        uid = before.leader.pod.uid
        what = f"term {before.term} of {before.leader.identity} ended"
        is_well = uid in self._eligible_since_s and self._changed_at_s.get(uid, float("-inf")) < long_ago_s
        if is_well and not self._was_asked_for(before.switchover, after.switchover):
            raise Violation(f"at {self._world.now_s:.6f} s: G6: {what} for nothing: {after.leader}")
        if after.leader is None and any(since_s < long_ago_s for since_s in self._eligible_since_s.values()):
            raise Violation(f"at {self._world.now_s:.6f} s: G6: {what}, and nobody followed though others could lead")

    def _was_asked_for(self, before: Answer | None, answer: Answer | None) -> bool:
        """Whether a switchover is answered with the term that ends, for which no other term has ended."""
        if answer is None or answer == before or answer.id in self._switched:
            return False
        self._switched.add(answer.id)
        return answer.result in (Result.SUCCEEDED, Result.REFUSED)
