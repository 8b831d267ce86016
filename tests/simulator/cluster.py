"""The modelled Kubernetes API: one namespace with one election and its pods, and everybody who watches them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tenure.election.effects import WriteLabels, WriteStatus
from tenure.election.inputs import LabelOutcome, LabelsWritten
from tenure.election.labels import PodRole, role_key, term_key
from tenure.election.pod import Pod, PodRef
from tenure.election.resource import Resource, Spec, Status
from tenure.election.selector import Operator, Requirement, Selector
from tenure.election.timing import Timing

ELECTION = "web"
SELECTED = {"app": "web"}


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a watch: a version of the resource or of a pod, or the end of a pod."""

    resource: Resource | None = None
    pod: Pod | None = None
    gone_uid: str | None = None


class Conflict(Exception):
    """The object has another version."""


class Cluster:
    """Objects with resource versions; each change is told to the observers at once, and to watchers as an event."""

    def __init__(self, timing: Timing) -> None:
        self._version = 100
        self._uids = 0
        self.pods: dict[str, Pod] = {}
        selector = Selector((Requirement("app", Operator.IN, ("web",)),))
        self.resource = Resource(
            namespace="shop",
            name=ELECTION,
            uid="election",
            generation=1,
            resource_version=self._version,
            spec=Spec(selector=selector, timing=timing),
            status=Status(),
        )
        self.observers: list[Callable[[], None]] = []
        self.watchers: list[Callable[[Event], None]] = []

    # What operators ask for

    def write_status(self, write: WriteStatus) -> Resource:
        """Write the status if the version is the one given; the schema's rules are checked by the invariants."""
        if write.resource_version != self.resource.resource_version:
            raise Conflict
        self.resource = replace(self.resource, status=write.status, resource_version=self._next_version())
        self._changed(Event(resource=self.resource))
        return self.resource

    def write_labels(self, write: WriteLabels) -> LabelsWritten:
        """Apply a label write as the JSON Patch does that it stands for."""
        pod = self.pods.get(write.ref.name)
        if pod is None or pod.uid != write.ref.uid:
            return LabelsWritten(write.ref, LabelOutcome.GONE)
        is_another = write.role in (None, PodRole.LEADER) and pod.role(ELECTION) != write.expected_role
        if pod.term(ELECTION) != write.expected_term or (pod.labels is None) != write.no_labels_map or is_another:
            return LabelsWritten(write.ref, LabelOutcome.CHANGED, pod)
        labels = dict(pod.labels or {})
        if write.role is None:
            del labels[role_key(ELECTION)]
        else:
            labels[role_key(ELECTION)] = str(write.role)
        if write.term is not None:
            labels[term_key(ELECTION)] = str(write.term)
        return LabelsWritten(write.ref, LabelOutcome.APPLIED, self.change_pod(pod, labels=labels))

    def pod(self, ref: PodRef) -> Pod | None:
        """This incarnation of a pod, None when it exists no more."""
        pod = self.pods.get(ref.name)
        return pod if pod is not None and pod.uid == ref.uid else None

    def listed(self) -> tuple[PodRef, ...]:
        """The pods that match the selector or carry a label of the election."""
        return tuple(
            pod.ref
            for pod in self.pods.values()
            if (pod.labels or {}).items() >= SELECTED.items() or pod.role(ELECTION) or pod.term(ELECTION)
        )

    # What happens to pods

    def create_pod(self, name: str, *, now_s: float) -> Pod:
        """Create a pod, not Ready yet."""
        self._uids += 1
        uid = f"uid{self._uids}"
        pod = Pod(name, uid, self._next_version(), dict(SELECTED), ready_since_s=now_s)
        self.pods[name] = pod
        self._changed(Event(pod=pod))
        return pod

    def change_pod(self, pod: Pod, **changes: object) -> Pod:
        """Change a pod."""
        changed = replace(pod, resource_version=self._next_version(), **changes)  # type: ignore[arg-type]
        self.pods[pod.name] = changed
        self._changed(Event(pod=changed))
        return changed

    def end_pod(self, name: str) -> None:
        """Let a pod exist no more."""
        pod = self.pods.pop(name)
        self._next_version()
        self._changed(Event(gone_uid=pod.uid))

    def change_spec(self, spec: Spec) -> None:
        """Change what the resource asks for."""
        self.resource = replace(
            self.resource, spec=spec, generation=self.resource.generation + 1, resource_version=self._next_version()
        )
        self._changed(Event(resource=self.resource))

    def _next_version(self) -> int:
        self._version += 1
        return self._version

    def _changed(self, event: Event) -> None:
        for observe in self.observers:
            observe()
        for watch in self.watchers:
            watch(event)
