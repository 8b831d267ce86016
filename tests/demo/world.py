"""What the API has shown, one change after another, and in words what each of them changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from tenure.election.labels import role_key, term_key

Kind = Literal["pod", "election", "slice"]

ELECTION = "web"
SERVICE = "web-leader"


@dataclass(frozen=True)
class Change:
    """One event of a watch: when it came (monotonic), and the object as it was at `version`, its resourceVersion."""

    came_at_s: float
    kind: Kind
    deleted: bool
    object: dict[str, Any]

    @property
    def version(self) -> int:
        """The version of the whole store at which this became true: it orders changes of different objects."""
        return int(self.object["metadata"]["resourceVersion"])


@dataclass(frozen=True)
class PodView:
    """What the demo looks at of a pod."""

    name: str
    role: str | None
    term: str | None
    ready: bool
    ending: bool


@dataclass(frozen=True)
class ElectionView:
    """What the demo looks at of a LeaderElection: term 0 and no leader until it has a status."""

    term: int = 0
    leader: str | None = None
    leader_uid: str | None = None
    ready: str | None = None
    candidates: int = 0


@dataclass(frozen=True)
class Endpoint:
    """One ready address, and the pod behind it."""

    address: str
    pod: str | None
    uid: str | None


@dataclass
class World:
    """All pods by UID, the election, and the ready endpoints of the Service, as the changes so far have left them."""

    pods: dict[str, PodView] = field(default_factory=dict)
    election: ElectionView = ElectionView()
    slices: dict[str, frozenset[Endpoint]] = field(default_factory=dict)

    @property
    def endpoints(self) -> frozenset[Endpoint]:
        """The ready endpoints of all EndpointSlices together, which is what traffic is sent to."""
        return frozenset().union(*self.slices.values())

    @property
    def leaders(self) -> dict[str, PodView]:
        """The pods that carry the leader label, by UID."""
        return {uid: pod for uid, pod in self.pods.items() if pod.role == "leader"}

    def routes_to(self, uid: str | None) -> bool:
        """Whether this pod alone carries the label and alone is an endpoint, and the status names it."""
        return (
            uid is not None
            and self.election.leader_uid == uid
            and self.leaders.keys() == {uid}
            and {endpoint.uid for endpoint in self.endpoints} == {uid}
        )

    def apply(self, change: Change) -> list[str]:
        """Take one change, and return a sentence for each thing that a person would want to see in it."""
        uid = change.object["metadata"]["uid"]
        match change.kind:
            case "pod":
                before = self.pods.pop(uid, None)
                if change.deleted:
                    return [f"{change.object['metadata']['name']} is gone"]
                self.pods[uid] = after = _pod_view(change.object)
                return list(_pod_news(before, after))
            case "election":
                was, self.election = self.election, _election_view(change.object)
                return list(_election_news(was, self.election))
            case "slice":
                had = self.endpoints
                self.slices.pop(uid, None)
                if not change.deleted:
                    self.slices[uid] = _ready_endpoints(change.object)
                return [] if self.endpoints == had else [_endpoint_news(self.endpoints)]


def _pod_view(pod: dict[str, Any]) -> PodView:
    labels = pod["metadata"].get("labels", {})
    conditions = pod.get("status", {}).get("conditions") or []
    return PodView(
        name=pod["metadata"]["name"],
        role=labels.get(role_key(ELECTION)),
        term=labels.get(term_key(ELECTION)),
        ready=any(one["type"] == "Ready" and one["status"] == "True" for one in conditions),
        ending="deletionTimestamp" in pod["metadata"],
    )


def _election_view(election: dict[str, Any]) -> ElectionView:
    status = election.get("status", {})
    leader = status.get("leader") or {}
    conditions = status.get("conditions") or []
    return ElectionView(
        term=status.get("term", 0),
        leader=leader.get("podName"),
        leader_uid=leader.get("podUID"),
        ready=next((one["status"] for one in conditions if one["type"] == "Ready"), None),
        candidates=status.get("candidates", 0),
    )


def _ready_endpoints(endpoint_slice: dict[str, Any]) -> frozenset[Endpoint]:
    return frozenset(
        Endpoint(address, (endpoint.get("targetRef") or {}).get("name"), (endpoint.get("targetRef") or {}).get("uid"))
        for endpoint in endpoint_slice.get("endpoints") or []
        if (endpoint.get("conditions") or {}).get("ready") is not False  # "not known" counts as ready
        for address in endpoint["addresses"]
    )


def _pod_news(before: PodView | None, after: PodView) -> Iterator[str]:
    if before is None:
        yield f"{after.name} is created"
        before = PodView(after.name, role=None, term=None, ready=False, ending=False)
    if after.ending and not before.ending:
        yield f"{after.name} is marked as deleted"
    if after.ready and not before.ready:
        yield f"{after.name} is Ready"
    if (after.role, after.term) != (before.role, before.term):
        yield f"{after.name} has the labels role {after.role or 'none'}, term {after.term or 'none'}"


def _election_news(before: ElectionView, after: ElectionView) -> Iterator[str]:
    if (after.term, after.leader_uid) != (before.term, before.leader_uid):
        yield f"the status says: term {after.term}, {after.leader or 'nobody'} leads"


def _endpoint_news(endpoints: frozenset[Endpoint]) -> str:
    listed = ", ".join(sorted(f"{endpoint.pod} ({endpoint.address})" for endpoint in endpoints))
    return f"{SERVICE} routes to {listed or 'nobody'}"
