"""Every change of the pods, the election and the endpoints of one namespace, from the first, with its time of arrival.

Kubectl opens the watches, so that every way of logging in to a cluster works that kubectl knows. Each begins at a
version that was read before anything was created: what happens before the watch is open comes through it all the same.
"""

from __future__ import annotations

import copy
import json
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Self
from urllib.parse import urlencode

from demo.kubectl import Kubectl
from demo.world import SERVICE, Change, Kind, World
from environment import EnvironmentFailed, Process
from environment.guard import GUARD

_LASTS_S = 3600
"""How long the API server is asked to keep a watch open."""

_LOOK_EVERY_S = 1.0


class Watches:
    """Three watches, as a context manager. Nothing is awaited any more when one of them has ended.

    Nor is it when `operator` has, if it is a program of this machine.
    """

    def __init__(self, kubectl: Kubectl, namespace: str, operator: Process | None = None) -> None:
        core, group = f"/api/v1/namespaces/{namespace}", f"/apis/tenure.dev/v1alpha1/namespaces/{namespace}"
        discovery = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}"
        self._paths: dict[Kind, tuple[str, dict[str, str]]] = {
            "pod": (f"{core}/pods", {}),
            "election": (f"{group}/leaderelections", {}),
            "slice": (f"{discovery}/endpointslices", {"labelSelector": f"kubernetes.io/service-name={SERVICE}"}),
        }
        self._kubectl = kubectl
        self._operator = operator
        self._running: list[subprocess.Popen[bytes]] = []
        self._news = threading.Condition()
        self._changes: list[Change] = []
        self._world = World()
        self._problem: str | None = None
        self._closed = False

    def __enter__(self) -> Self:
        try:
            for kind, (path, query) in self._paths.items():
                listed = json.loads(self._kubectl("get", "--raw", f"{path}?limit=1"))
                version = listed["metadata"]["resourceVersion"]
                query |= {"watch": "1", "resourceVersion": version, "timeoutSeconds": str(_LASTS_S)}
                self._start(kind, f"{path}?{urlencode(query)}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with self._news:
            self._closed = True
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.wait(5)
            GUARD.remove(process.pid)
        self._running.clear()

    @property
    def changes(self) -> list[Change]:
        """All changes so far, in the order of their arrival."""
        with self._news:
            return list(self._changes)

    def wait_until(self, condition: Callable[[World], bool], what: str, *, timeout_s: float) -> World:
        """Return the world once it fulfils `condition`; raise TimeoutError naming `what` when it does not in time."""
        deadline_s = time.monotonic() + timeout_s
        with self._news:
            while not condition(self._world):
                if self._problem is not None:
                    raise EnvironmentFailed(self._problem)
                if self._operator is not None and not self._operator.running:
                    raise EnvironmentFailed(f"The operator has ended.\n{self._operator.last_log_lines()}")
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    raise TimeoutError(f"Within {timeout_s:g} seconds, this did not become true: {what}.")
                self._news.wait(min(left_s, _LOOK_EVERY_S))
            return copy.deepcopy(self._world)

    def _start(self, kind: Kind, path: str) -> None:
        process = self._kubectl.start("get", "--raw", path)
        GUARD.add(process.pid)
        self._running.append(process)
        threading.Thread(target=self._follow, args=(kind, process), name=f"watch of {kind}", daemon=True).start()

    def _follow(self, kind: Kind, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            came_at_s = time.monotonic()
            event = json.loads(line)
            with self._news:
                if event["type"] == "ERROR":
                    self._problem = f"The watch of the {kind}s failed: {event['object'].get('message')}."
                else:
                    change = Change(came_at_s, kind, event["type"] == "DELETED", event["object"])
                    self._changes.append(change)
                    self._world.apply(change)
                self._news.notify_all()
        with self._news:
            if not self._closed:
                self._problem = self._problem or f"The watch of the {kind}s has ended."
                self._news.notify_all()
