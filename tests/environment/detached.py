"""Processes that were left running on purpose: written down with their start times, found again, and ended.

A process id alone could be another process's by now. Together with the time at which that process started, it is not.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from environment.waiting import wait_until

_TERM_TIMEOUT_S = 2.0
_KILL_TIMEOUT_S = 5.0


def start_time(pid: int) -> str | None:
    """When the process started, as a text to compare; None when there is no such process, or only its remains."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # The name, in parentheses, may hold anything. After it: the state (3rd field) ... the start (22nd field).
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] in "ZX" else fields[19]
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    return done.stdout.strip() or None


@dataclass(frozen=True)
class Detached:
    """One process that was left running."""

    name: str
    pid: int
    started: str

    @classmethod
    def of(cls, name: str, pid: int) -> Self:
        """Write down the running process `pid`."""
        started = start_time(pid)
        if started is None:
            raise ProcessLookupError(f"{name} (process {pid}) has ended.")
        return cls(name, pid, started)

    @property
    def running(self) -> bool:
        """Whether this very process is still there."""
        return start_time(self.pid) == self.started

    def end(self) -> None:
        """SIGTERM, then SIGKILL, to this very process; return when it has ended."""
        self._send(signal.SIGTERM)
        self._send(signal.SIGCONT)  # a paused process could not act on the other
        try:
            wait_until(lambda: not self.running, f"{self.name} ended", timeout_s=_TERM_TIMEOUT_S)
        except TimeoutError:
            self._send(signal.SIGKILL)
            wait_until(lambda: not self.running, f"{self.name} was killed", timeout_s=_KILL_TIMEOUT_S)

    def _send(self, number: signal.Signals) -> None:
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


@dataclass(frozen=True)
class Record:
    """What there is to know about an environment that was left running; processes in the order of their start."""

    folder: str
    kubeconfig: str
    nats_url: str
    kubectl: str
    processes: list[Detached]

    def save(self, file: Path) -> None:
        """Write it down."""
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(self), indent=2) + "\n")
        partial.replace(file)

    @classmethod
    def load(cls, file: Path) -> Self | None:
        """Read what was written down; None when nothing was."""
        try:
            content = json.loads(file.read_text())
        except FileNotFoundError:
            return None
        content["processes"] = [Detached(**process) for process in content["processes"]]
        return cls(**content)
