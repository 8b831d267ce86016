"""What is done to the cluster. Each scene begins and ends at rest: three Ready pods, one leader, everybody answered."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from demo.watching import Watches
from demo.world import World
from e2e import crowd
from e2e.helm import RELEASE
from e2e.stage import EVICTABLE, NODES, SYSTEM, WEB, Stage
from environment import EnvironmentFailed, wait_until

OPERATOR = f"deployment/{RELEASE}"

_HAND_OVER_TIMEOUT_S = 60.0
_NODE_TIMEOUT_S = 240.0  # Kubernetes takes 40 to 60 s to call a node lost
_CONTAINER, _PORT = "operator", 8080  # of the chart


@dataclass(frozen=True)
class Leader:
    """The leader when the scene begins, and its node."""

    pod: str
    uid: str
    node: str


class Scenery:
    """What a scene may do and wait for."""

    def __init__(self, stage: Stage, watches: Watches, leader: Leader) -> None:
        self.stage = stage
        self.leader = leader
        self._watches = watches

    def wait_for_another_leader(self, timeout_s: float = _HAND_OVER_TIMEOUT_S) -> None:
        """Return when another pod leads, and the Service routes to it."""

        def is_another(world: World) -> bool:
            return world.election.leader_uid != self.leader.uid and world.routes_to(world.election.leader_uid)

        self._watches.wait_until(is_another, f"another pod than {self.leader.pod} leads", timeout_s=timeout_s)

    def in_leader(self, script: str) -> None:
        """Run a shell script in the leader's container."""
        self.stage.kubectl("exec", "-n", WEB, self.leader.pod, "--", "sh", "-c", script)

    def delete_leader(self) -> None:
        """Delete the leader's pod, and do not wait for its end."""
        self.stage.kubectl("delete", "pod", self.leader.pod, "-n", WEB, "--wait=false")

    def wait_for_another_operator(self, former: str) -> None:
        """Return when another pod of the operator's than this one acts."""

        def is_another() -> bool:
            with contextlib.suppress(EnvironmentFailed):  # none acts yet, or one went while it was asked
                return self.acting_operator() != former
            return False

        wait_until(is_another, f"another operator than {former} acts", timeout_s=_HAND_OVER_TIMEOUT_S, every_s=0.5)

    def acting_operator(self) -> str:
        """Return the operator's pod that acts, while the others stand by."""
        selector = f"app.kubernetes.io/instance={RELEASE},app.kubernetes.io/component=operator"
        for pod in self.stage.read("get", "pods", "-n", SYSTEM, "-l", selector)["items"]:
            name = str(pod["metadata"]["name"])
            if "deletionTimestamp" in pod["metadata"]:
                continue
            metrics = self.stage.kubectl(
                "get", "--raw", f"/api/v1/namespaces/{SYSTEM}/pods/{name}:{_PORT}/proxy/metrics"
            )
            if "\ntenure_operator_leader 1" in metrics:
                return name
        raise EnvironmentFailed("None of the operators says that it acts.")


@dataclass(frozen=True)
class Scene:
    """One fault or change.

    `act` returns when the fault is over; what follows from it is awaited by whoever plays the scene. `keeps_leader`
    claims that no leader changes and no call of any client fails. `fault` is what the bed must offer, and `node_is_cut`
    tells that meanwhile nothing can reach the proxy of the leader's node.
    """

    title: str
    act: Callable[[Scenery], None]
    keeps_leader: bool = False
    needs_nodes: int = 1
    fault: str = ""
    node_is_cut: bool = False

    @property
    def loses_node(self) -> bool:
        """Whether the leader's node is lost for a while."""
        return self.fault in ("cut", "power")


def _delete_pod(scenery: Scenery) -> None:
    scenery.delete_leader()
    scenery.wait_for_another_leader()


def _kill_container(scenery: Scenery) -> None:
    with contextlib.suppress(EnvironmentFailed):  # what kills the container may well end with it
        scenery.in_leader("kill -9 $(cat /tmp/pid)")
    scenery.wait_for_another_leader()


def _fail_readiness(scenery: Scenery) -> None:
    scenery.in_leader("touch /tmp/not-ready")
    scenery.wait_for_another_leader()
    scenery.in_leader("rm /tmp/not-ready")


def _roll_workload(scenery: Scenery) -> None:
    scenery.stage.kubectl("rollout", "restart", "statefulset/web", "-n", WEB)
    scenery.stage.rolled_out(WEB, "statefulset/web")


def _roll_operator(scenery: Scenery) -> None:
    scenery.stage.kubectl("rollout", "restart", OPERATOR, "-n", SYSTEM)
    scenery.stage.rolled_out(SYSTEM, OPERATOR)


def _roll_operator_of_many(scenery: Scenery) -> None:
    """The next operator has to renew every lease: one that it left out has run out when the elections are read."""
    with crowd.gathered(scenery.stage) as before:
        former = scenery.acting_operator()
        _roll_operator(scenery)
        scenery.wait_for_another_operator(former)
        time.sleep(crowd.LEASE_S)
        crowd.none_has_changed(scenery.stage, before)


def _upgrade(scenery: Scenery) -> None:
    scenery.stage.upgrade(log={"level": "debug"})
    scenery.stage.rolled_out(SYSTEM, OPERATOR)


def _delete_operator(scenery: Scenery) -> None:
    """Also the leader's pod, at once: whoever takes over has something to do."""
    scenery.stage.kubectl("delete", "pod", scenery.acting_operator(), "-n", SYSTEM, "--wait=false")
    scenery.delete_leader()
    scenery.wait_for_another_leader()


def _drain(scenery: Scenery) -> None:
    """Of the pods on the leader's node, only ours are evicted."""
    kubectl, node = scenery.stage.kubectl, scenery.leader.node
    try:
        kubectl("drain", node, f"--pod-selector={EVICTABLE}", "--delete-emptydir-data", "--timeout=120s", timeout_s=130)
        scenery.wait_for_another_leader()
    finally:
        kubectl("uncordon", node)


def _lose_node(fault: str) -> Callable[[Scenery], None]:
    def act(scenery: Scenery) -> None:
        with scenery.stage.bed.inflict(fault, node=scenery.leader.node):
            scenery.wait_for_another_leader(_NODE_TIMEOUT_S)

    return act


def _freeze_operator(scenery: Scenery) -> None:
    """Also the leader's pod is deleted, so that the one that wakes up finds its world changed."""
    pod = scenery.acting_operator()
    with scenery.stage.bed.inflict("freeze", namespace=SYSTEM, pod=pod, container=_CONTAINER):
        scenery.delete_leader()
        scenery.wait_for_another_leader()


SCENES = [
    Scene("The leader's pod is deleted", _delete_pod),
    Scene("The leader's container is killed", _kill_container),
    Scene("The leader's readiness probe fails", _fail_readiness),
    Scene("Rolling update of the workload", _roll_workload),
    Scene("Rolling update of the operator", _roll_operator, keeps_leader=True),
    Scene(f"The same, with {crowd.ELECTIONS} more elections", _roll_operator_of_many, keeps_leader=True),
    Scene("`helm upgrade` with another value", _upgrade, keeps_leader=True),
    Scene("The pods of the acting operator and of the leader are deleted", _delete_operator),
    Scene("The leader's node is drained", _drain, needs_nodes=NODES),
    Scene("The acting operator is frozen, and the leader's pod deleted", _freeze_operator, fault="freeze"),
    Scene("The leader's node is cut off", _lose_node("cut"), needs_nodes=NODES, fault="cut", node_is_cut=True),
    Scene("The leader's node loses its power", _lose_node("power"), needs_nodes=NODES, fault="power"),
]
