"""The test environment: a Kubernetes control plane, nodes without machines, and a nats-server, started in seconds.

    with Environment(folder) as environment:
        environment.kubectl("apply", "-f", "-", input=manifest)
        connect(environment.nats_url)

Everything listens on loopback, on ports that were free, and ends with this process at the latest. The folder keeps the
logs. The same from a terminal: `python -m environment --help`.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Self

from environment.binaries import control_plane_binaries
from environment.control_plane import ControlPlane
from environment.nats_server import NatsServer, nats_cluster
from environment.nodes import DRAINS, NODES, READY_AFTER_SECONDS, Nodes
from environment.process import Process, stop_all
from environment.waiting import EnvironmentFailed, wait_until

__all__ = [
    "DRAINS",
    "NODES",
    "READY_AFTER_SECONDS",
    "ControlPlane",
    "Environment",
    "EnvironmentFailed",
    "NatsServer",
    "Process",
    "wait_until",
]

_KUBECTL_TIMEOUT_S = 60.0
_COMPLAINT_CHARS = 2000  # of what kubectl said; it may say the same of each of a thousand pods


class Environment:
    """One of each, in one folder: a ControlPlane with its Nodes, and a NatsServer. See these for what may be done.

    `folder` must be new or empty. `audit_log` names a file for the API server's audit log. `nats_size` above 1 makes a
    cluster of so many nats-servers, of which `nats` is the first.
    """

    def __init__(self, folder: Path, *, audit_log: Path | None = None, nats_size: int = 1) -> None:
        folder = folder.absolute()
        if folder.exists() and any(folder.iterdir()):
            raise EnvironmentFailed(f"The folder of an environment must be new or empty: {folder}.")
        binaries = control_plane_binaries()
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.control_plane = ControlPlane(folder, binaries, audit_log=audit_log)
        self.nodes = Nodes(folder, binaries, self.control_plane.api, self.kubeconfig)
        self.nats_servers = nats_cluster(folder, nats_size) if nats_size > 1 else [NatsServer(folder)]
        self.nats = self.nats_servers[0]
        self.kubectl_binary = binaries["kubectl"]

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of a cluster administrator."""
        return self.control_plane.kubeconfig

    @property
    def nats_url(self) -> str:
        """Where NATS clients connect."""
        return self.nats.url

    @property
    def processes(self) -> list[Process]:
        """All that is started, in that order."""
        servers = [server.process for server in self.nats_servers]
        return [*servers, *self.control_plane.processes, self.nodes.kwok]

    def start(self) -> None:
        """Start everything, and return when all of it is ready. When anything fails, nothing stays behind."""
        try:
            for server in self.nats_servers:
                server.launch()
            self.control_plane.start()
            self.nodes.start()
            for server in self.nats_servers:
                server.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End everything. It may be called at any time, and again."""
        stop_all([self.nodes.kwok, *(server.process for server in self.nats_servers)])
        self.control_plane.stop()

    def release(self) -> None:
        """Leave everything running, for good: neither `stop` nor the end of this process will end it."""
        for process in self.processes:
            process.release()

    def kubectl(self, *arguments: str, input: str | None = None) -> str:
        """Run kubectl as the administrator, and return what it printed. A failure raises with what it complained of."""
        # What kubectl would keep in, or read from, the user's home is kept out of it.
        flags = [f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self.folder / 'kubectl-cache'}"]
        done = subprocess.run(
            [str(self.kubectl_binary), *flags, *arguments],
            input=input, capture_output=True, text=True, timeout=_KUBECTL_TIMEOUT_S, check=False,
            env={**os.environ, "KUBERC": "off"},
        )  # fmt: skip
        if done.returncode != 0:
            raise EnvironmentFailed(f"`kubectl {' '.join(arguments)}` failed: {done.stderr.strip()[:_COMPLAINT_CHARS]}")
        return done.stdout

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """Write a kubeconfig of the service account, to whom RBAC applies. Valid for an hour."""
        return self.control_plane.service_account_kubeconfig(namespace, name)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
