"""The guard: a small shell that kills the processes this one leaves behind, however this one ends.

It reads "add PID" and "remove PID" from a pipe whose other end only this process holds. When this process ends, be it
by an exception, SIGTERM or SIGKILL, the kernel closes the pipe, and the guard kills what is still on its list.
(Linux's parent-death signal would be shorter, but follows the thread that started the child, not the process.)
"""

from __future__ import annotations

import atexit
import subprocess
import threading

_CLOSE_TIMEOUT_S = 10.0

_SCRIPT = """
pids=
while read -r verb pid; do
  kept=
  for p in $pids; do [ "$p" = "$pid" ] || kept="$kept $p"; done
  case $verb in add) pids="$kept $pid" ;; remove) pids=$kept ;; esac
done
[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
"""


class Guard:
    """The list of process ids that must not outlive this process. Its shell is started with the first of them."""

    def __init__(self) -> None:
        self._shell: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def add(self, pid: int) -> None:
        """Have `pid` killed when this process ends."""
        self._tell("add", pid)

    def remove(self, pid: int) -> None:
        """Forget `pid`: it ended, or it is meant to stay."""
        self._tell("remove", pid)

    def _tell(self, verb: str, pid: int) -> None:
        with self._lock:
            if self._shell is None:
                # A session of its own: Ctrl-C in the terminal must not end the guard before its work.
                self._shell = subprocess.Popen(
                    ["/bin/sh", "-c", _SCRIPT],
                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                )  # fmt: skip
                atexit.register(self._close)
            assert self._shell.stdin is not None
            self._shell.stdin.write(f"{verb} {pid}\n".encode())
            self._shell.stdin.flush()

    def _close(self) -> None:
        """At an orderly end, wait for the guard's work; at any other, the kernel closes the pipe."""
        with self._lock:
            if self._shell is not None:
                self._shell.communicate(timeout=_CLOSE_TIMEOUT_S)
                self._shell = None


GUARD = Guard()
