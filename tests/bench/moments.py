"""Waiting for what a watch tells, and knowing when it came."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

from environment import EnvironmentFailed


class Moment:
    """The first time at which a condition was true, by the time of the event that made it so."""

    def __init__(self, condition: Callable[[], bool], what: str) -> None:
        self._condition = condition
        self._what = what
        self._at_s = math.inf
        self._came = asyncio.Event()

    @property
    def is_awaited(self) -> bool:
        """Whether it has not come yet."""
        return not self._came.is_set()

    def look(self, now_s: float) -> None:
        """Look whether it is true."""
        if self.is_awaited and self._condition():
            self._at_s = now_s
            self._came.set()

    def give_up(self) -> None:
        """Let nobody wait for it any more."""
        self._came.set()

    async def wait(self, timeout_s: float) -> float:
        """Return its monotonic time. Raises TimeoutError."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._came.wait()
        except TimeoutError:
            raise TimeoutError(f"Within {timeout_s:g} seconds, this did not become true: {self._what}.") from None
        if math.isinf(self._at_s):
            raise EnvironmentFailed(f"The watch ended that would have told of this: {self._what}.")
        return self._at_s


class Moments:
    """Those that are waited for, on one watch."""

    def __init__(self) -> None:
        self._awaited: list[Moment] = []

    def begin(self, condition: Callable[[], bool], what: str) -> Moment:
        """Wait for a condition from now on; it may be true already."""
        moment = Moment(condition, what)
        moment.look(time.monotonic())
        self._awaited.append(moment)
        return moment

    def rely_on(self, watch: asyncio.Task[None]) -> None:
        """End all waiting when the watch fails: what it would have told will not come."""

        def has_ended(_: object) -> None:
            self._awaited, ended = [], self._awaited
            for moment in ended:
                moment.give_up()

        watch.add_done_callback(has_ended)

    def look(self, now_s: float) -> None:
        """Look at all of them: an event came at this time."""
        for moment in self._awaited:
            moment.look(now_s)
        self._awaited = [moment for moment in self._awaited if moment.is_awaited]
