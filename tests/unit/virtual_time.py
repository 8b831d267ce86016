"""A real event loop whose time passes only when all its tasks wait: nothing sleeps, and every run is the same."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from tenure.election.clock import Instant

Result = TypeVar("Result")

START_S = 1000.0
"""What the loop's clock shows at first."""

WALL_S = 1_700_000_000.0
"""What the wall clock shows then."""


class _Selector(selectors.DefaultSelector):
    """Instead of waiting for the network, lets the time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = START_S

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("everything waits, and nothing will ever happen")
        self.now_s += max(timeout, 0.0)
        return super().select(0.0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._time = _Selector()
        super().__init__(self._time)

    def time(self) -> float:
        return self._time.now_s

    def pass_time(self, seconds: float) -> None:
        self._time.now_s += seconds


def run(scenario: Coroutine[Any, Any, Result]) -> Result:
    """Run a scenario to its end. The loop is nobody else's, and is closed."""
    loop = _Loop()
    try:
        return loop.run_until_complete(scenario)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def work_for(seconds: float) -> None:
    """Let time pass as if the caller had used the processor for so long: nothing else happens meanwhile."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, _Loop)
    loop.pass_time(seconds)


def read_clock() -> Instant:
    """Both clocks, by the time of the running loop."""
    now_s = asyncio.get_running_loop().time()
    return Instant(monotonic_s=now_s, wall_s=WALL_S + now_s - START_S)
