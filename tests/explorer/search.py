"""Breadth first through all worlds that can be reached, each once, until a guarantee breaks or a bound is reached."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from explorer.dynamics import Dynamics
from explorer.world import Move, World

PROGRESS_EVERY_S = 1.0


@dataclass(slots=True)
class Search:
    """A search from one world, and what has come of it so far.

    `visited` counts worlds that differ, `moves` the ways from one to another. All worlds were visited that are at most
    `depth` moves from the first; `is_complete` tells that there are no others. `broken` is a schedule that breaks a
    guarantee; none has fewer moves.
    """

    dynamics: Dynamics
    first: World
    visited: int = 1
    moves: int = 0
    depth: int = 0
    is_complete: bool = False
    broken: list[Move] | None = None
    cpu_s: float = 0.0
    _parents: array[int] = field(default_factory=lambda: array("L"))
    _places: array[int] = field(default_factory=lambda: array("H"))

    def run(self, *, states: int, depth: int, progress: Callable[[Search], None] = lambda _: None) -> None:
        """Search to a depth, until so many worlds are visited, or until a guarantee is broken."""
        started_s = time.process_time()
        self._run(states, depth, progress)
        self.cpu_s = time.process_time() - started_s

    def _run(self, states: int, depth: int, progress: Callable[[Search], None]) -> None:
        # A world is remembered by 64 bits: of ten million, two share them with a probability of 1 to 400,000.
        seen = {hash(self.first)}
        frontier = [(0, self.first)]
        due_s = time.monotonic() + PROGRESS_EVERY_S
        while frontier and self.depth < depth:
            reached: list[tuple[int, World]] = []
            for number, world in frontier:
                for place, move in enumerate(self.dynamics.moves(world)):
                    try:
                        after = self.dynamics.after(world, move)
                    except AssertionError:
                        self.broken = [*self._way_to(number), move]
                        return
                    self.moves += 1
                    mark = hash(after)
                    if mark not in seen:
                        seen.add(mark)
                        reached.append((self.visited, after))
                        self.visited += 1
                        self._parents.append(number)
                        self._places.append(place)
                if self.visited >= states:
                    return
                if time.monotonic() >= due_s:
                    due_s = time.monotonic() + PROGRESS_EVERY_S
                    progress(self)
            frontier = reached
            self.depth += 1
        self.is_complete = not frontier

    def _way_to(self, number: int) -> list[Move]:
        """Return by which moves a world was reached."""
        places = []
        while number:
            places.append(self._places[number - 1])
            number = self._parents[number - 1]
        world, moves = self.first, []
        for place in reversed(places):
            moves.append(next(islice(self.dynamics.moves(world), place, None)))
            world = self.dynamics.after(world, moves[-1])
        return moves
