"""What happens in a world, one line each, for whoever replays a seed."""

from __future__ import annotations

from model.api_server import PODS, Change
from model.bucket import ModelBucket
from simulator.cluster import ELECTION, Cluster
from simulator.world import World
from tenure.api import PLURAL
from tenure.election.entry import Entry
from tenure.election.pod import Pod
from tenure.election.record import LeaseRecord, parse
from tenure.election.resource import Status


class Trace:
    """Prints every change of the API and of the bucket, but for renewals, and every fault."""

    def __init__(self, world: World, cluster: Cluster, bucket: ModelBucket) -> None:
        self._world = world
        self._last: tuple[str, int] | None = None
        cluster.server.on_change.append(self._see_change)
        bucket.listen(self._see_entry)

    def say(self, what: str) -> None:
        """Print a line."""
        print(f"{self._world.now_s:14.6f}  {what}")

    def _see_entry(self, key: str, entry: Entry) -> None:
        record = parse(entry.value) if entry.value is not None else None
        if not isinstance(record, LeaseRecord):
            self.say(f"nats      {key} r{entry.revision}: {record}")
            self._last = None
        elif (record.holder, record.term) != self._last:
            self._last = (record.holder, record.term)
            self.say(f"nats      {key} r{entry.revision}: term {record.term} {record.holder or '-'} by {record.nonce}")

    def _see_change(self, change: Change) -> None:
        if change.after is None:
            self.say(f"api       {change.kind} {change.object.name} ({change.object.uid}) is gone")
        elif change.kind == PODS:
            self.say(f"api       {_pod(change.after.pod)}")
        elif change.kind != PLURAL:
            endpoints = [(one["addresses"], one.get("conditions")) for one in change.after.body.get("endpoints", ())]
            said = change.after.body["metadata"].get("annotations")
            self.say(f"api       {change.kind} {change.after.name} v{change.version} {said} {endpoints}")
        else:
            self.say(f"api       {_status(change.after.resource.status)}, spec {change.after.body['spec']}")


def _pod(pod: Pod) -> str:
    state = "terminating" if pod.terminating else "finished" if pod.finished else "ready" if pod.ready else "not ready"
    return f"{pod.name} ({pod.uid}) {state} {pod.labels} {pod.role(ELECTION)} {pod.term(ELECTION)}"


def _status(status: Status) -> str:
    leader = status.leader.identity if status.leader is not None else "-"
    unfenced = ",".join(ref.uid for ref in status.unfenced)
    said = " ".join(f"{one.type}={one.reason}" for one in status.conditions if one.type != "Ready")
    return f"status term {status.term} floor {status.term_floor} leader {leader} unfenced [{unfenced}] {said}"
