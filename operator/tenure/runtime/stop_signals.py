"""SIGTERM and Ctrl-C: the first asks the process to end, and no later one keeps it from ending in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

_NUMBERS = (signal.SIGTERM, signal.SIGINT)


def catch_stop_signals(stop: Callable[[], None]) -> None:
    """Call `stop()` in the running loop at each of them, in the place of whoever has caught them before.

    Not by the loop's own handlers: they go with the loop, and from then on a signal kills.
    """
    loop = asyncio.get_running_loop()

    def tell(*_: object) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop)

    for number in _NUMBERS:
        loop.remove_signal_handler(number)
        signal.signal(number, tell)


def ignore_stop_signals() -> None:
    """From now on they do nothing, until the process has ended: Python gives any handler back before that.

    A program that is started after this inherits it.
    """
    for number in _NUMBERS:
        signal.signal(number, signal.SIG_IGN)
