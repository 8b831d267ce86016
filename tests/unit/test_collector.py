"""What the operator sets of Python's garbage collector."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tenure.runtime.collector import YOUNG_OBJECTS, collect_rarely


@pytest.fixture(autouse=True)
def python_s_own() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def _looks() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())


def test_what_a_thousand_renewals_hold_at_a_time_is_not_looked_through() -> None:
    collect_rarely()
    before = _looks()
    held = [[number] for number in range(YOUNG_OBJECTS // 2)]
    assert _looks() == before, f"{len(held)} objects"


def test_garbage_that_refers_to_itself_is_found_all_the_same() -> None:
    collect_rarely()
    before = _looks()
    for _ in range(YOUNG_OBJECTS + 1000):
        error: list[object] = []
        error.append(error)
    assert _looks() > before


def test_what_is_there_already_is_left_out() -> None:
    there, collected = [object()], gc.get_objects
    assert any(one is there for one in collected())
    collect_rarely()
    assert not any(one is there for one in collected())
