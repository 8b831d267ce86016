"""Nodes without machines: kwok plays their kubelets, and a policy of the API server plays the scheduler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from environment.api import Api
from environment.binaries import Binaries
from environment.process import Process

NODES = ("node-0", "node-1", "node-2")
DRAINS = "environment.tenure.dev/drains"
READY_AFTER_SECONDS = "environment.tenure.dev/ready-after-seconds"

_READY_TIMEOUT_S = 30.0
_STAGES = Path(__file__).with_name("kwok.yaml")
_POLICIES = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies"
_BINDINGS = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings"


class Nodes:
    """The nodes node-0, node-1 and node-2, each in a zone of its own, and what happens to the pods on them.

    - A pod that names no node is put on node-0 when it is created. A template may name another (`spec.nodeName`).
    - A pod on one of the nodes gets an address and becomes Ready at once, and is never touched again while it lives:
      a status that a test writes stays as it is.
      The annotation `environment.tenure.dev/ready-after-seconds: "5"` delays the start.
    - A deleted pod is gone a tenth of a second later, whatever its grace period. With the annotation
      `environment.tenure.dev/drains: "true"`, it takes all of its grace period (`terminationGracePeriodSeconds`).
    - While `kwok` is paused or killed, pods neither start nor end, as if all the machines were lost. It catches up.
    """

    def __init__(self, folder: Path, binaries: Binaries, api: Api, kubeconfig: Path) -> None:
        self._api = api
        flags = [f"--kubeconfig={kubeconfig}", f"--config={_STAGES}", "--manage-all-nodes", "--cidr=10.244.0.0/16"]
        self.kwok = Process("kwok", [binaries["kwok"], *flags], log=folder / "logs" / "kwok.log")

    def start(self) -> None:
        """Create the nodes and the policy, and return when a pod would start."""
        self._api.create(_POLICIES, _POLICY)
        self._api.create(_BINDINGS, _BINDING)
        for number, name in enumerate(NODES):
            self._api.create("/api/v1/nodes", _node(name, zone="abc"[number]))
        self.kwok.start()
        self.kwok.wait_until(self._nodes_ready, "all nodes are ready", timeout_s=_READY_TIMEOUT_S)
        self.kwok.wait_until(self._pods_get_a_node, "a new pod is given a node", timeout_s=_READY_TIMEOUT_S)

    def _nodes_ready(self) -> bool:
        _, nodes = self._api.request("GET", "/api/v1/nodes")
        conditions = [item["status"].get("conditions", []) for item in nodes["items"]]
        return all(any(one["type"] == "Ready" and one["status"] == "True" for one in each) for each in conditions)

    def _pods_get_a_node(self) -> bool:
        # The API server takes up a new policy a moment after it was created.
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "trial"},
            "spec": {"containers": [{"name": "main", "image": "none"}]},
        }
        status, answer = self._api.request("POST", "/api/v1/namespaces/default/pods?dryRun=All", pod)
        return status == 201 and "nodeName" in answer["spec"]


def _node(name: str, *, zone: str) -> dict[str, Any]:
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/zone": f"zone-{zone}",
    }
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}


_POLICY = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "MutatingAdmissionPolicy",
    "metadata": {"name": "scheduler"},
    "spec": {
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
            ]
        },
        "matchConditions": [
            {"name": "names-no-node", "expression": "!has(object.spec.nodeName) || object.spec.nodeName == ''"}
        ],
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "mutations": [
            {
                "patchType": "ApplyConfiguration",
                "applyConfiguration": {"expression": f"Object{{spec: Object.spec{{nodeName: '{NODES[0]}'}}}}"},
            }
        ],
    },
}
_BINDING = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "MutatingAdmissionPolicyBinding",
    "metadata": {"name": "scheduler"},
    "spec": {"policyName": "scheduler"},
}
