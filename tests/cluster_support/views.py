"""What tests look at of a pod and of an election."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cluster_support.kubernetes import FORGER, Object

ROLE = "role.tenure.dev/"
TERM = "term.tenure.dev/"
LEADER = "leader"
FOLLOWER = "follower"


@dataclass(frozen=True)
class _View:
    """One version of an object."""

    body: Object

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])

    @property
    def uid(self) -> str:
        return str(self.body["metadata"]["uid"])


@dataclass(frozen=True)
class PodView(_View):
    """One version of a pod."""

    @property
    def identity(self) -> str:
        return f"{self.name}_{self.uid}"

    @property
    def labels(self) -> dict[str, str]:
        return self.body["metadata"].get("labels") or {}

    @property
    def address(self) -> str:
        return str(self.body["status"].get("podIP", ""))

    @property
    def ready(self) -> bool:
        conditions = self.body["status"].get("conditions") or ()
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    @property
    def terminating(self) -> bool:
        return "deletionTimestamp" in self.body["metadata"]

    def role(self, election: str = "web") -> str | None:
        return self.labels.get(ROLE + election)

    def term(self, election: str = "web") -> str | None:
        return self.labels.get(TERM + election)

    def is_forged(self, label: str) -> bool:
        """Whether somebody else than the operator was the last to write this label: the test, or a pod template."""
        return any(
            entry["manager"] in (FORGER, "kube-controller-manager")
            and f"f:{label}" in entry.get("fieldsV1", {}).get("f:metadata", {}).get("f:labels", {})
            for entry in self.body["metadata"].get("managedFields") or ()
        )

    def __str__(self) -> str:
        ours = {key: value for key, value in self.labels.items() if "tenure.dev/" in key}
        state = "terminating" if self.terminating else "Ready" if self.ready else "not Ready"
        return f"pod {self.name} ({self.uid[:8]}): {state}, {ours}"


@dataclass(frozen=True)
class ElectionView(_View):
    """One version of an election."""

    @property
    def generation(self) -> int:
        return int(self.body["metadata"]["generation"])

    @property
    def status(self) -> dict[str, Any]:
        return self.body.get("status") or {}

    @property
    def term(self) -> int:
        return int(self.status.get("term", 0))

    @property
    def floor(self) -> int:
        return int(self.status.get("termFloor", 0))

    @property
    def leader_name(self) -> str | None:
        return (self.status.get("leader") or {}).get("podName")

    @property
    def leader_uid(self) -> str | None:
        return (self.status.get("leader") or {}).get("podUID")

    @property
    def holder(self) -> str | None:
        return (self.status.get("leader") or {}).get("holderIdentity")

    def condition(self, kind: str) -> str:
        """The condition as `True (Reason)`, "" when it is not there."""
        for one in self.status.get("conditions") or ():
            if one["type"] == kind:
                return f"{one['status']} ({one['reason']})"
        return ""

    def message(self, kind: str) -> str:
        """The message of a condition, "" when it is not there."""
        return next((str(one["message"]) for one in self.status.get("conditions") or () if one["type"] == kind), "")

    @property
    def observed(self) -> bool:
        """Whether the status is about the present spec."""
        return bool(self.status.get("observedGeneration") == self.generation)

    def __str__(self) -> str:
        kinds = ("Accepted", "LeaderElected", "LeaseHeld", "Routed", "Suspended", "Ready")
        conditions = ", ".join(f"{kind} {self.condition(kind)}" for kind in kinds)
        facts = {name: self.status.get(name) for name in ("term", "termFloor", "candidates", "eligible", "unfenced")}
        return f"election {self.name}: leader {self.holder}, {facts}, {conditions}"
