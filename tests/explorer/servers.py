"""The modelled servers, NATS with one key of one bucket and the Kubernetes API, as values, and what they do when asked.

A server is never changed: what is asked of it, or befalls it, returns the server as it is afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from explorer.guarantees import ELECTION, Holders, check_labels, with_record, with_status
from tenure.election import effects, inputs
from tenure.election.effects import Effect
from tenure.election.entry import ABSENT, Entry
from tenure.election.inputs import Input, LabelOutcome, LabelsWritten, LeaseWritten, WriteOutcome
from tenure.election.labels import PodRole, role_key, term_key
from tenure.election.pod import Pod, PodRef
from tenure.election.record import render
from tenure.election.resource import Resource, Spec, Status
from tenure.election.selector import Operator, Requirement, Selector
from tenure.election.timing import Timing

SPEC = Spec(
    Selector((Requirement("app", Operator.IN, ("web",)),)),
    Timing(duration_s=3, renew_deadline_s=2, renew_interval_s=1),
)


_NEW = Resource("shop", ELECTION, "election", generation=1, resource_version=1, spec=SPEC, status=Status())


class Served(NamedTuple):
    """What comes of a request: the server afterwards, the answer, and the event that watches are to show, if any."""

    server: Bucket | Api
    answer: Input
    event: Input | None = None


@dataclass(frozen=True, slots=True)
class Bucket:
    """The bucket. `last` is its last revision, `claimed` who has ever had a term by a record in it."""

    last: int = 0
    entry: Entry = ABSENT
    claimed: Holders = ()

    def serve(self, request: Effect) -> Served:
        """Serve a read or a compare-and-set."""
        if not isinstance(request, effects.WriteLease):
            return Served(self, inputs.LeaseRead(self.entry))
        if request.expected_revision != self.entry.revision:
            return Served(self, LeaseWritten(WriteOutcome.WRONG_REVISION))
        entry = Entry(self.last + 1, render(request.record) if request.record else None, 0.0)
        claimed = with_record(self.claimed, request.record) if request.record else self.claimed
        after = Bucket(entry.revision, entry, claimed)
        return Served(after, LeaseWritten(WriteOutcome.APPLIED, entry.revision), inputs.EntrySeen(entry, 0))

    def lost(self) -> Bucket:
        """Lose the bucket with all that is in it. One is made in its place, whose revisions are higher."""
        return replace(self, entry=ABSENT)

    def is_spent(self, request: Effect) -> bool:
        """Whether a request does nothing whenever it arrives: revisions do not come back, except for 0."""
        if not isinstance(request, effects.WriteLease):
            return True
        return request.expected_revision not in (0, self.entry.revision)


@dataclass(frozen=True, slots=True)
class Api:
    """The Kubernetes API. `made` is how many pods there have been, `shown` who was ever the leader in the status."""

    resource: Resource = _NEW
    pods: tuple[Pod, ...] = ()
    made: int = 0
    shown: Holders = ()

    def serve(self, request: Effect) -> Served:
        """Serve a read or a write."""
        match request:
            case effects.ReadPod(ref):
                pod = self.pod(ref)
                return Served(self, inputs.PodGone(ref.uid) if pod is None else inputs.PodRead(ref, pod))
            case effects.ListPods():
                return Served(self, inputs.PodsListed(tuple(pod.ref for pod in self.pods)))
            case effects.ReadResource():
                return Served(self, inputs.ResourceSeen(self.resource, 0.0))
            case effects.WriteStatus(status, version) if version == self.resource.resource_version:
                shown = with_status(self.shown, self.resource.status, status)
                resource = replace(self.resource, status=status, resource_version=version + 1)
                after = replace(self, resource=resource, shown=shown)
                return Served(after, inputs.StatusWritten(resource), inputs.ResourceSeen(resource))
            case effects.WriteStatus():
                return Served(self, inputs.StatusWritten(None))
            case effects.WriteLabels():
                return self._write_labels(request)
            case _:
                raise AssertionError(request)

    def _write_labels(self, write: effects.WriteLabels) -> Served:
        """Do what the JSON Patch does that a label write stands for."""
        pod = self.pod(write.ref)
        if pod is None:
            return Served(self, LabelsWritten(write.ref, LabelOutcome.GONE))
        is_another = write.role in (None, PodRole.LEADER) and pod.role(ELECTION) != write.expected_role
        if is_another or pod.term(ELECTION) != write.expected_term:
            return Served(self, LabelsWritten(write.ref, LabelOutcome.CHANGED, pod))
        labels = {key: value for key, value in (pod.labels or {}).items() if key != role_key(ELECTION)}
        if write.role is not None:
            labels[role_key(ELECTION)] = str(write.role)
        if write.term is not None:
            labels[term_key(ELECTION)] = str(write.term)
        after, changed = self._changed(pod, labels=labels)
        check_labels(self.shown, pod, changed, after.pods)
        return Served(after, LabelsWritten(write.ref, LabelOutcome.APPLIED, changed), inputs.PodSeen(changed))

    def pod(self, ref: PodRef) -> Pod | None:
        """This incarnation of a pod, None when it exists no more."""
        return next((pod for pod in self.pods if pod.ref == ref), None)

    def is_spent(self, request: Effect) -> bool:
        """Whether a request does nothing whenever it arrives: versions do not come back, and terms on pods neither."""
        match request:
            case effects.WriteStatus(_, version):
                return version != self.resource.resource_version
            case effects.WriteLabels(ref=ref, expected_term=term):
                pod = self.pod(ref)
                return pod is None or pod.term(ELECTION) != term
            case _:
                return True

    # What happens to pods, with the event that tells of it

    def created(self, name: str) -> tuple[Api, Input]:
        """Create a pod, Ready at once."""
        made = self.made + 1
        pod = Pod(name, f"{name}{made}", 1, {"app": "web"}, ready=True)
        return replace(self, pods=(*self.pods, pod), made=made), inputs.PodSeen(pod)

    def ended(self, name: str) -> tuple[Api, Input]:
        """Let a pod exist no more."""
        gone = self._named(name)
        return replace(self, pods=tuple(pod for pod in self.pods if pod is not gone)), inputs.PodGone(gone.uid)

    def drained(self, name: str) -> tuple[Api, Input]:
        """Mark a pod as deleted; it goes on for a while."""
        after, pod = self._changed(self._named(name), terminating=True)
        return after, inputs.PodSeen(pod)

    def flipped(self, name: str) -> tuple[Api, Input]:
        """Let a pod that is Ready be it no more, or be it again."""
        before = self._named(name)
        after, pod = self._changed(before, ready=not before.ready)
        return after, inputs.PodSeen(pod)

    def _named(self, name: str) -> Pod:
        return next(pod for pod in self.pods if pod.name == name)

    def _changed(self, before: Pod, **changes: Any) -> tuple[Api, Pod]:
        after = replace(before, resource_version=before.resource_version + 1, **changes)
        return replace(self, pods=tuple(after if pod is before else pod for pod in self.pods)), after
