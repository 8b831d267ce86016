"""The clocks of this machine."""

from __future__ import annotations

import time

from tenure.election.clock import Instant


def now() -> Instant:
    """Read both clocks. The monotonic one goes on while the machine is suspended: a lease does so too."""
    return Instant(monotonic_s=time.clock_gettime(time.CLOCK_BOOTTIME), wall_s=round(time.time(), 6))
