"""Tasks with an owner: none is forgotten, none outlives it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

logger = logging.getLogger(__name__)

CANCEL_TIMEOUT_S = 1.0
"""How long tasks may take that were told to end."""


class Tasks:
    """Short tasks that run beside each other until they end, or until their owner does."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False

    def start(self, work: Coroutine[Any, Any, Result], *, name: str) -> asyncio.Task[Result] | None:
        """Run `work`, and return its task. An error that it does not handle is logged.

        After `close` nothing is started any more, and None is returned.
        """
        if self._closed:
            work.close()
            return None
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self, *, after_s: float = 0.0) -> None:
        """Cancel what runs, and wait for it; what ends by itself within `after_s` may."""
        self._closed = True
        await asyncio.sleep(0)  # A task that was cancelled before it began would never await what it was given.
        if after_s and self._running:
            await asyncio.wait(set(self._running), timeout=after_s)
        await cancel(set(self._running))

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s failed", task.get_name(), exc_info=error)


async def cancel(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel these tasks, and wait for their end, for a second at most. Their errors concern nobody any more."""
    for task in tasks:
        task.cancel()
    ended, _ = await asyncio.wait(tasks, timeout=CANCEL_TIMEOUT_S) if tasks else (set(), set())
    for task in ended:
        if not task.cancelled():
            task.exception()  # Asked for, so that asyncio does not log it.


async def report(work: Coroutine[Any, Any, Result | None], failed: Result, post: Callable[[Result], None]) -> None:
    """Post the result of some work, and `failed` if it fails as nobody foresaw: somebody waits for either."""
    try:
        result = await work
    except Exception:
        post(failed)
        raise
    if result is not None:
        post(result)


def forgive_generators() -> None:
    """Say nothing from now on of asynchronous generators that fail when the event loop ends, and closes them.

    It is for a process that ends: Kopf's watches (1.45.2) fail so now and then when they were cancelled between two
    events, and nobody could do anything about it.
    """
    asyncio.get_running_loop().set_exception_handler(_forgive)


def _forgive(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if "asyncgen" in context:
        logger.debug("%s", context["message"])
    else:
        loop.default_exception_handler(context)
