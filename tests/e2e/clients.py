"""The client pods, and what they print: it is followed while they run, so that a node's end loses nothing."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from typing import Self

from demo.kubectl import Kubectl
from e2e.calls import Call
from environment.guard import GUARD

_AGAIN_AFTER_S = 1.0
_CLOCK_LOOKS = 5


class Clients:
    """Follows the logs of one client on each node, as a context manager."""

    def __init__(self, kubectl: Kubectl, namespace: str) -> None:
        self._kubectl = kubectl
        self._namespace = namespace
        self._calls: dict[tuple[str, int], Call] = {}
        self._streams: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        listed = json.loads(kubectl("get", "pods", "-n", namespace, "-l", "app=client", "--output=json"))
        self.pods: dict[str, str] = {pod["spec"]["nodeName"]: pod["metadata"]["name"] for pod in listed["items"]}

    def __enter__(self) -> Self:
        for node in self.pods:
            threading.Thread(target=self._follow, args=(node,), name=f"client on {node}", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self.reconnect()

    @property
    def calls(self) -> list[Call]:
        """All calls so far, in the order in which they began."""
        with self._lock:
            return sorted(self._calls.values())

    def reconnect(self) -> None:
        """Follow all logs anew: a connection to a node that lost its power may never say so."""
        with self._lock:
            for stream in self._streams.values():
                stream.terminate()

    def clock_offset_s(self, node: str) -> float:
        """By how much the clock of a node differs from ours, at least: the round trip explains the rest."""
        command = (
            "exec",
            "-n",
            self._namespace,
            self.pods[node],
            "--",
            "python",
            "-c",
            "import time; print(time.time())",
        )
        least_s = float("inf")
        for _ in range(_CLOCK_LOOKS):
            before_s = time.time()
            there_s = float(self._kubectl(*command))
            after_s = time.time()
            least_s = min(least_s, max(0.0, before_s - there_s, there_s - after_s))
        return least_s

    def _follow(self, node: str) -> None:
        since: list[str] = []
        while not self._closed.is_set():
            with self._lock:
                stream = self._kubectl.start("logs", "-n", self._namespace, "-f", self.pods[node], *since)
                GUARD.add(stream.pid)
                self._streams[node] = stream
            assert stream.stdout is not None
            for line in stream.stdout:
                self._note(node, line)
            stream.wait()
            GUARD.remove(stream.pid)
            self._closed.wait(_AGAIN_AFTER_S)

    def _note(self, node: str, line: bytes) -> None:
        if not line.endswith(b"\n"):
            return  # the rest comes, with all of it, when the log is followed anew
        said = json.loads(line)
        call = Call(said["at"], said["took"], node, said["port"], said.get("uid"), said.get("error", ""))
        with self._lock:
            self._calls[said["run"], said["call"]] = call
