"""A nats-server with JetStream, or several as one cluster, on loopback."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from environment.binaries import nats_server_binary
from environment.ports import LOOPBACK, free_ports
from environment.process import Process

_READY_TIMEOUT_S = 20.0


class NatsServer:
    """A nats-server whose store, configuration and log are in one folder, and whose port stays the same.

    `config` is added to the configuration file, which is written anew at every start; its names are those of the
    server's own configuration (`tls`, `authorization`, `accounts`, `cluster`, ...), and it may be changed between two
    starts. Servers of one cluster are all launched first, and awaited then: none is ready alone.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        name: str = "nats-server",
        config: Mapping[str, Any] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.name = name
        self.config = dict(config or {})
        first, self._monitoring_port = free_ports(2)
        self.port = first if port is None else port
        self._file = folder / f"{name}.conf"
        self.process = Process(name, [nats_server_binary(), "-c", self._file], log=folder / "logs" / f"{name}.log")

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Start the server, and return when it serves JetStream."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start the server, and return at once."""
        config = {
            "server_name": self.name,
            "listen": f"{LOOPBACK}:{self.port}",
            "http": f"{LOOPBACK}:{self._monitoring_port}",
            "jetstream": {"store_dir": str(self.folder / f"{self.name}-store")},
            **self.config,
        }
        self._file.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n")  # the server reads JSON, too
        self.process.start()

    def wait_until_ready(self) -> None:
        """Return when the server serves JetStream; in a cluster, that is when the cluster has elected a leader."""
        self.process.wait_until(self._healthy, "nats-server serves JetStream", timeout_s=_READY_TIMEOUT_S)

    def stop(self) -> None:
        """End the server in an orderly way (SIGTERM)."""
        self.process.stop()

    def kill(self) -> None:
        """End the server as a crash would (SIGKILL). Its store is as it was left."""
        self.process.kill()

    def pause(self) -> None:
        """Halt the server: connections stay open and nothing answers."""
        self.process.pause()

    def resume(self) -> None:
        """Let a paused server go on."""
        self.process.resume()

    def restart(self) -> None:
        """Stop the server and start it with the same port and store."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _healthy(self) -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, self._monitoring_port, timeout=2.0)
        try:
            connection.request("GET", "/healthz?js-server-only=true")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def nats_cluster(folder: Path, size: int) -> list[NatsServer]:
    """Return the servers nats-1, nats-2, … of one cluster, not started yet: launch all of them, then await each."""
    ports = free_ports(size)
    routes = [f"nats://{LOOPBACK}:{port}" for port in ports]
    return [
        NatsServer(
            folder,
            name=f"nats-{number}",
            config={"cluster": {"name": "nats", "listen": f"{LOOPBACK}:{port}", "routes": routes}},
        )
        for number, port in enumerate(ports, start=1)
    ]
