"""How one election is conducted by its candidates."""

from __future__ import annotations

from dataclasses import dataclass

from tenure.election.timing import Timing

LEASE_TIMEOUT_S = 15
HEARTBEAT_INTERVAL_S = 3
ELECTION_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class ElectionConfig:
    """Times of one election. What is left out, or 0, has its default. All candidates should be told the same.

    `lease_timeout_s` (3 to 3600, 15): for how long others respect a leader after they last saw its lease renewed.
    `renew_deadline_s` (13, or 13/15 of another lease): a leader stops calling itself one when its last successful
    renewal was sent so long ago.
    `heartbeat_interval_s` (3, or a fifth of another lease): how often it renews.
    `election_timeout_s` (2): how often a lease that somebody else holds is looked at, behind the watch.
    """

    lease_timeout_s: int = 0
    renew_deadline_s: int = 0
    heartbeat_interval_s: int = 0
    election_timeout_s: float = 0.0

    @property
    def timing(self) -> Timing:
        """The times of the lease, completed. Raises ValueError with a sentence for each rule that they break."""
        return Timing.derive(
            self.lease_timeout_s or None, self.renew_deadline_s or None, self.heartbeat_interval_s or None
        )

    @property
    def poll_interval_s(self) -> float:
        """`election_timeout_s`, completed. Raises ValueError when it is not above 0."""
        if self.election_timeout_s < 0:
            raise ValueError(f"election_timeout_s must be above 0, not {self.election_timeout_s:g}")
        return self.election_timeout_s or ELECTION_TIMEOUT_S
