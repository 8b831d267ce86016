"""A dispatcher on a stage: its steppers note when they are stepped, and with what."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tenure.election.clock import Instant
from tenure.election.effects import Effect
from tenure.election.inputs import Input, LeaseWritten, WriteOutcome
from tenure.runtime.dispatcher import Dispatcher, Seat
from tenure.runtime.keys import Key
from unit.virtual_time import START_S, read_clock


@dataclass
class Stepper:
    """Notes when it is stepped, in seconds since the start, and the numbers of its mail.

    It asks to be woken after each of the times that it was given, one after another.
    """

    wakes_after_s: list[float] = field(default_factory=list)
    wakes_at_s: float = math.inf
    steps: list[tuple[float, list[int]]] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    on_step: Callable[[], None] = lambda: None

    def step(self, now: Instant, happened: Sequence[Input]) -> Sequence[Effect]:
        """Do nothing but note it."""
        numbers = [one.revision for one in happened if isinstance(one, LeaseWritten)]
        self.steps.append((round(now.monotonic_s - START_S, 6), numbers))
        self.wakes_at_s = now.monotonic_s + self.wakes_after_s.pop(0) if self.wakes_after_s else math.inf
        self.on_step()
        return self.effects


class Stage:
    """A dispatcher, and a note of the effects that it passed on and of the seats that failed."""

    def __init__(self) -> None:
        self.effects: list[tuple[Key, Effect]] = []
        self.failed: list[Seat] = []
        self.on_effect: Callable[[], None] = lambda: None
        self.dispatcher = Dispatcher(read_clock, self._carry_out, self.failed.append)

    def seat(self, stepper: Stepper, name: str = "web") -> Seat:
        """Give a stepper its place."""
        return self.dispatcher.seat(("shop", name), stepper)

    def post(self, seat: Seat, *numbers: int) -> None:
        """Send mail that is known by its numbers."""
        for number in numbers:
            self.dispatcher.post(seat, LeaseWritten(WriteOutcome.APPLIED, number))

    def _carry_out(self, seat: Seat, effect: Effect) -> None:
        self.effects.append((seat.who, effect))
        self.on_effect()
