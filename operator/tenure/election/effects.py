"""What an election wants done. Each effect but `Announce` has exactly one result among the inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tenure.election.labels import PodRole
from tenure.election.pod import PodRef
from tenure.election.record import LeaseRecord
from tenure.election.resource import Status


@dataclass(frozen=True, slots=True)
class ReadLease:
    """Read the record from the stream's leader within `timeout_s`."""

    timeout_s: float


@dataclass(frozen=True, slots=True)
class WriteLease:
    """Put `record` in the place of `expected_revision`, on this connection or not at all, within `timeout_s`.

    None puts a marker there: the key has no value then, but a revision. `value` is the record as it is stored.
    """

    record: LeaseRecord | None
    expected_revision: int
    connection: int
    timeout_s: float
    value: bytes | None


@dataclass(frozen=True, slots=True)
class WriteStatus:
    """Write the status, if the resource still has this version."""

    status: Status
    resource_version: int


@dataclass(frozen=True, slots=True)
class ReadResource:
    """Read the resource from the API, not from a cache."""


@dataclass(frozen=True, slots=True)
class ReadPod:
    """Ask the API for a pod by name, and whether it is this incarnation."""

    ref: PodRef


@dataclass(frozen=True, slots=True)
class ListPods:
    """Take a consistent list of all pods of the namespace, begun after this effect was returned."""


@dataclass(frozen=True, slots=True)
class WriteLabels:
    """Set the labels of one incarnation of a pod, if its term label is still exactly `expected_term` (None: absent).

    `role` None takes the role label off. `term` None leaves the term label as it is. `no_labels_map` tells that the pod
    was seen without a map of labels. A leader label is only written in the place of `expected_role`: so a pod that can
    be crowned, however late, always carries a label of ours and is found by it.
    """

    ref: PodRef
    expected_term: str | None
    expected_role: str | None
    role: PodRole | None
    term: int | None
    no_labels_map: bool = False


@dataclass(frozen=True, slots=True)
class RouteServices:
    """Have the EndpointSlices of these Services hold the address of the leader of `term`, or none, and no other slices.

    `is_ready` is whether the leader was seen Ready, which the slices say. A slice with a term above this one is left as
    it is, but for `forged_term`: the resource was read after that term was seen, and is not so far.
    """

    services: tuple[str, ...]
    term: int
    leader: PodRef | None
    is_ready: bool
    forged_term: int | None = None

    def says_the_same(self, other: RouteServices) -> bool:
        """Whether the slices are to be the same."""
        return replace(self, forged_term=None) == replace(other, forged_term=None)


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell people: an event on the resource, about a pod where it names one, and a line in the log."""

    reason: str
    note: str
    warning: bool = False
    pod: PodRef | None = None


Effect = (
    ReadLease | WriteLease | WriteStatus | ReadResource | ReadPod | ListPods | WriteLabels | RouteServices | Announce
)
