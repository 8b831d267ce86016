"""What an operator process is told at its start."""

from __future__ import annotations

from dataclasses import dataclass, field

from tenure.election.resource import RecordName

DEFAULT_POLL_INTERVAL_S = 2.0
DEFAULT_RESYNC_INTERVAL_S = 300.0
DEFAULT_RECORD_RETENTION_S = 7 * 24 * 3600
DEFAULT_OPERATOR_LEASE_DURATION_S = 5


@dataclass(frozen=True, slots=True)
class Settings:
    """See `tenure run --help` for the meaning of each.

    `namespaces` is empty for all. `record_retention_s` is how long the record of a deleted election keeps its term,
    where the bucket can drop single records; `resync_interval_s` is the time between two listings of everything that is
    watched, which find what a watch has missed.

    `release` is empty for an operator without replicas, which always acts. Operators of one release in one namespace
    elect among them one that acts, with a lease of `operator_lease_duration_s` (3 to 60).

    `allowed_records` are those that elections may name in the place of their own.
    """

    poll_interval_s: float = DEFAULT_POLL_INTERVAL_S
    namespaces: tuple[str, ...] = field(default=())
    pod_selector: str = ""
    leave_cordoned_nodes: bool = False
    endpoint_slices: bool = False
    resync_interval_s: float = DEFAULT_RESYNC_INTERVAL_S
    record_retention_s: int = DEFAULT_RECORD_RETENTION_S
    release: str = ""
    operator_namespace: str = ""
    operator_lease_duration_s: int = DEFAULT_OPERATOR_LEASE_DURATION_S
    allowed_records: tuple[RecordName, ...] = field(default=())

    def watches(self, namespace: str) -> bool:
        """Whether a namespace is among those that this operator is responsible for."""
        return not self.namespaces or namespace in self.namespaces
