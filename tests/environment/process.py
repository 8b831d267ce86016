"""One supervised child process: started with a log file, awaited until ready, stopped by its process id."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from environment.guard import GUARD
from environment.waiting import EnvironmentFailed, wait_until

_KILL_TIMEOUT_S = 5.0


class Process:
    """A program that is running or can be started, any number of times, with the same command and log file."""

    def __init__(self, name: str, command: Sequence[str | Path], *, log: Path) -> None:
        self.name = name
        self.command = [str(argument) for argument in command]
        self.log = log
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended. A paused process is running."""
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the running program."""
        if self._child is None or self._child.poll() is not None:
            raise EnvironmentFailed(f"{self.name} is not running.")
        return self._child.pid

    def start(self) -> None:
        """Start the program, and return at once. It does not see the terminal's Ctrl-C, and ends when we do."""
        if self.running:
            raise EnvironmentFailed(f"{self.name} is running already (process {self.pid}).")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        GUARD.add(self._child.pid)

    def wait_until(self, condition: Callable[[], object], what: str, *, timeout_s: float) -> None:
        """Return once `condition()` is truthy. At the deadline or the program's end, fail with the last log lines."""

        def met_or_ended() -> bool:
            return bool(condition()) or not self.running

        try:
            wait_until(met_or_ended, what, timeout_s=timeout_s)
        except TimeoutError as error:
            raise EnvironmentFailed(f"{self.name}: {error}\n{self.last_log_lines()}") from None
        if not self.running:
            raise EnvironmentFailed(f"{self._ending()} This was awaited: {what}.\n{self.last_log_lines()}")

    def stop(self, *, timeout_s: float = 5.0) -> None:
        """Ask the program to end (SIGTERM), and kill it when it has not within `timeout_s` seconds."""
        stop_all([self], timeout_s=timeout_s)

    def kill(self) -> None:
        """End the program at once (SIGKILL), as a crash would."""
        if self._child is None:
            return
        self._signal(signal.SIGKILL)
        self._child.wait(_KILL_TIMEOUT_S)
        self._forget()

    def pause(self) -> None:
        """Halt the program (SIGSTOP), and return when it is halted: its connections stay open and nothing answers."""
        pid = self.pid
        os.kill(pid, signal.SIGSTOP)
        # The signal is only sent by now: a thread on another processor goes on until it takes notice.
        wait_until(lambda: os.waitpid(pid, os.WUNTRACED | os.WNOHANG)[0], f"{self.name} is halted", every_s=0.001)

    def resume(self) -> None:
        """Let a paused program go on (SIGCONT)."""
        os.kill(self.pid, signal.SIGCONT)

    def release(self) -> None:
        """Leave the program running, for good: it is as if we had never started it."""
        if self._child is not None:
            self._child.returncode = 0  # or Popen would warn that it is still running when it is garbage collected
        self._forget()

    def last_log_lines(self, count: int = 15) -> str:
        """The end of the log, headed by the log's path."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            lines = []
        return "\n".join([f"--- the last lines of {self.log}:", *lines[-count:]])

    def request_stop(self) -> None:
        """Send SIGTERM, without waiting. A paused program is resumed, or it could not act on it."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)

    def wait(self, *, timeout_s: float) -> bool:
        """Whether the program has ended within `timeout_s` seconds."""
        if self._child is None:
            return True
        try:
            self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        self._forget()
        return True

    def _signal(self, number: signal.Signals) -> None:
        # Popen checks for the child's end first: while it is our unreaped child, its process id cannot be another's.
        if self._child is not None:
            self._child.send_signal(number)

    def _forget(self) -> None:
        if self._child is not None:
            GUARD.remove(self._child.pid)
            self._child = None

    def _ending(self) -> str:
        status = None if self._child is None else self._child.returncode
        if status is None:
            return f"{self.name} was stopped."
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with exit code {status}"
        return f"{self.name} {how}."


def stop_all(processes: Iterable[Process], *, timeout_s: float = 5.0) -> None:
    """Stop all of them at the same time, and return when all have ended."""
    stopping = [process for process in processes if process.running]
    for process in stopping:
        process.request_stop()
    for process in stopping:
        if not process.wait(timeout_s=timeout_s):
            process.kill()
