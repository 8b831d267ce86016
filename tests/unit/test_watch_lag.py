"""What a list has shown is waited for as long as a watch goes on, and no longer than it exists."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from tenure.kubernetes.metadata import Metadata
from tenure.runtime.watch_lag import WATCH_LAG_S, until_watched
from unit.virtual_time import run

_LIST_S = 0.1
"""How long a list takes."""


def _items(count: int) -> list[Metadata]:
    return [Metadata("shop", f"web-{number}", f"uid-{number}", 1, {}, False) for number in range(count)]


class _Watch:
    """Shows one object after each pause, and counts the lists that are made meanwhile."""

    def __init__(self, listed: list[Metadata], look: Callable[[], Iterable[Metadata]] = tuple) -> None:
        self._listed = listed
        self._look = look
        self._shown: set[str] = set()
        self.lists = 0

    async def wait(self, *, pauses_s: Iterable[float] = ()) -> tuple[list[str], float]:
        """Return the names of what was left, and how long that took to be found out."""
        loop = asyncio.get_running_loop()
        began_at_s = loop.time()
        showing = asyncio.create_task(self._show(pauses_s))
        left = await until_watched(self._listed, lambda item: item.uid in self._shown, self._list_again)
        showing.cancel()
        return [item.name for item in left], loop.time() - began_at_s

    async def _show(self, pauses_s: Iterable[float]) -> None:
        for item, pause_s in zip(self._listed, pauses_s, strict=False):
            await asyncio.sleep(pause_s)
            self._shown.add(item.uid)

    async def _list_again(self) -> Iterable[Metadata]:
        self.lists += 1
        await asyncio.sleep(_LIST_S)
        return self._look()


def test_what_was_deleted_before_the_watch_began_is_waited_for_no_longer_than_two_seconds() -> None:
    async def scenario() -> None:
        listed = _items(3)
        again = Metadata("shop", "web-2", "uid of another", 2, {}, False)
        watch = _Watch(listed, lambda: [listed[0], again])
        left, took_s = await watch.wait(pauses_s=[0.5])
        assert left == []
        assert took_s < 2.0
        assert watch.lists == 1

    run(scenario())


def test_what_is_deleted_one_after_another_meanwhile_is_not_waited_for_either() -> None:
    async def scenario() -> None:
        existing = _items(3)

        def look() -> list[Metadata]:
            del existing[-1:]
            return list(existing)

        left, took_s = await _Watch(_items(3), look).wait()
        assert left == []
        assert took_s < WATCH_LAG_S / 2

    run(scenario())


def test_a_watch_that_goes_on_costs_no_list() -> None:
    async def scenario() -> None:
        listed = _items(100)
        watch = _Watch(listed)
        assert (await watch.wait(pauses_s=[0.8] * 100))[0] == []
        assert watch.lists == 0

    run(scenario())


def test_a_watch_that_halts_again_and_again_costs_four_lists() -> None:
    async def scenario() -> None:
        listed = _items(20)
        watch = _Watch(listed, lambda: listed)
        assert (await watch.wait(pauses_s=[0.9 * WATCH_LAG_S] * 20))[0] == []
        assert watch.lists == 4

    run(scenario())


def test_a_watch_that_has_nothing_to_show_yet_of_30_000_pods_costs_two_lists() -> None:
    async def scenario() -> None:
        listed = _items(30_000)
        watch = _Watch(listed, lambda: listed)
        left, took_s = await watch.wait()
        assert len(left) == 30_000
        assert took_s >= WATCH_LAG_S
        assert watch.lists == 2

    run(scenario())
