"""A pod, as far as elections look at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tenure.election.labels import role_key, term_key


@dataclass(frozen=True, slots=True)
class PodRef:
    """One incarnation of a pod: a pod that comes back under its old name has another UID and is another pod."""

    name: str
    uid: str


EVERYBODY = PodRef("*", "*")
"""In the ledger of a new or restored resource: any pod may carry a label of an earlier life."""


@dataclass(frozen=True, slots=True)
class Pod:
    """What one answer or event of the API showed of a pod.

    `resource_version` orders what was seen of the same UID. `labels` is None where the pod has no map of labels, which
    a JSON Patch must know. `ready_since_s` is the Unix time at which `ready` became what it is, by the kubelet's clock.
    `finished` is a pod in phase Succeeded or Failed. `ordinal` is its number in a StatefulSet.
    """

    name: str
    uid: str
    resource_version: int
    labels: Mapping[str, str] | None
    ready: bool = False
    ready_since_s: float = 0.0
    terminating: bool = False
    finished: bool = False
    ordinal: int | None = None
    node: str | None = None

    @property
    def ref(self) -> PodRef:
        """Name and UID."""
        return PodRef(self.name, self.uid)

    @property
    def identity(self) -> str:
        """What stands in the lease record when this pod leads."""
        return f"{self.name}_{self.uid}"

    def role(self, election: str) -> str | None:
        """The value of its role label for an election."""
        return self.labels.get(role_key(election)) if self.labels else None

    def term(self, election: str) -> str | None:
        """The value of its term label for an election, which may be anything."""
        return self.labels.get(term_key(election)) if self.labels else None


def parse_identity(identity: str) -> PodRef | None:
    """Return the pod that an identity of ours names; None for an identity of another form."""
    name, separator, uid = identity.rpartition("_")
    return PodRef(name, uid) if separator and name and uid else None
