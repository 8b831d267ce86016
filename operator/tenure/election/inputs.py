"""What an election is told. Everything that happens outside reaches it as one of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tenure.election.entry import Entry
from tenure.election.pod import Pod, PodRef
from tenure.election.resource import Resource


class WriteOutcome(StrEnum):
    """How a compare-and-set in NATS ended."""

    APPLIED = "applied"
    WRONG_REVISION = "wrong revision"
    UNAVAILABLE = "surely not written"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ResourceSeen:
    """A version of the resource: from the watch, or from a read that was begun at `read_at_s` (monotonic)."""

    resource: Resource
    read_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class PodSeen:
    """A pod as an event, a read or the answer to a write showed it."""

    pod: Pod


@dataclass(frozen=True, slots=True)
class PodGone:
    """This incarnation of a pod exists no more: its deletion was watched, or the API did not know it when asked."""

    uid: str


@dataclass(frozen=True, slots=True)
class PodsComplete:
    """Every pod that a complete list showed has been told."""


@dataclass(frozen=True, slots=True)
class NodesCordoned:
    """These nodes, by name, are the ones that pods are to leave now."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class EntrySeen:
    """The watch of the bucket showed this entry."""

    entry: Entry
    connection: int


@dataclass(frozen=True, slots=True)
class ConnectionChanged:
    """The connection to NATS has this number now; 0 while there is none."""

    connection: int


@dataclass(frozen=True, slots=True)
class LeaseRead:
    """The result of `effects.ReadLease`: the entry, or None when there was no answer."""

    entry: Entry | None


@dataclass(frozen=True, slots=True)
class LeaseWritten:
    """The result of `effects.WriteLease`. `revision` means something only when it was applied."""

    outcome: WriteOutcome
    revision: int = 0


@dataclass(frozen=True, slots=True)
class StatusWritten:
    """The result of `effects.WriteStatus`: the resource as it stands now.

    None when it was refused, when the resource has another version, or when the outcome is not known.
    """

    resource: Resource | None


@dataclass(frozen=True, slots=True)
class ResourceReadFailed:
    """`effects.ReadResource` had no answer."""


@dataclass(frozen=True, slots=True)
class PodRead:
    """The result of `effects.ReadPod` for one incarnation: the pod, or None when there was no answer.

    That it is gone is told by `PodGone`.
    """

    ref: PodRef
    pod: Pod | None


class LabelOutcome(StrEnum):
    """How a label write ended."""

    APPLIED = "applied"
    CHANGED = "the pod's term label is another"
    GONE = "the pod is gone"
    REFUSED = "refused"
    UNAVAILABLE = "no answer"


@dataclass(frozen=True, slots=True)
class LabelsWritten:
    """The result of `effects.WriteLabels`; `pod` is what the API showed last, `reason` why it was refused."""

    ref: PodRef
    outcome: LabelOutcome
    pod: Pod | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PodsListed:
    """The result of `effects.ListPods`: all pods that carry a label of the election or match its selector, or None."""

    pods: tuple[PodRef, ...] | None


@dataclass(frozen=True, slots=True)
class RouteSeen:
    """A watch has shown this version of a Service that the election names, or of a slice that was written for it."""

    what: str
    version: int


@dataclass(frozen=True, slots=True)
class SlicesListed:
    """A list has shown these versions of the slices that were written for the election, and no other slices."""

    versions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ServicesRouted:
    """The result of `effects.RouteServices`.

    `versions` are those of the Services and slices as they stand now, by kind and name. `refusals` are sentences, one
    for each that cannot be routed. `above` is the term of a slice that is above the one to be written, `is_done` tells
    that all was looked at and written that had to be.
    """

    versions: Mapping[str, int]
    refusals: tuple[str, ...] = ()
    above: int | None = None
    is_done: bool = True


@dataclass(frozen=True, slots=True)
class StandBack:
    """The process that campaigns for itself must not lead before this monotonic time, and gives up what it holds."""

    until_s: float


Input = (
    ResourceSeen
    | PodSeen
    | PodGone
    | PodsComplete
    | NodesCordoned
    | EntrySeen
    | ConnectionChanged
    | LeaseRead
    | LeaseWritten
    | StatusWritten
    | ResourceReadFailed
    | PodRead
    | LabelsWritten
    | PodsListed
    | RouteSeen
    | SlicesListed
    | ServicesRouted
    | StandBack
)
