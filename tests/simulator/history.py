"""What was ever claimed and shown, as far as a guarantee still binds what comes."""

from __future__ import annotations

from model.api_server import PODS, Change
from simulator.cluster import ELECTION, Cluster
from tenure.election.campaign import CLAIM_GAP
from tenure.election.labels import parse_term
from tenure.election.record import LeaseRecord


class History:
    """The terms of an election over all its lives.

    Terms rise over the loss of the bucket and over the deletion of the election, but not over the loss of everything
    that tells of them: the record in NATS, the floor in the status, and the term labels. When nothing is left from
    which a new term above all others could follow, the history ends, and another one begins. The record is only lost by
    what others do (`lose_record`): whoever claims or releases must keep its term.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._kept_term = 0
        self.holders: dict[int, str] = {}
        """Who was written as the holder of a term, "" for nobody yet."""
        self.highest_claimed = 0
        self.shown: dict[int, str | None] = {}
        """Whom the status gave a term."""
        self.highest_shown = 0
        self._claims: set[tuple[str, int]] = set()
        self._writers: set[tuple[str | None, str, int]] = set()
        self.switched: set[str] = set()
        """The switchovers that were made, by their ids."""
        self.ended_for: set[str] = set()
        """The switchovers for which a term has ended, by their ids."""
        self.endings = 0
        cluster.server.on_change.append(self._see_change)

    def note(self, record: LeaseRecord) -> None:
        """Note that a record was written."""
        self._kept_term = max(self._kept_term, record.term)
        self._claims.add((record.holder, record.term))
        self._writers.add((record.writer, record.holder, record.term))

    def was_claimed(self, holder: str, term: int) -> bool:
        """Whether this holder was ever written with this term, by whomever."""
        return (holder, term) in self._claims

    def was_written_by(self, writer: str, holder: str, term: int) -> bool:
        """Whether this writer ever wrote this holder with this term."""
        return (writer, holder, term) in self._writers

    def lose_record(self) -> None:
        """The record is lost, or may be: the bucket, the key, or the last writes."""
        self._kept_term = 0
        self._end_if_nothing_tells()

    def _end_if_nothing_tells(self) -> None:
        if max(self.highest_claimed, self.highest_shown) > self._told():
            self.holders, self.highest_claimed = {}, 0
            self.shown, self.highest_shown = {}, 0
            self.endings += 1

    def _told(self) -> int:
        """Return a term that the next claim is above, as all that still exists has it."""
        told = self._kept_term
        resource = self._cluster.resource
        if resource is not None and resource.status.term_floor is not None:
            return max(told, resource.status.term_floor + CLAIM_GAP)
        terms = (parse_term(pod.term(ELECTION)) or 0 for pod in self._cluster.pods.values())
        highest = max(terms, default=0)
        return max(told, highest + CLAIM_GAP if highest else 0)

    def _see_change(self, change: Change) -> None:
        if change.after is None or (change.kind == PODS and self._cluster.resource is None):
            self._end_if_nothing_tells()
