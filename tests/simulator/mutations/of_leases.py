"""Mistakes with the record in NATS and the time for which it counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from model.bucket import ModelBucket
from simulator.mutations.mutation import Mutation, put
from simulator.mutations.worlds import ABSENCES, BLIND, LOST_BUCKETS, NODES, REPLICAS, SLOW_NATS
from tenure.election import campaign, elector, lease, lease_state
from tenure.election.clock import Instant
from tenure.election.effects import Effect
from tenure.election.inputs import WriteOutcome
from tenure.election.lease_writer import LeaseWriter
from tenure.election.record import LeaseRecord
from tenure.runtime import clock
from tenure.runtime.operator_lease import OperatorLease

_observe, _written, _decide, _begin = lease.observe, lease.written, campaign.decide, ModelBucket._begin
_concluded = elector.Elector.concluded
_conclude_write, _writer_step = lease_state.LeaseState._conclude_write, LeaseWriter.step
_write = LeaseWriter._write


def _put_anyhow(
    self: ModelBucket, key: str, value: bytes | None, *, expected_revision: int, ttl_s: int | None = None
) -> int:
    del expected_revision, ttl_s
    return self.put(key, value) if value is not None else self.delete(key)


def _repeat_revisions(self: ModelBucket) -> None:
    _begin(self)
    self.last_revision = 0


def _delete_on_release(
    self: LeaseWriter, now: Instant, seen: lease.Lease, record: Any, candidate: Any, timing: Any
) -> list[Effect]:
    is_release = candidate is not None and isinstance(record, LeaseRecord) and not record.holder
    return _write(self, now, seen, None if is_release else record, candidate, timing)


def _count_each_sight_anew(previous: lease.Lease | None, entry: Any, **named: Any) -> lease.Lease:
    seen = _observe(previous, entry, **named)
    return replace(seen, seen_at_s=named["now_s"])


def _judge_by_wall_clocks(view: campaign.View) -> campaign.Decision:
    """The record has run out when its `expiresAt` has passed on this machine's wall clock."""
    record = view.lease.record
    if not isinstance(record, LeaseRecord):
        return _decide(view)
    left_s = record.expires_at_s - clock.now().wall_s
    return _decide(replace(view, lease=replace(view.lease, seen_at_s=view.now_s + left_s - view.lease.respect_s)))


def _have_no_deadline(_self: elector.Elector, _timing: Any) -> float:
    return float("inf")


def _count_from_answer(self: elector.Elector, now_s: float, written: Any, *, sent_at_s: float, timing: Any) -> None:
    del sent_at_s
    _concluded(self, now_s, written, sent_at_s=now_s, timing=timing)


def _lead_by_what_was_read(
    self: LeaseWriter, now: Instant, seen: lease.Lease, identity: str, *arguments: Any, **named: Any
) -> list[Effect]:
    """A candidate that finds its own name in the record takes that for leadership, without a write of its own."""
    candidate = self._state.electors.setdefault(identity, elector.Elector(identity))
    if seen.holder == identity and candidate.role is elector.Role.FOLLOWER:
        candidate.role, candidate.term, candidate.lease_from_s = elector.Role.LEADER, seen.term, now.monotonic_s
    return _writer_step(self, now, seen, identity, *arguments, **named)


def _take_a_time_out_for(outcome: WriteOutcome) -> Any:
    def conclude(self: lease_state.LeaseState, now_s: float, found: WriteOutcome, revision: int, timing: Any) -> None:
        if found is WriteOutcome.UNKNOWN:
            found = outcome
            revision = self.lease.revision + 1 if self.lease is not None else 1
        _conclude_write(self, now_s, found, revision, timing)

    return put(lease_state.LeaseState, "_conclude_write", conclude)


@contextmanager
def _ignore_wrong_revisions() -> Iterator[None]:
    """A compare-and-set that was refused is not followed by a read."""

    def conclude(self: lease_state.LeaseState, now_s: float, found: WriteOutcome, revision: int, timing: Any) -> None:
        _conclude_write(self, now_s, found, revision, timing)
        if found is WriteOutcome.WRONG_REVISION:
            self.lease_certain = True

    with patch.object(lease_state.LeaseState, "_conclude_write", conclude):
        yield


def _trust_the_last(self: OperatorLease) -> Instant:
    moment = clock.now()
    return Instant(moment.monotonic_s, moment.wall_s, self._mandate)


OF_LEASES = (
    Mutation(
        "write without compare-and-set",
        "G1|G2|floor|lease",
        SLOW_NATS,
        put(ModelBucket, "compare_and_set", _put_anyhow),
    ),
    Mutation(
        "let revisions repeat in a new bucket", "G1|G2", LOST_BUCKETS, put(ModelBucket, "_begin", _repeat_revisions)
    ),
    Mutation("delete the key on release", "G1|G2", ABSENCES, put(LeaseWriter, "_write", _delete_on_release)),
    Mutation("count each sight of a record anew", "G5", NODES, put(lease_state, "observe", _count_each_sight_anew)),
    Mutation("judge a lease by wall clocks", "lease", SLOW_NATS, put(campaign, "decide", _judge_by_wall_clocks)),
    Mutation("never stop by oneself", "lease", NODES, put(elector.Elector, "deadline_s", _have_no_deadline)),
    Mutation("count the lease from the answer", "lease", NODES, put(elector.Elector, "concluded", _count_from_answer)),
    Mutation("trust a plain read", "lease", SLOW_NATS, put(LeaseWriter, "step", _lead_by_what_was_read)),
    Mutation("treat a time-out as success", "lease|floor", SLOW_NATS, _take_a_time_out_for(WriteOutcome.APPLIED)),
    Mutation("treat a time-out as failure", "conduct", SLOW_NATS, _take_a_time_out_for(WriteOutcome.UNAVAILABLE)),
    Mutation("read nothing after a wrong revision", "G5", BLIND, _ignore_wrong_revisions, begin_at=5),
    Mutation("act after the operator's own deadline", "conduct", REPLICAS, put(OperatorLease, "now", _trust_the_last)),
)
