"""A small world: servers, processes, and all that is on its way between them; and what may happen in it.

A world is made of numbers, each of which stands for a server, a process or a message in a catalogue (`Dynamics`).
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

PENDING = -1
"""In the place of the answer to a request that no server has served yet."""


class Budget(NamedTuple):
    """How often each of those things may still happen that need not happen."""

    wait: int = 0
    """A process's clock goes on to the next time at which it wants to decide anew."""
    halt: int = 0
    """A process is halted for longer than a lease."""
    unanswered: int = 0
    """A process gets no answer to a request. It may have been served, may be served later, or never."""
    twice: int = 0
    """A write is served, and may be served again later."""
    restart: int = 0
    """A process is killed and begins anew. What it had sent may still be served."""
    cut: int = 0
    """A process loses its connection to NATS, and what was on its way. It finds another at any time."""
    hide: int = 0
    """A watch does not show an event: it has begun anew with a list."""
    loss: int = 0
    """The bucket is lost and made anew, empty."""
    drain: int = 0
    """A pod is marked as deleted. It ends at any time."""
    vanish: int = 0
    """A pod ends without being marked."""
    flip: int = 0
    """A pod is Ready no more, or again."""
    create: int = 0
    """A pod is created; its name may be that of one which has ended."""


class Call(NamedTuple):
    """A request of a process, and the answer that is on its way back."""

    request: int
    answer: int = PENDING


class Seat(NamedTuple):
    """A process, what it has asked for, and the events that its watches have not shown it yet, each in their order."""

    process: int
    calls: tuple[Call, ...] = ()
    resources: tuple[int, ...] = ()
    pods: tuple[int, ...] = ()
    entries: tuple[int, ...] = ()


WATCHES = ("resources", "pods", "entries")


class World(NamedTuple):
    """Everything. `ghosts` are writes for whose answer nobody waits any more, and which may still be served."""

    bucket: int
    api: int
    seats: tuple[Seat, ...]
    ghosts: tuple[int, ...] = ()
    left: Budget = Budget()

    def seated(self, number: int, seat: Seat) -> World:
        """Return the world with another seat in the place of one."""
        bucket, api, seats, ghosts, left = self
        return World(bucket, api, (*seats[:number], seat, *seats[number + 1 :]), ghosts, left)

    def haunted(self, *ghosts: int) -> World:
        """Return the world with more ghosts."""
        return self._replace(ghosts=tuple(sorted((*self.ghosts, *ghosts)))) if ghosts else self


class Move(NamedTuple):
    """One thing that happens: in which seat, to which of its calls, watches or of the ghosts, or to which pod."""

    what: str
    seat: int = 0
    place: int = 0
    pod: str = ""


@cache
def less(left: Budget, what: str) -> Budget:
    """Return what is left of a budget after something has happened once more."""
    return left._replace(**{what: getattr(left, what) - 1})
