"""Where it is measured: a control plane and a nats-server, and the pods and elections in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench.api import STRATEGIC_PATCH, Api, in_bulk
from bench.peer import Peer
from cluster_support.kubernetes import Kubernetes, Object, elections_path, pods_path, statefulsets_path
from cluster_support.manifests import create_namespace, leader_election, stateful_set
from cluster_support.operator_process import Operator
from environment import DRAINS, NODES, Environment, wait_until

PODS = 3
"""Pods of an election."""

_CRD = Path(__file__).parents[2] / "crds" / "leaderelections.yaml"
_DRAIN_S = 2


class Stage:
    """The servers, from `start` to `stop`, which may be called at any time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = Environment(folder / "cluster")
        self.kubernetes = Kubernetes(self.environment)
        self.api = Api(self.environment.control_plane)

    def start(self) -> None:
        """Return when elections can be created."""
        self.environment.start()
        self.environment.kubectl("apply", "-f", str(_CRD))
        api, everywhere = self.environment.control_plane.api, "/apis/tenure.dev/v1alpha1/leaderelections"
        wait_until(lambda: api.request("GET", everywhere)[0] == 200, "LeaderElections are served", timeout_s=30.0)

    def stop(self) -> None:
        """End all servers."""
        self.environment.stop()

    def pids(self) -> dict[str, int]:
        """The servers that run, by name."""
        return {process.name: process.pid for process in self.environment.processes if process.running}

    def operator(self, namespace: str) -> Operator:
        """Return an operator of one namespace, not started yet, with a bucket of its own and logs as by default."""
        return Operator(
            self.environment,
            self.folder,
            namespace=namespace,
            bucket=namespace,
            arguments=("--log-level", "info"),
            name=f"operator-{namespace}",
        )

    def peer(self, namespace: str) -> Peer:
        """Start the peer in a namespace, without candidates yet."""
        return Peer(self.environment.kubeconfig, namespace, log=self.folder / f"peer-{namespace}.log")

    async def make_namespace(self, name: str) -> None:
        """Create a namespace, and return when pods can be created in it."""
        await asyncio.to_thread(create_namespace, self.kubernetes, name)

    async def make_workloads(self, namespace: str, names: Sequence[str], leader: Callable[[str], Object]) -> None:
        """Create StatefulSets whose pods take two seconds to end, and a Service for the pod with the label `leader`."""
        for name in names:
            body = stateful_set(name, PODS, annotations={DRAINS: "true"}, grace_s=_DRAIN_S)
            await self.api.request("POST", statefulsets_path(namespace), body)
            spec = {"selector": {"app": name, **leader(name)}, "ports": [{"port": 80}]}
            service = {"metadata": {"name": name}, "spec": spec}
            await self.api.request("POST", f"/api/v1/namespaces/{namespace}/services", service)

    async def make_elections(self, namespace: str, names: Sequence[str]) -> None:
        """Create an election among the pods of each name."""

        async def make(name: str) -> None:
            body = leader_election(name, {"matchLabels": {"app": name}})
            await self.api.request("POST", elections_path(namespace), body)

        await in_bulk(partial(make, name) for name in names)

    async def make_bare_pods(self, namespace: str, names: Sequence[str]) -> None:
        """Create the pods of each election as nothing but objects, and make them Ready. There must be no kwok."""

        async def make(election: str, number: int) -> None:
            pod = f"{election}-{number}"
            await self.api.request("POST", pods_path(namespace), _bare_pod(election, number))
            await self.set_ready(namespace, pod, ready=True)

        await in_bulk(partial(make, name, number) for name in names for number in range(PODS))

    async def set_ready(self, namespace: str, pod: str, *, ready: bool) -> None:
        """Write what a kubelet would of a pod that runs: its Ready condition."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        conditions = [{"type": "Ready", "status": str(ready), "lastTransitionTime": now}]
        body = {"status": {"phase": "Running", "conditions": conditions}}
        path = f"{pods_path(namespace, pod)}/status"
        await self.api.request("PATCH", path, body, content=STRATEGIC_PATCH)


def names(count: int) -> list[str]:
    """Return names of so many elections."""
    return [f"e{number:05}" for number in range(1, count + 1)]


def _bare_pod(election: str, number: int) -> Object:
    labels = {"app": election, "apps.kubernetes.io/pod-index": str(number)}
    return {
        "metadata": {"name": f"{election}-{number}", "labels": labels},
        "spec": {"nodeName": NODES[number % len(NODES)], "containers": [{"name": "main", "image": "none"}]},
    }
