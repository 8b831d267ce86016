"""Programs that are started and ended, as the first process of a container must do it."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

logger = logging.getLogger(__name__)

NOT_FOUND = 127
NOT_EXECUTABLE = 126
"""Exit statuses of a program that could not be started, as shells give them."""

REAP_INTERVAL_S = 0.5
"""How often children are looked for whose end was not announced: two that end at once may announce it once."""


_PR_SET_PDEATHSIG = 1
"""See prctl(2)."""

_prctl = getattr(ctypes.CDLL(None), "prctl", None)


def _end_with_parent() -> None:
    """Have Linux kill this process when its parent dies, even by SIGKILL: there is nobody then who renews the lease."""
    assert _prctl is not None
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """One run of a program, in a process group of its own. `status` is its exit status, 128 + N after signal N."""

    def __init__(self, name: str, group: int | None) -> None:
        self.name = name
        self.status: int | None = None
        self._group = group
        self._has_ended = asyncio.Event()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self.status is None

    async def wait(self) -> int:
        """Return the exit status when it has ended."""
        await self._has_ended.wait()
        assert self.status is not None
        return self.status

    async def kill(self) -> None:
        """End it if it runs yet, and all that it has started and left behind."""
        if self.is_running:
            logger.warning("%s has not ended: it is killed", self.name)
        self.send(signal.SIGKILL)
        await self._has_ended.wait()

    def send(self, number: int) -> None:
        """Send a signal to it and to all that it has started."""
        if self._group is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._group, number)

    def end(self, status: int) -> None:
        """Note that it has ended."""
        self.status = status
        self._has_ended.set()


class Children:
    """Starts programs, and takes in every child that ends, whoever started it.

    The first process of a container is the parent of all that lose their own: they would stay as zombies.
    """

    def __init__(self) -> None:
        self._running: dict[int, tuple[Child, subprocess.Popen[bytes]]] = {}

    def start(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Child:
        """Start a program, with these variables beside our own. One that cannot be started has ended, with a status."""
        try:
            process = subprocess.Popen(  # noqa: S603 - this is what we were asked to run
                list(arguments),
                env={**os.environ, **environment},
                start_new_session=True,
                preexec_fn=_end_with_parent if _prctl is not None else None,  # noqa: PLW1509 - it takes no lock
            )
        except OSError as error:
            logger.error("%s cannot be started: %s", arguments[0], error.strerror)  # noqa: TRY400 - the sentence says all
            child = Child(arguments[0], None)
            child.end(NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE)
            return child
        child = Child(arguments[0], process.pid)
        self._running[process.pid] = child, process
        return child

    async def reap(self) -> None:
        """Take in every child that ends, until cancelled. Nothing else in this process may wait for children."""
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()
        loop.add_signal_handler(signal.SIGCHLD, changed.set)
        try:
            while True:
                changed.clear()
                self._take_in()
                try:
                    async with asyncio.timeout(REAP_INTERVAL_S):
                        await changed.wait()
                except TimeoutError:
                    pass
        finally:
            loop.remove_signal_handler(signal.SIGCHLD)

    def _take_in(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self._running:
                child, process = self._running.pop(pid)
                code = os.waitstatus_to_exitcode(status)
                process.returncode = code  # It must not wait for the child itself.
                child.end(code if code >= 0 else 128 - code)
