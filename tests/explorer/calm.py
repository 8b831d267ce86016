"""The calm run of a world: everything happens in turn, and nothing goes wrong. Searches begin somewhere on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from explorer.dynamics import Dynamics
from explorer.world import Budget, World

_MAX_MOVES = 1000


def calm_run(dynamics: Dynamics, world: World, script: Sequence[str]) -> list[World]:
    """Return the worlds from the last event of the script, or from the beginning without one, to rest.

    At rest a leader is elected, shown and labelled, and nothing is on its way. An event is "drain a", "vanish a" or
    "create a".
    """
    worlds = [world, *_until_rest(dynamics, world)]
    for event in script:
        what, pod = event.split()
        world = _one(dynamics, worlds[-1], what, pod)
        worlds = [world, *_until_rest(dynamics, world)]
    return worlds


def _until_rest(dynamics: Dynamics, world: World) -> Iterator[World]:
    for turn in range(_MAX_MOVES):
        move = next((move for move in dynamics.moves(world) if move.what != "end"), None)
        if move is not None:
            world = dynamics.after(world, move)
        elif dynamics.is_ready(world):
            return
        else:
            world = _one(dynamics, world, "wait", seat=turn % len(world.seats))
        yield world
    raise AssertionError("The world does not come to rest.")


def _one(dynamics: Dynamics, world: World, what: str, pod: str = "", *, seat: int = 0) -> World:
    """Let one thing happen that need not happen."""
    allowed = world._replace(left=Budget()._replace(**{what: 1}))
    move = next(move for move in dynamics.moves(allowed) if (move.what, move.pod, move.seat) == (what, pod, seat))
    return dynamics.after(allowed, move)
