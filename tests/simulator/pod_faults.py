"""What happens to pods."""

from __future__ import annotations

from collections.abc import Callable

from model.api_server import PODS
from simulator.cluster import SELECTED, Cluster
from simulator.profile import Profile
from simulator.world import World
from tenure.election.labels import role_key
from tenure.election.pod import Pod

MAX_PODS = 8

Undo = Callable[[], None]


class PodFaults:
    """Pods that end, come back, fail, and are relabelled. `for_a_while(undo)` undoes something later."""

    def __init__(self, world: World, profile: Profile, cluster: Cluster, for_a_while: Callable[[Undo], None]) -> None:
        self._world = world
        self._lease_s = profile.timing.duration_s
        self._gap_s = min(profile.gaps_s)
        self._cluster = cluster
        self._for_a_while = for_a_while
        self._refused: set[str] = set()
        self._added = profile.pods
        self._are_born_ready = profile.born_ready
        cluster.server.refuses = lambda kind, name: kind == PODS and name in self._refused

    def end(self) -> None:
        """Let every pod that is there be selected and become Ready."""
        self._refused.clear()
        for pod in self._cluster.pods.values():
            self._cluster.set_labels(pod, SELECTED)
            if pod.finished:
                self._cluster.end_pod(pod)
            elif not pod.terminating and not pod.ready:
                self._cluster.set_ready(pod, is_ready=True)

    def create(self, name: str) -> None:
        """Create a pod that is Ready at once or becomes it a little later."""
        pod = self._cluster.create_pod(name, is_ready=self._are_born_ready)
        if not pod.ready:
            self._world.after(self._moment_s(), lambda: self._make_ready(pod))

    def add_pod(self) -> None:
        """Scale up."""
        if len(self._cluster.pods) < MAX_PODS:
            self.create(f"web-{self._added}")
            self._added += 1

    def end_pod(self) -> None:
        """Delete a pod: most drain first; most come back under their name."""
        pod = self._any()
        if pod is None:
            return
        if self._world.chance(0.7):
            self._cluster.terminate(pod)
        self._world.after(self._moment_s(), lambda: self._replace(pod))

    def flip_readiness(self) -> None:
        pod = self._any()
        if pod is not None and not pod.finished:
            self._cluster.set_ready(pod, is_ready=not pod.ready)
            if self._world.chance(0.5):
                self._for_a_while(lambda: self._make_ready(pod))

    def deselect(self) -> None:
        """Relabel a pod so that it is no candidate any more, for a while."""
        pod = self._any()
        if pod is not None:
            self._cluster.set_labels(pod, {"app": "other"})
            self._for_a_while(lambda: self._cluster.set_labels(pod, SELECTED))

    def finish_pod(self) -> None:
        pod = self._any()
        if pod is not None:
            self._cluster.finish(pod)
            self._for_a_while(lambda: self._replace(pod))

    def refuse_labels(self) -> None:
        """Let a policy refuse every change of a pod by requests, for a while."""
        pod = self._any()
        if pod is not None:
            self._refused.add(pod.name)
            self._for_a_while(lambda: self._refused.discard(pod.name))

    def drift(self) -> None:
        """Let somebody take the role label off a pod."""
        pod = self._any()
        if pod is not None:
            self._cluster.set_labels(pod, {role_key("web"): None})

    def _any(self) -> Pod | None:
        """Draw a pod, the leader more often than the others."""
        pods = self._cluster.pods
        resource = self._cluster.resource
        leader = resource.status.leader if resource is not None else None
        if leader is not None and leader.pod is not None and leader.pod.name in pods and self._world.chance(0.5):
            return pods[leader.pod.name]
        return pods[self._world.random.choice(sorted(pods))] if pods else None

    def _make_ready(self, pod: Pod) -> None:
        known = self._cluster.pod(pod.name, pod.uid)
        if known is not None and not known.finished:
            self._cluster.set_ready(known, is_ready=True)

    def _replace(self, pod: Pod) -> None:
        if self._cluster.end_pod(pod):
            name = pod.name if self._world.chance(0.8) else f"web-{self._world.random.randint(5, 99)}"
            if name not in self._cluster.pods:
                self.create(name)

    def _moment_s(self) -> float:
        return self._world.delay_s(0.1 * min(self._lease_s, self._gap_s))
