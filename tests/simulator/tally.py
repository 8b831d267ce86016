"""What all runs together amounted to."""

from __future__ import annotations

import time

from simulator.run import Report


class Tally:
    """Counts runs and what happened in them, and the time since it was made."""

    def __init__(self) -> None:
        self.failed = 0
        self.simulated_s = 0.0
        self._runs = self._faults = self._leader_changes = self._renewals = 0
        self._began_s, self._cpu_began_s = time.monotonic(), time.process_time()

    @property
    def lasted_s(self) -> float:
        """For how long it has been counting."""
        return time.monotonic() - self._began_s

    def add(self, report: Report) -> None:
        """Count a run that went well."""
        self._runs += 1
        self.simulated_s += report.simulated_s
        self._faults += report.faults
        self._leader_changes += report.leader_changes
        self._renewals += report.renewals

    def fail(self) -> None:
        """Count a run in which a guarantee did not hold."""
        self._runs += 1
        self.failed += 1

    def __str__(self) -> str:
        hours, cpu_s = self.simulated_s / 3600, time.process_time() - self._cpu_began_s
        return (
            f"{self._runs} worlds, {self.failed} with a violation: {hours:,.0f} simulated hours, "
            f"{self._faults:,} faults, {self._leader_changes:,} changes of leader, {self._renewals:,} renewals; "
            f"{self.lasted_s:.0f} s, {cpu_s:.0f} s of one core, {60 * hours / max(cpu_s, 0.001):,.0f} hours a minute"
        )
