"""What must hold after every single change, whatever goes wrong (G1 to G4), and after the end of all faults (G5)."""

from __future__ import annotations

from model.bucket import ModelBucket
from simulator.cluster import ELECTION, Cluster
from simulator.process import KEY
from simulator.world import World
from tenure.election.entry import Entry
from tenure.election.labels import PodRole, parse_term
from tenure.election.record import LeaseRecord, parse


class Violation(AssertionError):
    """A guarantee does not hold."""


class Invariants:
    """Observes every write to the API and to the bucket.

    `bucket_is_honest` is False in runs in which the server takes acknowledged writes back: then G1 and G2 are checked
    for what the API has shown only.
    """

    def __init__(self, world: World, cluster: Cluster, bucket: ModelBucket, *, bucket_is_honest: bool) -> None:
        self._world = world
        self._cluster = cluster
        self._bucket_is_honest = bucket_is_honest
        self._holders: dict[int, str] = {}
        self._highest_claimed = 0
        self._shown: dict[int, str | None] = {}
        self._status = cluster.resource.status
        self._pod_terms: dict[str, int] = {}
        self.leader_changes = 0
        self.leader_must_stay = False
        """Set in runs, and from the moment on, in which nothing happens that a leader may be changed for."""
        self.crowns = 0
        cluster.observers.append(self._see_cluster)
        bucket.listen(self._see_entry)

    def _fail(self, what: str) -> None:
        raise Violation(f"at {self._world.now_s:.6f} s: {what}")

    def _see_entry(self, key: str, entry: Entry) -> None:
        record = parse(entry.value) if entry.value is not None and key == KEY else None
        if not isinstance(record, LeaseRecord) or not record.by_operator or not self._bucket_is_honest:
            return
        holder = self._holders.setdefault(record.term, record.holder)
        if record.holder and holder and holder != record.holder:
            self._fail(f"G1: term {record.term} is held by {holder} and by {record.holder}")
        if record.holder:
            self._holders[record.term] = record.holder
        if record.term < self._highest_claimed:
            self._fail(f"G2: term {record.term} was written after {self._highest_claimed}")
        self._highest_claimed = record.term

    def _see_cluster(self) -> None:
        status = self._cluster.resource.status
        if status is not self._status:
            self._see_status()
        leaders = []
        for pod in self._cluster.pods.values():
            term = parse_term(pod.term(ELECTION)) or 0
            if term < self._pod_terms.get(pod.uid, 0):
                self._fail(f"tombstone: the term label of {pod.name} fell from {self._pod_terms[pod.uid]} to {term}")
            self._pod_terms[pod.uid] = term
            if pod.role(ELECTION) == PodRole.LEADER:
                leaders.append(pod)
                if self._shown.get(term) != pod.identity:
                    self._fail(
                        f"G3: {pod.name} is crowned for term {term}, which the status gave to {self._shown.get(term)}"
                    )
        if len(leaders) > 1:
            self._fail(f"G3: two leaders: {', '.join(f'{pod.name} ({pod.uid})' for pod in leaders)}")

    def _see_status(self) -> None:
        before, after = self._status, self._cluster.resource.status
        self._status = after
        if after.term < before.term:
            self._fail(f"G4: status.term fell from {before.term} to {after.term}")
        if (after.term_floor or 0) < (before.term_floor or 0):
            self._fail(f"G4: status.termFloor fell from {before.term_floor} to {after.term_floor}")
        if after.term_floor is not None and after.term_floor < after.term:
            self._fail(f"G4: status.termFloor {after.term_floor} is below status.term {after.term}")
        identity = after.leader.identity if after.leader is not None else None
        if self._shown.setdefault(after.term, identity) != identity:
            self._fail(f"G1: status gives term {after.term} to {self._shown[after.term]} and to {identity}")
        if before.leader != after.leader:
            self.leader_changes += 1
            if self.leader_must_stay:
                self._fail(f"G6: the leader changed from {before.leader} to {after.leader} for nothing")
