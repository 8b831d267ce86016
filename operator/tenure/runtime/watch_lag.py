"""How long what a list has shown may take to come through a watch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from tenure.kubernetes.metadata import Metadata

WATCH_LAG_S = 10.0
"""A watch that has shown nothing of a list for so long has missed the rest of it."""

LOOK_S = 1.0
"""After so long without news it is looked whether the rest is there still: so much later with each ten thousand that
are left to look for, and after twice as long each next time. That is four more lists at most, two for 30,000 pods."""

POLL_S = 0.05
"""How often it is looked, and so much more seldom with each thousand that is left to look for."""


async def until_watched(
    listed: Sequence[Metadata],
    is_known: Callable[[Metadata], bool],
    list_again: Callable[[], Awaitable[Iterable[Metadata]]],
) -> Sequence[Metadata]:
    """Give the watch time to show what a list has shown, and return what it has not.

    It has as much as it needs while it goes on: the first list of a watch brings tens of thousands of objects for a
    minute, and who read them one by one meanwhile would be done long after it. What was deleted before that list comes
    through no watch: what `list_again` shows no more is not waited for and not returned. It must not be behind
    `listed`, and what it raises is raised.
    """
    loop = asyncio.get_running_loop()
    heard_at_s = loop.time()
    look_s = LOOK_S
    missing = listed
    while True:
        left = [item for item in missing if not is_known(item)]
        if len(left) < len(missing):
            heard_at_s = loop.time()
        silent_s = loop.time() - heard_at_s
        if not left or silent_s >= WATCH_LAG_S:
            return left
        if silent_s >= look_s * (1 + len(left) // 10_000):
            look_s *= 2
            existing = {item.uid for item in await list_again()}
            missing = [item for item in left if item.uid in existing]
        else:
            missing = left
            await asyncio.sleep(POLL_S * (1 + len(left) // 1000))
