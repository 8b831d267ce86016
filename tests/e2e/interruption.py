"""Ctrl-C and its like end the test once: what takes things away is not interrupted."""

from __future__ import annotations

import signal
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """One of the signals came; `status` is what a shell expects then."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.status = 128 + number


def watch_signals() -> None:
    """Raise Interrupted in the main thread at the first signal, and ignore those that follow."""
    for number in _SIGNALS:
        signal.signal(number, _interrupt)


def ignore_signals() -> None:
    """Ignore them from now on. Not by SIG_IGN, which the programs that are started from here on would inherit."""
    for number in _SIGNALS:
        signal.signal(number, lambda *_: None)


def _interrupt(number: int, _: FrameType | None) -> None:
    ignore_signals()
    raise Interrupted(number)
