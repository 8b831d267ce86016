"""Pods that campaign for themselves: who leads is read from their record, and nothing is written to it.

Their claims make their own terms, which can fall: a node that deletes the record when it resigns makes the next claim
term 1 again. What is shown rises all the same, by one at least with each change of holder or term.
"""

from __future__ import annotations

import re

from tenure.election import campaign, ledger
from tenure.election.alarm import Alarm
from tenure.election.clock import Instant
from tenure.election.effects import Effect
from tenure.election.end_of_term import EndOfTerm
from tenure.election.lease import Lease
from tenure.election.lease_reader import LeaseReader
from tenure.election.mandate import Mandate
from tenure.election.pod import Pod, PodRef, parse_identity
from tenure.election.record import MAX_TERM, LeaseRecord
from tenure.election.resource import Leader, Reign
from tenure.election.state import State

_POD_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


class Observer:
    """Decides who is to be shown as leader. `decision` is what the last step decided; see `Campaigner` for `alarm`.

    A holder is matched to a candidate by the pod's UID, by name and UID joined with `_`, or by the pod's name alone.
    """

    def __init__(self, state: State, *, namespace_uid: str | None, poll_interval_s: float) -> None:
        self.decision = campaign.Follow()
        self.alarm = Alarm()
        self._state = state
        self._reader = LeaseReader(state)
        self._namespace_uid = namespace_uid
        self._poll_interval_s = poll_interval_s
        self._held: Lease | None = None
        """The record when it was last seen held by the leader that is shown."""

    def decide(self, now: Instant) -> list[Effect]:
        """Return the read of the record that is due, or the question that must be answered first."""
        state, now_s = self._state, now.monotonic_s
        self.alarm.clear()
        self.decision = campaign.Follow()
        may_ask = now.mandate is Mandate.ACT and state.pods_complete and state.connection
        if state.spec is None or not may_ask or state.lease_operation is not None:
            return []
        if not state.lease_backoff.may_try(now_s, wake=self.alarm):
            return []
        lease = state.lease
        if lease is None or not self._rest(now_s, lease):
            return self._reader.read(now, state.timing)
        if state.spec.suspend or (self._is_strange(lease) and not _ran_out(lease)):
            return []
        leader, began_at_s = None, None
        if isinstance(lease.record, LeaseRecord) and lease.holder and not _ran_out(lease):
            if (unknown := self._find_unknown(lease.holder)) is not None:
                return state.read_pod(now_s, unknown, self.alarm)
            leader, began_at_s = self._find_leader(lease.record), lease.record.started_at_s
        if self._is_shown(leader):
            self._held = lease if leader is not None else None
            return []
        assert state.resource is not None
        status = state.resource.status
        if not self._is_known_since_the_status(lease):
            return self._reader.read(now, state.timing)
        term = max(
            lease.term if leader is not None else 0,
            status.shown_term(max(state.earlier_term, status.told_term(lease.term))) + 1,
        )
        if term <= MAX_TERM and len(status.unfenced) < ledger.MAX_UNFENCED:
            self.decision = campaign.Follow(Reign(term, leader, began_at_s), self._why_ended(lease))
        return []

    def _is_known_since_the_status(self, lease: Lease) -> bool:
        """Whether the record is known as it was after the status was written.

        What a watch shows after a status of another process may be older all the same: a watch may be late.
        """
        state = self._state
        assert state.resource is not None
        is_anothers = state.resource.status.term and state.resource.resource_version != state.own_version
        shown_at_s = 0.0 if is_anothers else lease.seen_at_s
        return max(shown_at_s, lease.read_at_s or 0.0) >= state.resource_seen_at_s

    def _rest(self, now_s: float, lease: Lease) -> bool:
        """Rest until the record must be read from the stream's leader, and return whether that is later.

        The renewals of a holder come through the watch. When they do not, it is read behind the watch, and once more
        when it has run out: that alone proves it, never the silence of a watch.
        """
        if lease.connection != self._state.connection:
            return False
        due_at_s = max(lease.seen_at_s, lease.read_at_s or 0.0) + self._poll_interval_s
        if (lease.holder or self._is_strange(lease)) and not _ran_out(lease):
            due_at_s = min(due_at_s + self._state.timing.renew_interval_s, lease.runs_out_at_s())
        if now_s >= due_at_s:
            return False
        self.alarm.set(due_at_s)
        return True

    def _why_ended(self, lease: Lease) -> EndOfTerm:
        """Return whether the leader gave its lease up. Nobody can take one over that was just renewed."""
        held = self._held
        is_early = held is not None and lease.seen_at_s < held.seen_at_s + held.respect_s / 2
        is_released = isinstance(lease.record, LeaseRecord) and not lease.holder
        has_resigned = (is_early or is_released) and not _ran_out(lease)
        return EndOfTerm.RESIGNED if has_resigned else EndOfTerm.LEASE_LOST

    def _is_strange(self, lease: Lease) -> bool:
        """Whether something stands there that cannot be believed: it is somebody's, and respected until it runs out."""
        assert self._state.resource is not None
        is_believed = isinstance(lease.record, LeaseRecord) and self._state.resource.status.believes(lease.term)
        return lease.record is not None and not is_believed

    def _is_shown(self, leader: Leader | None) -> bool:
        """Whether the status shows this leader, in this term of its own."""
        assert self._state.resource is not None
        shown = self._state.resource.status.leader
        if leader is None:
            return shown is None and not self._state.has_stray_leader
        return (
            shown is not None
            and (shown.identity, shown.pod) == (leader.identity, leader.pod)
            and shown.record_term in (None, leader.record_term)
        )

    def _find_leader(self, record: LeaseRecord) -> Leader:
        """Return the holder, with its pod if it has one among the candidates."""
        pod = None
        if record.namespace_uid in (None, self._namespace_uid):
            pod = self._find_pod(record)
        if pod is None:
            return Leader(record.holder, None, record_term=record.term)
        return Leader(record.holder, pod.ref, pod.node, record_term=record.term)

    def _find_pod(self, record: LeaseRecord) -> Pod | None:
        candidates, holder = self._state.candidates, record.holder
        for pod in candidates:
            if holder in (pod.identity, pod.uid):
                return pod
        assert self._state.resource is not None
        shown = self._state.resource.status.leader
        named = [pod for pod in candidates if pod.name == holder]
        if shown is not None and (shown.identity, shown.record_term) == (holder, record.term):
            # A name alone means the pod that had it when the term began; another one of that name is not the holder.
            named = [pod for pod in named if pod.ref == shown.pod]
        return max(named, key=lambda pod: pod.resource_version, default=None)

    def _find_unknown(self, holder: str) -> PodRef | None:
        """Return the pod that a holder names, if nothing is known of it here: the watch may be behind."""
        ref = parse_identity(holder)
        if ref is None or not _POD_NAME.fullmatch(ref.name):
            return None
        return None if ref.uid in self._state.pods or ref.uid in self._state.gone else ref


def _ran_out(lease: Lease) -> bool:
    """Whether a read that was begun after the time for which it is respected has shown it unchanged."""
    return lease.read_at_s is not None and lease.read_at_s >= lease.runs_out_at_s()
