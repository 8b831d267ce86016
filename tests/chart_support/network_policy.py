"""What a NetworkPolicy lets pass, and what a process needs to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from chart_support.helm import Object

Ports = set[tuple[str, int]]
"""Protocols and ports."""

_ESTABLISHED, _LISTENS = "01", "0A"


class NetworkPolicy:
    """The ports that a policy leaves open to and from pods, of which `pod` is the template."""

    def __init__(self, policy: Object, pod: Object) -> None:
        self._spec = policy["spec"]
        assert sorted(self._spec["policyTypes"]) == ["Egress", "Ingress"]
        declared = [port for container in pod["spec"]["containers"] for port in container.get("ports") or ()]
        self._names = {port["name"]: port["containerPort"] for port in declared}

    @property
    def incoming(self) -> Ports:
        """Where the pods can be reached, by somebody at least."""
        return self._ports(self._spec["ingress"])

    @property
    def outgoing(self) -> Ports:
        """Which ports the pods can reach, of somebody at least."""
        return self._ports(self._spec["egress"])

    def outgoing_to(self, peers: list[Object]) -> Ports:
        """Which ports the pods can reach only of these peers; without peers, of whomever."""
        return self._ports(rule for rule in self._spec["egress"] if rule.get("to", []) == peers)

    def _ports(self, rules: Iterable[Object]) -> Ports:
        return {
            (port.get("protocol", "TCP"), self._names.get(port["port"], port["port"]))
            for rule in rules
            for port in rule["ports"]
        }


def connections(pid: int) -> set[int]:
    """Return the ports at the other ends of a process's TCP connections that it has opened itself, as Linux tells."""
    process = Path(f"/proc/{pid}")
    own = set()
    for file in (process / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed by now
            own.add(str(file.readlink()))
    rows = [row.split() for name in ("tcp", "tcp6") for row in (process / "net" / name).read_text().splitlines()[1:]]
    sockets = [(row[1], row[2], row[3]) for row in rows if f"socket:[{row[9]}]" in own]
    listens_at = {_port(local) for local, _, state in sockets if state == _LISTENS}
    return {
        _port(remote) for local, remote, state in sockets if state == _ESTABLISHED and _port(local) not in listens_at
    }


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)
