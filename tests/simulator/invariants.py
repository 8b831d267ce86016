"""What must hold after every single change of the API and of the bucket, whatever goes wrong (G1 to G4)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from model.api_server import PODS, Change
from model.bucket import ModelBucket
from simulator.cluster import ELECTION, Cluster
from simulator.conduct import Conduct
from simulator.history import History
from simulator.nodes import KEY
from simulator.process import Process
from simulator.world import World
from tenure.api import PLURAL
from tenure.election.end_of_term import EndOfTerm
from tenure.election.entry import Entry
from tenure.election.labels import PodRole, parse_term
from tenure.election.pod import Pod
from tenure.election.record import LeaseRecord, parse
from tenure.election.resource import Answer, Leader, Resource, Status
from tenure.election.switchover import Result

parse_once = lru_cache(maxsize=16)(parse)
"""Parses what is written once for all who see it: the same bytes are the same record, and parsing takes its time."""


class Violation(AssertionError):
    """A guarantee does not hold."""


class Invariants:
    """Observes every write to the API and to the bucket.

    `bucket_is_honest` is False in worlds in which the server takes acknowledged writes back: then G1 and G2 are checked
    for what the API has shown. `clocks_agree` is False in worlds in which wall clocks are wrong: nodes that judge a
    lease by theirs may then take it too early. `loses_records` is True in worlds in which a floor must be raised.
    `pods_campaign` is True where nobody campaigns for the pods.
    """

    def __init__(
        self,
        world: World,
        cluster: Cluster,
        bucket: ModelBucket,
        processes: Sequence[Process],
        *,
        bucket_is_honest: bool,
        clocks_agree: bool,
        loses_records: bool,
        pods_campaign: bool = False,
    ) -> None:
        self._world = world
        self._processes = processes
        self._bucket_is_honest = bucket_is_honest
        self._clocks_agree = clocks_agree
        self._loses_records = loses_records
        self._pods_campaign = pods_campaign
        self.history = History(cluster)
        self._record: LeaseRecord | None = None
        self._record_life = 0
        self._bucket = bucket
        self._leaders: dict[str, Pod] = {}
        self._pod_terms: dict[str, int] = {}
        self.forged: set[str] = set()
        """UIDs of pods whose term label somebody else has written: that one may fall."""
        self.leader_changes = 0
        self.renewals = 0
        cluster.server.on_change.append(self._see_change)
        bucket.listen(self._see_entry)
        for process in processes:
            Conduct(process, self.history, self._fail)

    def _fail(self, what: str) -> None:
        raise Violation(f"at {self._world.now_s:.6f} s: {what}")

    # The bucket

    def _see_entry(self, key: str, entry: Entry) -> None:
        if key != KEY:
            return
        replaced = self._record if self._record_life == self._bucket.lives else None
        record = parse_once(entry.value) if entry.value is not None else None
        self._record_life = self._bucket.lives
        self._record = record if isinstance(record, LeaseRecord) else None
        if self._record is not None:
            self._see_record(self._record, replaced)

    def _see_record(self, record: LeaseRecord, replaced: LeaseRecord | None) -> None:
        history = self.history
        history.note(record)
        if replaced is not None and record.holder == replaced.holder and record.term == replaced.term:
            self.renewals += 1
        elif replaced is not None and replaced.holder not in ("", record.holder):
            self._see_claim_over(record, replaced)
        if record.by_operator and self._bucket_is_honest:
            holder = history.holders.get(record.term, "")
            if record.holder and holder and holder != record.holder:
                self._fail(f"G1: term {record.term} is held by {holder} and by {record.holder}")
            if record.term < history.highest_claimed:
                self._fail(f"G2: term {record.term} was written after {history.highest_claimed}")
            history.holders[record.term] = record.holder or holder
            history.highest_claimed = record.term
        self._see_who_leads()

    def _see_claim_over(self, record: LeaseRecord, replaced: LeaseRecord) -> None:
        """A lease is taken that was not released: by then nobody may count its holder as leader any more."""
        if record.holder == "" or not self._bucket_is_honest or not (record.by_operator or self._clocks_agree):
            return
        for process in self._processes:
            leading = process.leading
            if leading is not None and (leading.identity, leading.term) == (replaced.holder, replaced.term):
                self._fail(f"lease: {record.holder} takes the lease while {process.name} counts {leading} as leader")

    def _see_who_leads(self) -> None:
        """A process counts a pod as leader only through a write of its own."""
        for process in self._processes:
            leading = process.leading
            if leading and not self.history.was_written_by(leading.writer, leading.identity, leading.term):
                self._fail(f"lease: {process.name} counts {leading} as leader, which it has not written")

    # The API

    def _see_change(self, change: Change) -> None:
        if change.kind == PODS:
            self._see_pod(change.before.pod if change.before else None, change.after.pod if change.after else None)
        elif change.kind == PLURAL:
            self._see_election(
                change.before.resource if change.before else None, change.after.resource if change.after else None
            )

    def _see_pod(self, before: Pod | None, pod: Pod | None) -> None:
        if pod is None:
            assert before is not None
            self._leaders.pop(before.uid, None)
            self._pod_terms.pop(before.uid, None)
            return
        term = parse_term(pod.term(ELECTION)) or 0
        known = self._pod_terms.get(pod.uid, 0)
        if term < known and pod.uid not in self.forged:
            self._fail(f"tombstone: the term label of {pod.name} fell from {known} to {term}")
        self._pod_terms[pod.uid] = term
        had_role = before is not None and before.role(ELECTION) is not None
        if pod.role(ELECTION) is not None and pod.term(ELECTION) is None and not had_role:
            self._fail(f"G3: {pod.name} gets the role {pod.role(ELECTION)} without a term")
        if pod.role(ELECTION) != PodRole.LEADER:
            self._leaders.pop(pod.uid, None)
            return
        is_new = pod.uid not in self._leaders or term != known
        self._leaders[pod.uid] = pod
        if is_new and pod.uid not in self.forged and self.history.shown.get(term) != pod.identity:
            shown = self.history.shown.get(term)
            self._fail(f"G3: {pod.name} is crowned for term {term}, which the status gave to {shown}")
        if len(self._leaders) > 1:
            self._fail(f"G3: two leaders: {', '.join(sorted(one.identity for one in self._leaders.values()))}")

    def _see_election(self, before: Resource | None, after: Resource | None) -> None:
        if after is None:
            return
        old, new = before.status if before is not None else Status(), after.status
        if new.term < old.term:
            self._fail(f"G4: status.term fell from {old.term} to {new.term}")
        if (new.term_floor or 0) < (old.term_floor or 0):
            self._fail(f"G4: status.termFloor fell from {old.term_floor} to {new.term_floor}")
        if new.term_floor is not None and new.term_floor < new.term:
            self._fail(f"G4: status.termFloor {new.term_floor} is below status.term {new.term}")
        highest = max(old.term_floor or 0, new.term, self.history.highest_claimed)
        if old.term and (new.term_floor or 0) > highest and not self._loses_records:
            self._fail(
                f"floor: status.termFloor rises from {old.term_floor} to {new.term_floor}, though nothing was lost"
            )
        identity = _whom(new.leader)
        if new.term != old.term:
            self._see_new_term(new, identity)
            self._see_end_of_term(old, new)
        elif identity != _whom(old.leader):
            self._fail(f"G1: status gives term {new.term} to {old.leader} and to {identity}")
        if old.leader != new.leader:
            self.leader_changes += 1
        if new.switchover is not None and new.switchover != old.switchover:
            self._see_answer(old.switchover, new.switchover)

    def _see_answer(self, before: Answer | None, answer: Answer) -> None:
        """A switchover has one answer, and is made once, also after the election was deleted and created again."""
        if before is not None and before.id == answer.id and before.result != Result.PENDING:
            self._fail(f"switchover: {answer.id} was {before.result}, and is {answer.result}")
        if answer.result == Result.SUCCEEDED:
            if answer.id in self.history.switched:
                self._fail(f"switchover: {answer.id} is made twice")
            self.history.switched.add(answer.id)

    def _see_end_of_term(self, old: Status, new: Status) -> None:
        """A term that ends for a switchover ends with the answer to it, and for each one term only ends."""
        answer = new.switchover
        if new.history[:1] == old.history[:1] or new.history[0].reason != EndOfTerm.SWITCHOVER:
            return
        if answer is None or answer == old.switchover or answer.result == Result.PENDING:
            self._fail(f"switchover: term {old.term} ended for one that is not answered, but {answer}")
        elif answer.id in self.history.ended_for:
            self._fail(f"switchover: two terms have ended for {answer.id}")
        else:
            self.history.ended_for.add(answer.id)

    def _see_new_term(self, status: Status, identity: str | None) -> None:
        history = self.history
        if status.term < history.highest_shown:
            self._fail(f"G2: status shows term {status.term} after {history.highest_shown}")
        # An election that was created again may go on with the term that its record still has, and with nobody in the
        # place of a holder that has released it.
        if history.shown.setdefault(status.term, identity) != identity and identity is not None:
            self._fail(f"G1: status gives term {status.term} to {history.shown[status.term]} and to {identity}")
        history.highest_shown = status.term
        leader = status.leader
        is_foreign = leader is not None and leader.pod is None
        # Where the pods campaign, their terms are shown in others, and nobody claims one for nobody.
        claimed = status.term if leader is None or leader.record_term is None else leader.record_term
        is_vacant = leader is None and self._pods_campaign
        holder = leader.identity if leader is not None else ""
        if not (is_foreign or is_vacant) and not history.was_claimed(holder, claimed):
            self._fail(f"G1: status gives term {status.term} to {identity}, whose lease was never written")


def _whom(leader: Leader | None) -> str | None:
    """Return who leads by a status: the identity of the pod, by whatever name it holds the lease."""
    if leader is None:
        return None
    return leader.identity if leader.pod is None else f"{leader.pod.name}_{leader.pod.uid}"
