"""What is broken: three nats-servers, a control plane, two operators, the roads between them, and twenty elections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from chaos.plan import ELECTIONS, OPERATORS, Crew, pods_of
from cluster_support.kubernetes import Kubernetes, Refused, elections_path, pods_path, statefulsets_path
from cluster_support.manifests import create_namespace, leader_election, stateful_set
from cluster_support.operator_process import Operator
from environment import DRAINS, Environment, EnvironmentFailed, wait_until
from environment.ports import LOOPBACK
from environment.proxy import Proxy

NAMESPACE = "chaos"
BUCKET = "chaos"

_CRD = Path(__file__).parents[2] / "crds" / "leaderelections.yaml"
_END_TIMEOUT_S = 10.0

CAST = {name: pods_of(name) for name in ELECTIONS}
LEASES: tuple[dict[str, int], ...] = ({}, {}, {"durationSeconds": 6}, {"durationSeconds": 3})
"""In turn: the default of 15 s twice, and shorter ones."""


class Stage:
    """Everything that runs. The operators reach NATS and the API by roads of their own, which nobody else uses."""

    def __init__(self, folder: Path) -> None:
        self.environment = Environment(folder / "cluster", nats_size=3)
        self.kubernetes = Kubernetes(self.environment)
        self.servers = {server.name: server for server in self.environment.nats_servers}
        self.roads_to_nats = {name: [Proxy(server.port) for server in self.servers.values()] for name in OPERATORS}
        self.roads_to_api = {name: Proxy(self.environment.control_plane.api.port) for name in OPERATORS}
        self.crew = Crew.REPLICAS
        self._crews = {crew: {name: self._operator(name, crew, folder) for name in OPERATORS} for crew in Crew}
        for server in self.servers.values():
            # Else the operators would learn from them of ways that are no roads.
            server.config["cluster"]["no_advertise"] = True

    @property
    def operators(self) -> dict[str, Operator]:
        """The operators of the present crew, by name."""
        return self._crews[self.crew]

    @property
    def everybody(self) -> list[Operator]:
        """The operators of all crews."""
        return [operator for crew in self._crews.values() for operator in crew.values()]

    @property
    def nats_urls(self) -> list[str]:
        """Where whoever is no operator reaches NATS."""
        return [server.url for server in self.servers.values()]

    async def change_crew(self, crew: Crew) -> None:
        """Start the other operators, then end those that ran, as in an update. Raises EnvironmentFailed: see `end`."""
        before, self.crew = self.operators, crew
        for operator in self.operators.values():
            operator.start(wait=False)
        for operator in before.values():
            await self.end(operator)

    @staticmethod
    async def end(operator: Operator) -> None:
        """Ask it to end (SIGTERM). Raises EnvironmentFailed when it has to be killed after that."""
        operator.process.request_stop()
        if not await asyncio.to_thread(operator.process.wait, timeout_s=_END_TIMEOUT_S):
            operator.kill()
            raise EnvironmentFailed(f"{operator.process.name} did not end within {_END_TIMEOUT_S:g} s of SIGTERM.")

    async def start(self) -> None:
        """Start all but the operators, and return when pods and elections can be created in the namespace."""
        await asyncio.to_thread(self._start_environment)
        for road in self._roads():
            await road.start()

    def populate(self, elections: Mapping[str, int] = CAST, leases: Sequence[dict[str, int]] = LEASES) -> None:
        """Create the pods of all elections, by their number, and the elections, with these leases in turn."""
        for number, (name, pods) in enumerate(elections.items()):
            drains = {DRAINS: "true"} if number % 3 == 0 else {}
            body = stateful_set(name, pods, annotations=drains, grace_s=2)
            self.kubernetes.create(statefulsets_path(NAMESPACE), body)
            selector, lease = {"matchLabels": {"app": name}}, leases[number % len(leases)]
            self.kubernetes.create(elections_path(NAMESPACE), leader_election(name, selector, lease=lease))

    def delete_stuck_pods(self) -> None:
        """Delete again what was to be deleted: an API server that was killed in the middle can leave a pod behind."""
        for pod in self.kubernetes.get(pods_path(NAMESPACE))["items"]:
            if "deletionTimestamp" in pod["metadata"]:
                self.kubernetes.delete(pods_path(NAMESPACE, pod["metadata"]["name"]))

    def delete_pod(self, name: str) -> None:
        """Begin to end a pod."""
        self.kubernetes.delete(pods_path(NAMESPACE, name))

    def set_ready(self, name: str, *, ready: bool) -> None:
        """Write the Ready condition of whatever pod has this name now, as its kubelet would."""
        condition = {"type": "Ready", "status": str(ready)}
        try:
            self.kubernetes.patch(f"{pods_path(NAMESPACE, name)}/status", {"status": {"conditions": [condition]}})
        except Refused as refused:
            if refused.status != 404:
                raise

    async def stop(self) -> None:
        """End everything. It may be called at any time."""
        for operator in self.everybody:
            operator.kill()
        for road in self._roads():
            await road.close()
        await asyncio.to_thread(self.environment.stop)

    def _roads(self) -> list[Proxy]:
        return [*self.roads_to_api.values(), *(road for roads in self.roads_to_nats.values() for road in roads)]

    def _operator(self, name: str, crew: Crew, folder: Path) -> Operator:
        config = json.loads(self.environment.kubeconfig.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://{LOOPBACK}:{self.roads_to_api[name].port}"
        kubeconfig = folder / f"kubeconfig-{name}"
        kubeconfig.write_text(json.dumps(config))
        first, *others = (f"nats://{LOOPBACK}:{road.port}" for road in self.roads_to_nats[name])
        arguments = [option for url in others for option in ("--nats-url", url)]
        if crew is Crew.REPLICAS:
            arguments += ["--release", "chaos", "--operator-namespace", NAMESPACE]
        arguments += ["--bucket-replicas", str(len(self.servers))]
        return Operator(
            self.environment,
            folder,
            bucket=BUCKET,
            kubeconfig=kubeconfig,
            nats_url=first,
            arguments=arguments,
            name=f"{name}-{crew.name.lower().replace('_', '-')}",
        )

    def _start_environment(self) -> None:
        self.environment.start()
        self.environment.kubectl("apply", "-f", str(_CRD))
        api, everywhere = self.environment.control_plane.api, "/apis/tenure.dev/v1alpha1/leaderelections"
        wait_until(lambda: api.request("GET", everywhere)[0] == 200, "LeaderElections are served", timeout_s=30.0)
        create_namespace(self.kubernetes, NAMESPACE)
