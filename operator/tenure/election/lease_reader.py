"""Reads one record from the stream's leader, for whoever has decided that it must be known."""

from __future__ import annotations

from tenure.election import effects
from tenure.election.clock import Instant
from tenure.election.effects import Effect
from tenure.election.lease_state import LeaseState
from tenure.election.operations import LeaseOperation
from tenure.election.timing import Timing


class LeaseReader:
    """Reads one record. At most one read or write of it is on its way: that none is, the caller has made sure."""

    def __init__(self, state: LeaseState) -> None:
        self._state = state

    def read(self, now: Instant, timing: Timing) -> list[Effect]:
        """Return the read of the record."""
        self._state.lease_operation = LeaseOperation(now.monotonic_s, self._state.connection)
        return [effects.ReadLease(timeout_s(timing))]


def timeout_s(timing: Timing) -> float:
    """Return how long to wait for NATS: one hung request must leave time for others before the deadline."""
    return max(1.0, timing.renew_deadline_s / 6)
