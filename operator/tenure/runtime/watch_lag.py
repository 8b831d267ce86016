"""How long what a list has shown may take to come through a watch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

WATCH_LAG_S = 10.0
"""A watch that has shown nothing of a list for so long has missed the rest of it."""

POLL_S = 0.05
"""How often it is looked, and so much more seldom with each thousand that is left to look for."""

Item = TypeVar("Item")


async def until_watched(listed: Sequence[Item], is_known: Callable[[Item], bool]) -> Sequence[Item]:
    """Give the watch time to show what a list has shown, and return what it has not.

    It has as much as it needs while it goes on: the first list of a watch brings tens of thousands of objects for a
    minute, and who read them one by one meanwhile would be done long after it.
    """
    loop = asyncio.get_running_loop()
    until_s = loop.time() + WATCH_LAG_S
    missing = listed
    while True:
        left = [item for item in missing if not is_known(item)]
        if len(left) < len(missing):
            until_s = loop.time() + WATCH_LAG_S
        if not left or loop.time() >= until_s:
            return left
        missing = left
        await asyncio.sleep(POLL_S * (1 + len(left) // 1000))
