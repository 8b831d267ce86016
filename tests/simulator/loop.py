"""The event loop of one simulated process: asyncio as the production code knows it, in virtual time."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from inspect import CORO_CREATED, getcoroutinestate
from types import CoroutineType
from typing import Any, TypeVar, TypeVarTuple

from simulator.world import Runaway, World
from tenure.election.clock import Instant

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

WALL_S = 1.8e9
"""Unix time at the start of every world."""

MAX_CALLBACKS = 10_000
"""In a row, without time passing."""

_TIMER_LAG_S = 1e-6
"""A timer never rings before its time, which rounding could otherwise make it do for ever."""


class Loop(asyncio.AbstractEventLoop):
    """Runs one life of one process: callbacks at once, timers when the world's time has come.

    Its clock has an offset and a rate of its own. A loop can be halted, as SIGSTOP does it, also in the middle of its
    work: what is due then waits. One that has ended never runs anything again, as after SIGKILL.
    """

    def __init__(self, world: World, *, offset_s: float, rate: float, skew_s: float) -> None:
        self._world = world
        self._offset_s = offset_s
        self._rate = rate
        self._skew_s = skew_s
        self._ready: deque[asyncio.Handle] = deque()
        self._context = contextvars.copy_context()
        self._turn_is_due = False
        self._runs_before_halt: int | None = None
        self.is_halted = False
        self.has_ended = False

    # What the simulation does with a process

    def now(self) -> Instant:
        """Read this machine's clocks."""
        now_s = self._world.now_s
        return Instant(self._offset_s + now_s * self._rate, WALL_S + now_s + self._skew_s)

    def halt(self, *, after_callbacks: int = 0) -> None:
        """Stop doing anything, when so many more callbacks have run."""
        if after_callbacks:
            self._runs_before_halt = after_callbacks
        else:
            self.is_halted = True

    def resume(self) -> None:
        """Go on where it stopped; timers that are due ring at once."""
        self.is_halted, self._runs_before_halt = False, None
        self._demand_turn()

    def end(self) -> None:
        """Never run anything again. What was never begun is closed: Python would warn of it, whenever it finds it."""
        self.has_ended = True
        self._ready.clear()
        for task in asyncio.all_tasks(self):
            _close_if_not_begun(task.get_coro())

    # What asyncio asks of a loop

    def time(self) -> float:
        return self._offset_s + self._world.now_s * self._rate

    def call_soon(
        self, callback: Callable[[*Arguments], object], *args: *Arguments, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context or self._context)
        self._make_ready(handle)
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context or self._context)
        self._world.after((when - self.time()) / self._rate + _TIMER_LAG_S, partial(self._make_ready, timer))
        return timer

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self, coro: Generator[Any, None, Result] | Coroutine[Any, Any, Result], *, name: str | None = None, **_: Any
    ) -> asyncio.Task[Result]:
        return asyncio.Task(coro, loop=self, name=name)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return self.has_ended

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """An error that nobody has taken is a defect; that a task never ends is what killing a process does."""
        error = context.get("exception")
        if error is not None and not self.has_ended:
            raise error

    def _timer_handle_cancelled(self, timer: asyncio.TimerHandle) -> None:
        """A cancelled timer stays in the world's queue until its time has come, and does nothing then."""

    def _make_ready(self, handle: asyncio.Handle) -> None:
        if not self.has_ended and not handle.cancelled():
            self._ready.append(handle)
            self._demand_turn()

    def _demand_turn(self) -> None:
        if not self._turn_is_due and not self.is_halted:
            self._turn_is_due = True
            self._world.after(0.0, self._take_turn)

    def _take_turn(self) -> None:
        self._turn_is_due = False
        outer = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            for _ in range(MAX_CALLBACKS):
                if not self._ready or self.is_halted:
                    return
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()
                    if self._runs_before_halt is not None:
                        self._count_down(self._runs_before_halt)
        finally:
            asyncio._set_running_loop(outer)
        raise Runaway(f"runaway: more than {MAX_CALLBACKS} callbacks at {self._world.now_s:.6f} s")

    def _count_down(self, left: int) -> None:
        self._runs_before_halt = left - 1
        if left <= 1:
            self.is_halted, self._runs_before_halt = True, None


def _close_if_not_begun(work: object) -> None:
    """Close a coroutine, and those that it was given to wait for."""
    if isinstance(work, CoroutineType) and work.cr_frame and getcoroutinestate(work) == CORO_CREATED:
        for given in work.cr_frame.f_locals.values():
            _close_if_not_begun(given)
        work.close()


def read_clock() -> Instant:
    """Read the clocks of the process that runs, in the place of `tenure.runtime.clock.now`."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    return loop.now()
