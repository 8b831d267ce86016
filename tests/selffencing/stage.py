"""Two pods in each of many elections, the programs in them, and a note of each label that comes or goes."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cluster_support import Object, PodView, Scene
from cluster_support.follower import Follower
from cluster_support.kubernetes import pods_path
from cluster_support.views import LEADER, ROLE
from environment import Environment, Process
from environment.proxy import Proxy

BUCKET = "leader-elections"
_TIMEOUT_S = 60.0


class Labels:
    """When each pod had the leader label of each election last, and when it had it no more (monotonic seconds)."""

    def __init__(self, scene: Scene) -> None:
        self.on_s: dict[tuple[str, str], float] = {}
        self.off_s: dict[tuple[str, str], float] = {}
        self._follower = Follower(scene.kubernetes, pods_path(scene.namespace), self._see, threading.Event())

    def close(self) -> None:
        self._follower.stop()

    def _see(self, before: Object | None, after: Object | None, _: Mapping[str, Object]) -> None:
        now_s = time.monotonic()
        old, new = _led(before), _led(after)
        name = (after or before or {})["metadata"]["name"]
        for election in new - old:
            self.on_s[election, name] = now_s
        for election in old - new:
            self.off_s[election, name] = now_s


def _led(body: Object | None) -> set[str]:
    """The elections of which a pod carries the leader label."""
    labels = PodView(body).labels if body is not None else {}
    return {key.removeprefix(ROLE) for key, value in labels.items() if key.startswith(ROLE) and value == LEADER}


class Worker:
    """A program with a candidate in all elections, each under the name of one of the election's two pods."""

    def __init__(
        self, scene: Scene, elections: list[str], *, number: int, url: str, lease_s: int, folder: Path
    ) -> None:
        pods = {election: scene.pod(f"{election}-{number}") for election in elections}
        candidates = ",".join(f"{scene.namespace}.{election}={pod.identity}" for election, pod in pods.items())
        options = {"--lease": lease_s, "--url": url, "--bucket": BUCKET, "--candidates": candidates}
        arguments = [str(part) for pair in options.items() for part in pair]
        command = [sys.executable, "-m", "selffencing.worker", *arguments]
        self.process = Process(f"worker-{number}", command, log=folder / f"{scene.namespace}-{number}.log")
        self._count = len(elections)

    def start(self) -> None:
        self.process.start()

    def changes(self, *, after_s: float = 0.0) -> list[dict[str, Any]]:
        """What it has said since a moment."""
        lines = self.process.log.read_text().splitlines() if self.process.log.exists() else []
        said = [json.loads(line) for line in lines if line.startswith('{"key"') and line.endswith("}")]
        return [one for one in said if one["at_s"] > after_s]

    def lost_s(self, *, after_s: float) -> list[float]:
        """How long after a moment it knew, for each election, that it leads no more."""
        return [one["at_s"] - after_s for one in self.changes(after_s=after_s) if not one["leads"]]

    def wait_until_all_are_lost(self, *, after_s: float) -> list[float]:
        self.process.wait_until(
            lambda: len(self.lost_s(after_s=after_s)) >= self._count, "it knows of all", timeout_s=_TIMEOUT_S
        )
        return self.lost_s(after_s=after_s)


class Road:
    """A proxy on an event loop of its own, on the way of one program to NATS."""

    def __init__(self, environment: Environment) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._proxy = Proxy(int(environment.nats_url.rpartition(":")[2]))
        asyncio.run_coroutine_threadsafe(self._proxy.start(), self._loop).result(5.0)
        self.url = f"nats://127.0.0.1:{self._proxy.port}"

    def block(self) -> None:
        """Let nothing pass any more, without a word to either end."""
        self._loop.call_soon_threadsafe(self._proxy.block)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._proxy.close(), self._loop).result(5.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
