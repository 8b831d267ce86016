"""Tasks with an owner: none is forgotten, none outlives it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

logger = logging.getLogger(__name__)


class Tasks:
    """Short tasks that run beside each other until they end, or until their owner does."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False

    def start(self, work: Coroutine[Any, Any, Any], *, name: str) -> None:
        """Run `work`. An error that it does not handle is logged; after `close` nothing is started any more."""
        if self._closed:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Cancel what runs, and wait for it."""
        self._closed = True
        await asyncio.sleep(0)  # A task that was cancelled before it began would never await what it was given.
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(set(self._running), timeout=1.0)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s failed", task.get_name(), exc_info=error)


async def report(work: Coroutine[Any, Any, Result | None], failed: Result, post: Callable[[Result], None]) -> None:
    """Post the result of some work, and `failed` if it fails as nobody foresaw: somebody waits for either."""
    try:
        result = await work
    except Exception:
        post(failed)
        raise
    if result is not None:
        post(result)
