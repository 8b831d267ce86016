"""The clocks of this machine."""

from __future__ import annotations

import time

from tenure.election.clock import Instant

# Linux counts suspend only on this clock; macOS, which lacks it, counts it on the other.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> Instant:
    """Read both clocks. The monotonic one goes on while the machine is suspended: a lease does so too."""
    return Instant(monotonic_s=time.clock_gettime(_CLOCK), wall_s=round(time.time(), 6))
