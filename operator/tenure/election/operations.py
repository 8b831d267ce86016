"""What is on its way to NATS and to the API server."""

from __future__ import annotations

from dataclasses import dataclass

from tenure.election.effects import WriteLease, WriteStatus
from tenure.election.elector import Elector


@dataclass(frozen=True, slots=True)
class LeaseOperation:
    """The read (`write` None) or write of the record that is on its way, and since when. `elector` is who writes."""

    sent_at_s: float
    connection: int
    write: WriteLease | None = None
    elector: Elector | None = None


@dataclass(frozen=True, slots=True)
class StatusOperation:
    """The status write that is on its way, and what will be known when it is acknowledged."""

    write: WriteStatus
    covers: int | None
    """The revision of a record that is lost, or was never there, below which nothing can have been claimed then."""
