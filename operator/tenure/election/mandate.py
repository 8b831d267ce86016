"""What one of several operator processes may do at a moment."""

from __future__ import annotations

from enum import StrEnum


class Mandate(StrEnum):
    """Only one process is meant to act at a time.

    Two that do break no guarantee (see `routing` and `campaign`), but they repeat each other's work.
    """

    ACT = "act"
    """Decide everything: this process holds the operator's own lease, or is the only one."""

    RENEW = "renew"
    """Renew the leases that this process renewed last, and nothing else: it could not renew the operator's own lease,
    but no other process is known to have taken it."""

    STAND_BY = "stand by"
    """Take note of everything, and do nothing."""
