"""One election and its pods in the modelled API, and what users, controllers and kubelets do to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from model.api_server import PODS, SERVICES, SLICES, ApiServer
from simulator.loop import WALL_S
from simulator.world import World
from tenure.api import GROUP, KIND, PLURAL, VERSION
from tenure.election.clock import rfc3339
from tenure.election.pod import Pod
from tenure.election.resource import Resource
from tenure.election.slate import Slate
from tenure.election.timing import Timing
from tenure.kubernetes.pods import ORDINAL_LABEL
from tenure.kubernetes.slices import TERM

ELECTION = "web"
SERVICE = "web-direct"
FAMILIES = ("IPv4", "IPv6")
FORGED_ADDRESS = "192.0.2.1"
"""What somebody else writes into slices."""
SELECTED = {"app": "web"}

COLLECTED_WITHIN_S = 40.0
"""How long Kubernetes' garbage collector may take."""


class Cluster:
    """The objects, and how they change.

    With `ordinals` pods are numbered as a StatefulSet does it; with `routes` the election names a Service.
    """

    def __init__(
        self,
        world: World,
        timing: Timing,
        *,
        ordinals: bool = False,
        pods_campaign: bool = False,
        routes: bool = False,
    ) -> None:
        self.server = ApiServer(lambda: world.now_s)
        self.routes = routes
        self._world = world
        self._ordinals = ordinals
        self._uids = 0
        campaign = "Pods" if pods_campaign else "Operator"
        self.spec: dict[str, Any] = {"selector": {"matchLabels": dict(SELECTED)}, "campaign": campaign}
        self.set_timing(timing)
        if routes:
            ports = [{"name": "http", "port": 80, "targetPort": 8080}]
            spec = {"ipFamilies": list(FAMILIES), "ports": ports}
            self.server.put(SERVICES, {"metadata": {"name": SERVICE, "uid": self._uid(SERVICE)}, "spec": spec})
            self.name_services(SERVICE)
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
        """Delete the election, whether an operator runs or not; what it owns is collected a while later."""
        self.server.remove(PLURAL, ELECTION)
        if self.slices:
            self._world.after(self._world.random.uniform(0.0, COLLECTED_WITHIN_S), self._collect_garbage)

    def _collect_garbage(self) -> None:
        owner = self.resource.uid if self.resource is not None else None
        for name, body in self.slices.items():
            if owner_of(body) != owner:
                self.server.remove(SLICES, name)

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

    # The Service

    @property
    def slices(self) -> dict[str, dict[str, Any]]:
        """The EndpointSlices by name."""
        return {name: stored.body for name, stored in self.server.objects(SLICES).items()}

    def name_services(self, *services: str) -> None:
        """Let the election name Services, or none."""
        self.change_spec(routing={"services": list(services)} if services else None)

    def forge_slice(self, name: str, term: int) -> None:
        """Let somebody write a term into a slice, and another address."""
        body = self.slices[name]
        forged = {**body["metadata"], "annotations": {TERM: str(term)}}
        self.server.put(SLICES, {**body, "metadata": forged, "endpoints": [{"addresses": [FORGED_ADDRESS]}]})

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
        return [pod for pod in self.candidates if Slate(()).is_eligible(pod)]

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
            "status": {
                "phase": "Running",
                "podIPs": [{"ip": f"10.0.0.{self._uids}"}, {"ip": f"fd00::{self._uids}"}],
                "conditions": [self._ready(is_ready=is_ready)],
            },
        }
        return self.server.put(PODS, body).pod

    def set_ready(self, pod: Pod, *, is_ready: bool) -> None:
        """Let the kubelet say that a pod is Ready, or is not."""
        self._change_status(pod, "Running", is_ready=is_ready)

    def finish(self, pod: Pod) -> None:
        """Let a pod's containers end by themselves."""
        self._change_status(pod, "Succeeded", is_ready=False)

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

    def _change_status(self, pod: Pod, phase: str, *, is_ready: bool) -> None:
        stored = self.server.objects(PODS).get(pod.name)
        if stored is not None:
            conditions = [self._ready(is_ready=is_ready)]
            self._change(pod, status={**stored.body["status"], "phase": phase, "conditions": conditions})

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


def owner_of(slice_body: Mapping[str, Any]) -> str:
    """Return the UID of the election that an EndpointSlice was written for."""
    return str(slice_body["metadata"]["ownerReferences"][0]["uid"])
