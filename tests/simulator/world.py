"""Virtual time and seeded chance: everything that happens is in one queue."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable

MAX_EVENTS_IN_A_SECOND = 5_000
"""A world at its busiest has some six hundred."""


class Runaway(AssertionError):
    """Something goes round in circles without time passing."""


class World:
    """The queue of what is going to happen, and the only source of randomness.

    `now_s` is true time in seconds since the start; no process of the simulation sees it without its own clock's error.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now_s = 0.0
        self.events = 0
        self._soon: deque[Callable[[], None]] = deque()
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._ticket = 0

    def after(self, delay_s: float, happen: Callable[[], None]) -> None:
        """Let something happen later; what is due at the same time happens in the order in which it was asked for."""
        if delay_s <= 0.0:
            self._soon.append(happen)
            return
        self._ticket += 1
        heapq.heappush(self._later, (self.now_s + delay_s, self._ticket, happen))

    def run_until(self, end_s: float) -> None:
        """Let everything happen that is due before `end_s`."""
        second_s, events_then = self.now_s, self.events
        while True:
            if self._soon:
                happen = self._soon.popleft()
            elif self._later and self._later[0][0] <= end_s:
                self.now_s, _, happen = heapq.heappop(self._later)
            else:
                break
            self.events += 1
            if self.now_s >= second_s + 1.0:
                second_s, events_then = self.now_s, self.events
            if self.events > events_then + MAX_EVENTS_IN_A_SECOND:
                raise Runaway(
                    f"runaway: more than {MAX_EVENTS_IN_A_SECOND} events within a second, at {self.now_s:.6f} s"
                )
            happen()
        self.now_s = end_s

    def chance(self, probability: float) -> bool:
        """Draw whether something happens."""
        return self.random.random() < probability

    def delay_s(self, typical_s: float) -> float:
        """Draw a delay: mostly about the typical one, now and then twenty times as long."""
        factor = self.random.expovariate(1.0)
        return typical_s * (20 * factor if self.random.random() < 0.02 else factor)
