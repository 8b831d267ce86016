"""What processes have used, by the kernel's own count."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the processor seconds, of all threads, that each has used since its start."""
    return {name: _cpu_s(pid) for name, pid in pids.items()}


def resident_mb(pid: int) -> float:
    """Return the memory that a process has in use now, in megabytes (10^6 bytes)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _cpu_s(pid: int) -> float:
    # The program's name stands in parentheses, and may have spaces.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S
