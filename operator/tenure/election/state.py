"""What one election knows, and what is on its way.

Inputs change what is known. Whoever returns an effect notes here that it is on its way, and its result takes that away.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tenure.election import effects, inputs, switchover
from tenure.election.alarm import FOREVER_S, Alarm, Backoff
from tenure.election.campaign import CLAIM_GAP
from tenure.election.clock import Instant
from tenure.election.elector import Elector
from tenure.election.inputs import Input, LabelOutcome
from tenure.election.label_backoff import LabelBackoff
from tenure.election.labels import PodRole, parse_term
from tenure.election.lease_state import LeaseInput, LeaseState
from tenure.election.ledger import Listing
from tenure.election.operations import StatusOperation
from tenure.election.pod import Pod, PodRef, parse_identity
from tenure.election.resource import Resource, Spec
from tenure.election.routes import RouteInput, Routes
from tenure.election.rules import DEFAULT_RULES
from tenure.election.slate import Slate
from tenure.election.timing import Timing

_MAX_GONE = 64
"""UIDs that are remembered before those go that no decision rests on."""

_MAX_REFUSALS = 5
"""How often the leader label may be refused on a pod before another one is to lead: some eight seconds."""


@dataclass(slots=True)
class State(LeaseState):
    """See the module. Times are monotonic seconds.

    `spec` is that of the resource when it can be acted on, and `timing` what it asks for, else the default one.
    `pod_seen_at_s`, `resource_seen_at_s` and `resource_read_at_s` order what was heard of the two; `pod_reads` are the
    pods that are being read, and `pod_read_at_s` those that were, each with the time at which that was begun.
    `gone` are UIDs that the API has said to exist no more (the last of them, and all that a decision may rest on).
    `cordoned` are the nodes that pods are to leave. `own_version` is that of the resource which was written here last.
    `floor_covers` see `campaign.View`. `listed` is the last consistent list.
    `repairs` counts, per pod, the label writes in the term `repairs_term`: too many mean that others write too.
    `uncrownable` are pods on which the API refused the leader label again and again, until it takes it. `is_changed` is
    set by every input but those about the record, and cleared by whoever has decided about the status and the labels.
    """

    resource: Resource | None = None
    spec: Spec | None = None
    timing: Timing = field(default_factory=Timing.derive)
    resource_seen_at_s: float = 0.0
    resource_read_at_s: float = -1.0
    resource_is_stale: bool = False
    own_version: int = 0
    pods: dict[str, Pod] = field(default_factory=dict)
    pod_seen_at_s: dict[str, float] = field(default_factory=dict)
    pod_read_at_s: dict[str, float] = field(default_factory=dict)
    pods_complete: bool = False
    cordoned: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    floor_covers: int | None = None
    listed: Listing | None = None
    refused_labels: dict[str, str] = field(default_factory=dict)
    uncrownable: frozenset[str] = frozenset()
    repairs: dict[str, LabelBackoff] = field(default_factory=dict)
    repairs_term: int = 0

    status_write: StatusOperation | None = None
    resource_read_sent_at_s: float | None = None
    pod_reads: dict[str, float] = field(default_factory=dict)
    label_writes: dict[str, effects.WriteLabels] = field(default_factory=dict)
    list_sent_for_term: int | None = None

    routes: Routes = field(default_factory=Routes)
    api_backoff: Backoff = field(default_factory=lambda: Backoff(0.2, 5.0))
    status_backoff: Backoff = field(default_factory=lambda: Backoff(0.05, 30.0))
    is_changed: bool = False
    _highest_label: int | None = None
    _candidates: tuple[Pod, ...] | None = None

    @property
    def candidates(self) -> tuple[Pod, ...]:
        """The known pods that the selector selects and that are not finished."""
        if self._candidates is None:
            spec = self.spec
            self._candidates = (
                ()
                if spec is None
                else tuple(p for p in self.pods.values() if not p.finished and spec.selector.matches(p.labels or {}))
            )
        return self._candidates

    def slate(self, now: Instant) -> Slate:
        """The candidates as they are judged now."""
        rules = self.spec.rules if self.spec is not None else DEFAULT_RULES
        return Slate(self.candidates, rules, now.wall_s, self.uncrownable, self.cordoned)

    def changes_at_s(self, now: Instant) -> float:
        """The Unix time at which the passing of time alone changes who leads or may lead, infinite for never."""
        if self.resource is None or self.spec is None:
            return FOREVER_S
        planned_s = switchover.changes_at_s(self.spec, self.resource.status, now.wall_s)
        return min(self.slate(now).changes_at_s(), planned_s)

    @property
    def highest_label(self) -> int:
        """The highest term that a known pod was told, 0 for none.

        Anybody could write a label: none is believed that is further above the floor than a record may be.
        """
        if self.resource is None:
            return 0
        if self._highest_label is None:
            name, status = self.resource.name, self.resource.status
            terms = (parse_term(pod.term(name)) or 0 for pod in self.pods.values())
            self._highest_label = max(filter(status.believes, terms), default=0)
        return self._highest_label

    @property
    def earlier_term(self) -> int:
        """The highest term that an earlier life of the election can have shown, 0 for none.

        Only labels tell of it, and the status that it had may have been ahead of them.
        """
        return self.highest_label + CLAIM_GAP if self.highest_label else 0

    @property
    def has_stray_leader(self) -> bool:
        """Whether a pod carries the leader label although the status has not named a leader yet."""
        if self.resource is None or self.resource.status.term:
            return False
        name = self.resource.name
        return any(pod.role(name) == PodRole.LEADER for pod in self.pods.values())

    def wanted_routes(self) -> effects.RouteServices | None:
        """Return what the status in force says of the slices; None when there are none to write or to take away."""
        if self.resource is None or self.spec is None or not self.resource.status.term:
            return None
        if not self.spec.services and not self.routes.may_be_left:
            return None
        status = self.resource.status
        leader = status.leader.pod if status.leader is not None else None
        pod = self.pods.get(leader.uid) if leader is not None else None
        return effects.RouteServices(
            self.spec.services,
            status.term,
            leader if leader is not None and leader.uid not in self.gone else None,
            is_ready=pod is not None and pod.ready,
            forged_term=self.routes.above if self.routes.above_at_s <= self.resource_read_at_s else None,
        )

    def referenced_uids(self) -> set[str]:
        """The pods on whose fate a decision may rest: shown as leader, to be stamped, listed, or holding the lease."""
        uids: set[str] = set()
        if self.resource is not None:
            leader = self.resource.status.leader
            uids |= {ref.uid for ref in (*self.resource.status.unfenced, leader.pod if leader else None) if ref}
        if self.listed is not None:
            uids |= {ref.uid for ref in self.listed.pods}
        holder = parse_identity(self.lease.holder) if self.lease is not None else None
        return uids if holder is None else uids | {holder.uid}

    def absorb(self, now: Instant, happened: Input) -> None:
        """Take one input."""
        if isinstance(happened, LeaseInput):
            self.absorb_lease(now.monotonic_s, happened, self.timing)
        elif isinstance(happened, RouteInput):
            self.is_changed = True
            self.routes.absorb(now.monotonic_s, happened)
        else:
            self.is_changed = True
            self._absorb_object(now.monotonic_s, happened)

    def _absorb_object(self, now_s: float, happened: Input) -> None:
        match happened:
            case inputs.ConnectionChanged(connection):
                self.connection = connection
            case inputs.ResourceSeen(resource, read_at_s):
                self._see_resource(now_s, resource, read_at_s)
            case inputs.ResourceReadFailed():
                self.resource_read_sent_at_s = None
                self.api_backoff.failed(now_s)
            case inputs.StatusWritten(resource):
                self._conclude_status_write(now_s, resource)
            case _:
                self._absorb_pods(now_s, happened)

    def _absorb_pods(self, now_s: float, happened: Input) -> None:
        match happened:
            case inputs.PodSeen(pod):
                self.see_pod(now_s, pod)
            case inputs.PodGone(uid):
                self._lose_pod(uid)
                self.pod_reads.pop(uid, None)
            case inputs.PodsComplete():
                self.pods_complete = True
            case inputs.NodesCordoned(names):
                self.cordoned = names
            case inputs.PodRead(ref, pod):
                begun_at_s = self.pod_reads.pop(ref.uid, now_s)
                if pod is None:
                    self.api_backoff.failed(now_s)
                else:
                    self.api_backoff.succeeded()
                    self.see_pod(now_s, pod)
                    self.pod_read_at_s[ref.uid] = begun_at_s
            case inputs.LabelsWritten():
                self._conclude_labels(now_s, happened)
            case inputs.PodsListed(refs):
                self._conclude_list(now_s, refs)

    def read_resource(self, now_s: float, alarm: Alarm) -> list[effects.Effect]:
        """Return the read of the resource, unless one is under way or it is too early after a failure."""
        if self.resource_read_sent_at_s is not None or not self.api_backoff.may_try(now_s, wake=alarm):
            return []
        self.resource_read_sent_at_s = now_s
        return [effects.ReadResource()]

    def read_pod(self, now_s: float, ref: PodRef, alarm: Alarm) -> list[effects.Effect]:
        """Return the read of a pod, unless one is under way or it is too early after a failure."""
        if ref.uid in self.pod_reads or not self.api_backoff.may_try(now_s, wake=alarm):
            return []
        self.pod_reads[ref.uid] = now_s
        return [effects.ReadPod(ref)]

    def see_pod(self, now_s: float, pod: Pod) -> None:
        """Take a pod's version unless a later one is known."""
        known = self.pods.get(pod.uid)
        if pod.uid in self.gone or (known is not None and known.resource_version >= pod.resource_version):
            return
        self.pods[pod.uid] = pod
        self.pod_seen_at_s[pod.uid] = now_s
        self._forget_derived()

    def forget_irrelevant_pods(self) -> None:
        """Drop pods that are neither candidates nor carry a label of this election nor are referenced."""
        if self.resource is None:
            return
        name = self.resource.name
        wanted = {pod.uid for pod in self.candidates}
        bare = {uid for uid, pod in self.pods.items() if pod.role(name) is None and pod.term(name) is None}
        if strangers := bare - wanted:
            for uid in strangers - self.referenced_uids():
                self._drop_pod(uid)
        self.electors = {
            identity: elector
            for identity, elector in self.electors.items()
            if any(pod.identity == identity for pod in self.pods.values()) or elector is self._writing_elector
        }

    @property
    def _writing_elector(self) -> Elector | None:
        return self.lease_operation.elector if self.lease_operation is not None else None

    def _see_resource(self, now_s: float, resource: Resource, read_at_s: float | None) -> None:
        if read_at_s is not None:
            self.resource_read_sent_at_s = None
            self.resource_read_at_s = read_at_s
            self.api_backoff.succeeded()
        is_newer = self.resource is None or resource.resource_version > self.resource.resource_version
        if is_newer:
            self.resource = resource
            self.spec = resource.spec if isinstance(resource.spec, Spec) else None
            self.timing = self.spec.timing if self.spec is not None else Timing.derive()
            self._forget_derived()
        if is_newer or read_at_s is not None:
            self.resource_seen_at_s = now_s
            self.resource_is_stale = False

    def _conclude_status_write(self, now_s: float, resource: Resource | None) -> None:
        operation, self.status_write = self.status_write, None
        assert operation is not None
        if resource is None:
            self.resource_is_stale = True
            self.status_backoff.failed(now_s)
            return
        self.status_backoff.succeeded()
        if operation.covers is not None:
            self.floor_covers = operation.covers
        self.own_version = resource.resource_version
        self._see_resource(now_s, resource, None)

    def _conclude_labels(self, now_s: float, result: inputs.LabelsWritten) -> None:
        uid = result.ref.uid
        write = self.label_writes.pop(uid, None)
        self.refused_labels.pop(uid, None)
        if result.pod is not None:
            self.see_pod(now_s, result.pod)
        if result.outcome is LabelOutcome.GONE:
            self._lose_pod(uid)
            return
        if result.outcome is LabelOutcome.REFUSED:
            self.refused_labels[uid] = f"{result.ref.name}: {result.reason}"
        repairs = self.repairs.setdefault(uid, LabelBackoff())
        if not (result.outcome is LabelOutcome.APPLIED and write is not None and self.precedes_a_crown(write)):
            repairs.count(now_s, result.outcome)
        if write is not None and write.role is PodRole.LEADER:
            if result.outcome is LabelOutcome.APPLIED:
                self.uncrownable -= {uid}
            elif result.outcome is LabelOutcome.REFUSED and repairs.failures >= _MAX_REFUSALS:
                self.uncrownable |= {uid}

    def precedes_a_crown(self, write: effects.WriteLabels) -> bool:
        """Whether a write makes a follower of the leader, which is half of a repair."""
        leader = self.resource.status.leader if self.resource is not None else None
        return write.role is PodRole.FOLLOWER and leader is not None and leader.pod == write.ref

    def _conclude_list(self, now_s: float, pods: tuple[PodRef, ...] | None) -> None:
        term, self.list_sent_for_term = self.list_sent_for_term, None
        if pods is None or term is None:
            self.api_backoff.failed(now_s)
            return
        self.api_backoff.succeeded()
        self.listed = Listing(term, pods)

    def _forget_derived(self) -> None:
        self._candidates = self._highest_label = None

    def _lose_pod(self, uid: str) -> None:
        if len(self.gone) >= _MAX_GONE:
            # Of those that are being written an answer of before their end may yet come.
            self.gone &= self.referenced_uids() | self.label_writes.keys()
        self.gone |= {uid}
        self._drop_pod(uid)

    def _drop_pod(self, uid: str) -> None:
        self.pods.pop(uid, None)
        self.pod_seen_at_s.pop(uid, None)
        self.pod_read_at_s.pop(uid, None)
        self.repairs.pop(uid, None)
        self.refused_labels.pop(uid, None)
        self.uncrownable -= {uid}
        self._forget_derived()
