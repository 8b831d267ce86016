"""One election and its pods in the modelled API, and what users, controllers and kubelets do to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from model.api_server import PODS, ApiServer
from simulator.loop import WALL_S
from simulator.world import World
from tenure.api import GROUP, KIND, PLURAL, VERSION
from tenure.election.clock import rfc3339
from tenure.election.field import Field
from tenure.election.pod import Pod
from tenure.election.resource import Resource
from tenure.election.timing import Timing
from tenure.kubernetes.pods import ORDINAL_LABEL

ELECTION = "web"
SELECTED = {"app": "web"}


class Cluster:
    """The objects, and how they change. With `ordinals` pods are numbered as a StatefulSet does it."""

    def __init__(self, world: World, timing: Timing, *, ordinals: bool = False, pods_campaign: bool = False) -> None:
        self.server = ApiServer(lambda: world.now_s)
        self._world = world
        self._ordinals = ordinals
        self._uids = 0
        campaign = "Pods" if pods_campaign else "Operator"
        self.spec: dict[str, Any] = {"selector": {"matchLabels": dict(SELECTED)}, "campaign": campaign}
        self.set_timing(timing)
        self.create_election()

    # The election

    @property
    def resource(self) -> Resource | None:
        """The election as it is now, None while it is deleted."""
        stored = self.server.objects(PLURAL).get(ELECTION)
        return stored.resource if stored is not None else None

    def create_election(self) -> None:
        """Create the election, as it was specified last."""
        self.server.put(
            PLURAL,
            {
                "apiVersion": f"{GROUP}/{VERSION}",
                "kind": KIND,
                "metadata": {"name": ELECTION, "uid": self._uid("election"), "generation": 1},
                "spec": self.spec,
            },
        )

    def delete_election(self) -> None:
        """Delete the election, whether an operator runs or not."""
        self.server.remove(PLURAL, ELECTION)

    def set_timing(self, timing: Timing) -> None:
        """Ask for other times of the lease."""
        lease = {
            "durationSeconds": timing.duration_s,
            "renewDeadlineSeconds": timing.renew_deadline_s,
            "renewIntervalSeconds": timing.renew_interval_s,
        }
        self.change_spec(lease=lease)

    def change_spec(self, **fields: Any) -> None:
        """Change fields of the spec, also of one that is created later; None takes one away."""
        self.spec = {name: value for name, value in {**self.spec, **fields}.items() if value is not None}
        stored = self.server.objects(PLURAL).get(ELECTION)
        if stored is not None and stored.body["spec"] != self.spec:
            metadata = stored.body["metadata"]
            generation = metadata["generation"] + 1
            self.server.put(
                PLURAL, {**stored.body, "metadata": {**metadata, "generation": generation}, "spec": self.spec}
            )

    # The pods

    @property
    def pods(self) -> Mapping[str, Pod]:
        """The pods by name, as elections look at them."""
        return {name: stored.pod for name, stored in self.server.objects(PODS).items()}

    @property
    def candidates(self) -> list[Pod]:
        """The pods that the selector finds and that have not finished."""
        wanted = self.spec["selector"]["matchLabels"].items()
        return [pod for pod in self.pods.values() if not pod.finished and (pod.labels or {}).items() >= wanted]

    @property
    def eligible(self) -> list[Pod]:
        """The candidates that may be chosen."""
        return [pod for pod in self.candidates if Field(()).is_eligible(pod)]

    def pod(self, name: str, uid: str) -> Pod | None:
        """This incarnation of a pod, None when it exists no more."""
        stored = self.server.objects(PODS).get(name)
        return stored.pod if stored is not None and stored.uid == uid else None

    def create_pod(self, name: str, *, is_ready: bool) -> Pod:
        """Create a pod."""
        labels = dict(SELECTED)
        _, _, number = name.rpartition("-")
        if self._ordinals and number.isdecimal():
            labels[ORDINAL_LABEL] = number
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "uid": self._uid(name), "labels": labels},
            "spec": {"nodeName": f"node-{self._uids % 3}"},
            "status": {"phase": "Running", "conditions": [self._ready(is_ready=is_ready)]},
        }
        return self.server.put(PODS, body).pod

    def set_ready(self, pod: Pod, *, is_ready: bool) -> None:
        """Let the kubelet say that a pod is Ready, or is not."""
        self._change(pod, status={"phase": "Running", "conditions": [self._ready(is_ready=is_ready)]})

    def finish(self, pod: Pod) -> None:
        """Let a pod's containers end by themselves."""
        self._change(pod, status={"phase": "Succeeded", "conditions": [self._ready(is_ready=False)]})

    def terminate(self, pod: Pod) -> None:
        """Mark a pod as deleted; it drains."""
        self._change_metadata(pod, deletionTimestamp=rfc3339(WALL_S + self._world.now_s))

    def set_labels(self, pod: Pod, labels: Mapping[str, str | None]) -> None:
        """Edit a pod's labels, as a user does; None takes one off."""
        stored = self.server.objects(PODS).get(pod.name)
        if stored is not None and stored.uid == pod.uid:
            merged = {**(stored.pod.labels or {}), **labels}
            self._change_metadata(pod, labels={key: value for key, value in merged.items() if value is not None})

    def end_pod(self, pod: Pod) -> bool:
        """Let a pod exist no more; return whether it did until now."""
        if self.pod(pod.name, pod.uid) is None:
            return False
        self.server.remove(PODS, pod.name)
        return True

    def _change_metadata(self, pod: Pod, **fields: Any) -> None:
        stored = self.server.objects(PODS).get(pod.name)
        if stored is not None:
            self._change(pod, metadata={**stored.body["metadata"], **fields})

    def _change(self, pod: Pod, **fields: Any) -> None:
        stored = self.server.objects(PODS).get(pod.name)
        if stored is not None and stored.uid == pod.uid:
            self.server.put(PODS, {**stored.body, **fields})

    def _ready(self, *, is_ready: bool) -> dict[str, str]:
        since = rfc3339(WALL_S + self._world.now_s)
        return {"type": "Ready", "status": str(is_ready), "lastTransitionTime": since}

    def _uid(self, what: str) -> str:
        self._uids += 1
        return f"{what}.{self._uids}"
