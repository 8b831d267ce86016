"""The way of one process to one server: it delays, loses, repeats and cuts off."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from simulator.loop import Loop
from simulator.world import World
from tenure.nats.store import StoreError

Answer = TypeVar("Answer")


class Fate(Enum):
    """What becomes of a request."""

    GOOD = "answered"
    LOST = "never arrives"
    UNANSWERED = "arrives, the answer is lost"
    LATE = "arrives after the sender gave up"
    REPEATED = "arrives twice"
    REFUSED = "the server says that it did not serve it"


_TROUBLES = (Fate.LOST, Fate.UNANSWERED, Fate.LATE, Fate.REPEATED, Fate.REFUSED)


@dataclass(slots=True)
class Trouble:
    """What can go wrong on a link, as probabilities for one request each, and how long things take.

    `any` is the probability that one of the troubles happens, whichever; `late` and `late_labels` are those of a late
    arrival in addition, of any request or of a write to a pod's labels or an EndpointSlice. Late is up to `lateness_s`
    after its time.
    """

    latency_s: float = 0.002
    any: float = 0.0
    late: float = 0.0
    late_labels: float = 0.0
    lateness_s: float = 20.0

    def end(self) -> None:
        """From now on nothing goes wrong, and nothing takes long."""
        self.any = self.late = self.late_labels = 0.0
        self.latency_s = min(self.latency_s, 0.002)


class Link:
    """One link of one process. While it is cut, requests do not arrive and answers do not come back."""

    def __init__(self, world: World, trouble: Trouble) -> None:
        self._world = world
        self.trouble = trouble
        self.is_cut = False

    def ask(
        self, loop: Loop, arrive: Callable[[], Answer], *, refused: Callable[[], Answer], late: float = 0.0
    ) -> asyncio.Future[Answer]:
        """Send a request to meet its fate; what is returned may never have a result.

        `arrive` is what the server does, `refused` what it answers when it does nothing; either may raise what the
        sender is to get. `late` is the probability of a late arrival on top of what the link itself has.
        """
        world, trouble = self._world, self.trouble
        answer: asyncio.Future[Answer] = loop.create_future()
        fate = self._draw_fate(late)
        if fate is Fate.LOST:
            return answer
        there_s = world.delay_s(trouble.latency_s)
        if fate is Fate.LATE:
            there_s += world.random.uniform(0.0, trouble.lateness_s)

        def come() -> None:
            outcome = _outcome(refused if fate is Fate.REFUSED else arrive)
            if fate not in (Fate.LATE, Fate.UNANSWERED):
                world.after(world.delay_s(trouble.latency_s), lambda: self._bring(loop, answer, outcome))

        world.after(there_s, come)
        if fate is Fate.REPEATED:
            world.after(there_s + world.delay_s(10 * trouble.latency_s), functools.partial(_arrive_again, arrive))
        return answer

    def _draw_fate(self, late: float) -> Fate:
        world, trouble = self._world, self.trouble
        if self.is_cut:
            return Fate.LOST
        if (late or trouble.late) and world.chance(late + trouble.late):
            return Fate.LATE
        if trouble.any and world.chance(trouble.any):
            return world.random.choice(_TROUBLES)
        return Fate.GOOD

    def _bring(self, loop: Loop, answer: asyncio.Future[Answer], outcome: Callable[[], Answer]) -> None:
        if not self.is_cut:
            loop.call_soon(_settle, answer, outcome)


def _outcome(serve: Callable[[], Answer]) -> Callable[[], Answer]:
    """Let the server work now; what is returned gives its answer, or raises its refusal."""
    try:
        result = serve()
    except StoreError as error:
        refusal = error

        def refuse() -> Any:
            raise refusal

        return refuse
    return lambda: result


def _arrive_again(arrive: Callable[[], object]) -> None:
    _outcome(arrive)


def _settle(answer: asyncio.Future[Answer], outcome: Callable[[], Answer]) -> None:
    if answer.done():
        return
    try:
        answer.set_result(outcome())
    except StoreError as error:
        answer.set_exception(error)
