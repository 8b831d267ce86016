"""Steps elections: those that have mail, and those whose time has come, one after another on the event loop."""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tenure.election.clock import Instant
from tenure.election.effects import Effect
from tenure.election.inputs import Input
from tenure.runtime.keys import Key
from tenure.runtime.mailbox import Mailbox

logger = logging.getLogger(__name__)

REST_PER_STEP_TIME = 4.0
"""A stepper whose step took long rests for so many times as long: one with hundreds of pods of which each has news must
not take the event loop from all others. Its mailbox takes what comes meanwhile."""

LONGEST_REST_S = 0.2
"""Also after a step in which the whole process was halted for a minute: that was no work of its own."""

SHORT_STEP_S = 0.002
"""After a step that took less there is no rest."""

MAX_STEPS_IN_A_ROW = 100
"""Then the event loop gets its turn: the network must not wait for a thousand elections."""

LONGEST_SLEEP_S = 3600.0


class Stepper(Protocol):
    """What is stepped: an `Election`, or something of its shape."""

    @property
    def wakes_at_s(self) -> float:
        """The monotonic time at which it must be stepped again, even with no input."""

    def step(self, now: Instant, happened: Sequence[Input]) -> Sequence[Effect]:
        """Take what happened, and return what to do."""


@dataclass(eq=False, slots=True)
class Seat:
    """One stepper's place in the dispatcher: who it is, its mailbox, and when it is due.

    `rings_at_s` is the time of its timer, which is not later than `due_at_s`, and `rings_again_at_s` that of a later
    one, which was set before. One that was removed has no stepper: its timer holds the seat until it rings, perhaps in
    an hour, and must not hold all that an election knows.
    """

    who: Key
    stepper: Stepper | None
    mailbox: Mailbox = field(default_factory=Mailbox)
    is_ready: bool = False
    due_at_s: float = float("inf")
    rings_at_s: float = float("inf")
    rings_again_at_s: float = float("inf")
    rests_until_s: float = 0.0


class Dispatcher:
    """Owns all mailboxes and the one heap of timers.

    `carry_out(seat, effect)` is called for each effect of a step; it must not block. When either raises, which is a
    defect, the stepper waits for results that will never come. So it is logged, that one is removed, and `on_failure`
    is told, which may seat another one in its place. The others go on.
    """

    def __init__(
        self,
        read_clock: Callable[[], Instant],
        carry_out: Callable[[Seat, Effect], None],
        on_failure: Callable[[Seat], None],
    ) -> None:
        self._read_clock = read_clock
        self._carry_out = carry_out
        self._on_failure = on_failure
        self._ready: deque[Seat] = deque()
        self._timers: list[tuple[float, int, Seat]] = []
        self._tickets = 0
        self._turn: asyncio.Handle | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._closed = False

    def seat(self, who: Key, stepper: Stepper) -> Seat:
        """Give a stepper a mailbox; it is stepped when that has mail."""
        return Seat(who, stepper)

    def post(self, seat: Seat, happened: Input) -> None:
        """Put an input into a mailbox."""
        if seat.stepper is None:
            return
        seat.mailbox.put(happened)
        self._make_ready(seat)

    def wake(self, seat: Seat) -> None:
        """Step this one even if it has no mail."""
        self._make_ready(seat)

    def remove(self, seat: Seat) -> None:
        """Step this one no more; what arrives for it is dropped."""
        seat.stepper, seat.mailbox = None, Mailbox()

    def close(self) -> None:
        """Step nobody any more."""
        for handle in (self._turn, self._alarm):
            if handle is not None:
                handle.cancel()
        self._ready.clear()
        self._timers.clear()
        self._closed = True

    def overdue_s(self) -> float:
        """For how many seconds the first of the timers has been due; 0 when all are in the future.

        Whoever asks does so on the event loop: it runs. That the timers do not follow can only be a defect.
        """
        return max(0.0, self._read_clock().monotonic_s - self._timers[0][0]) if self._timers else 0.0

    def _make_ready(self, seat: Seat) -> None:
        if seat.is_ready or seat.stepper is None or self._closed:
            return
        if seat.rests_until_s and self._read_clock().monotonic_s < seat.rests_until_s:
            self._set_timer(seat, min(seat.due_at_s, seat.rests_until_s))
            if self._turn is None:
                self._set_alarm()
            return
        seat.is_ready = True
        self._ready.append(seat)
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._turn = None
        now = self._read_clock()
        self._ring(now.monotonic_s)
        for _ in range(min(len(self._ready), MAX_STEPS_IN_A_ROW)):
            seat = self._ready.popleft()
            seat.is_ready = False
            if seat.stepper is not None:
                now = self._step(now, seat, seat.stepper)
        if self._ready and self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._take_turn)
        self._set_alarm()

    def _step(self, now: Instant, seat: Seat, stepper: Stepper) -> Instant:
        """Step one, and return the moment at which that is done, which is that of the next one."""
        try:
            for effect in stepper.step(now, seat.mailbox.take()):
                self._carry_out(seat, effect)
            wakes_at_s = stepper.wakes_at_s
        except Exception:
            logger.exception("A step of %s failed", "/".join(seat.who))
            self.remove(seat)
            self._on_failure(seat)
            return self._read_clock()
        done = self._read_clock()
        took_s = done.monotonic_s - now.monotonic_s
        rest_s = min(REST_PER_STEP_TIME * took_s, LONGEST_REST_S) if took_s > SHORT_STEP_S else 0.0
        seat.rests_until_s = done.monotonic_s + rest_s if rest_s else 0.0
        self._set_timer(seat, wakes_at_s)
        return done

    def _set_timer(self, seat: Seat, due_at_s: float) -> None:
        """Set the seat's timer. One that rings too early is left where it is, and set anew then.

        So is the one that it comes before: between a renewal and its answer a leader is due only when its lease ends,
        and one such timer serves for several renewals.
        """
        seat.due_at_s = due_at_s
        if due_at_s < seat.rings_at_s:
            seat.rings_at_s, seat.rings_again_at_s = due_at_s, seat.rings_at_s
            self._tickets += 1
            heapq.heappush(self._timers, (due_at_s, self._tickets, seat))

    def _ring(self, now_s: float) -> None:
        """Make all ready whose time has come. A timer of a seat that has two earlier ones is not in force any more."""
        while self._timers and self._timers[0][0] <= now_s:
            rings_at_s, _, seat = heapq.heappop(self._timers)
            if seat.rings_at_s != rings_at_s or seat.stepper is None:
                continue
            seat.rings_at_s, seat.rings_again_at_s = seat.rings_again_at_s, float("inf")
            if seat.due_at_s <= now_s:
                seat.due_at_s = float("inf")
                self._make_ready(seat)
            else:
                self._set_timer(seat, seat.due_at_s)

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._timers and self._turn is None:
            delay_s = self._timers[0][0] - self._read_clock().monotonic_s
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(min(max(delay_s, 0.0), LONGEST_SLEEP_S), self._take_turn)
