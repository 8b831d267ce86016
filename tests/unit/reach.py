"""Keeps properties honest: one whose assertions are hardly ever reached holds for any code."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from hypothesis import strategies as st

T = TypeVar("T")

_reached: Counter[str] = Counter()


def reach(point: str) -> None:
    """Note that an example has come to a point of its property."""
    _reached[point] += 1


def reaches(**at_least: int) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Fail a property, to be given its examples below this, that came to one of these points less often in all."""

    def guarded(holds: Callable[[], None]) -> Callable[[], None]:
        @functools.wraps(holds)
        def holds_and_reaches() -> None:
            _reached.clear()
            holds()
            for point, least in at_least.items():
                assert _reached[point] >= least, f"its examples came to {point} {_reached[point]} times, not {least}"

        return holds_and_reaches

    return guarded


def often(*strategies: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """Draw from each of these as often as it is named; `one_of` takes a strategy once, however often it is given."""
    return st.sampled_from(strategies).flatmap(lambda strategy: strategy)
