"""Who carries the leader label of each election, as a watch of the pods tells."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from cluster_support.follower import Follower
from cluster_support.kubernetes import Kubernetes, Object, pods_path
from environment import wait_until

LEADER = "leader"


class Leaders:
    """The leaders of a namespace's elections, of which each has the name of its pods' label `app`."""

    def __init__(self, kubernetes: Kubernetes, namespace: str) -> None:
        self._reigns: dict[str, list[tuple[str, float]]] = {}
        self._follower = Follower(kubernetes, pods_path(namespace), self._see, threading.Event())

    def stop(self) -> None:
        """Look no longer."""
        self._follower.stop()

    def now(self) -> dict[str, str]:
        """The pod's name and UID, joined by `_`, that was the last to become the leader of each election."""
        return {election: reigns[-1][0] for election, reigns in list(self._reigns.items())}

    def counts(self) -> dict[str, int]:
        """How many leaders each election has had, one after another."""
        return {election: len(reigns) for election, reigns in list(self._reigns.items())}

    def wait_for(self, elections: int, *, timeout_s: float) -> None:
        """Return when so many elections have a leader."""
        wait_until(lambda: len(self._reigns) == elections, f"{elections} elections have leaders", timeout_s=timeout_s)

    def wait_for_another(self, election: str, *, but: str, timeout_s: float) -> float:
        """Return the monotonic time at which another pod carried the label."""
        wait_until(
            lambda: self._reigns[election][-1][0] != but,
            f"{election} has another leader than {but}",
            timeout_s=timeout_s,
        )
        return self._reigns[election][-1][1]

    def unsettled(self, pods: int) -> int:
        """How many elections have not so many Ready pods of which exactly one is the leader."""
        settled: dict[str, list[str | None]] = {}
        for pod in self._follower.objects():
            election = pod["metadata"]["labels"]["app"]
            if _is_ready(pod) and "deletionTimestamp" not in pod["metadata"]:
                settled.setdefault(election, []).append(_role(pod, election))
        return sum(len(settled.get(one, ())) != pods or settled[one].count(LEADER) != 1 for one in self._reigns)

    def _see(self, _before: Object | None, after: Object | None, _: Mapping[str, Object]) -> None:
        if after is None:
            return
        metadata = after["metadata"]
        election, pod = metadata["labels"]["app"], f"{metadata['name']}_{metadata['uid']}"
        reigns = self._reigns.setdefault(election, []) if _role(after, election) == LEADER else None
        if reigns is not None and (not reigns or reigns[-1][0] != pod):
            reigns.append((pod, time.monotonic()))


def _role(pod: Object, election: str) -> str | None:
    role: str | None = pod["metadata"]["labels"].get(f"role.tenure.dev/{election}")
    return role


def _is_ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
