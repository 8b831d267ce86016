"""`tenure campaign`: a candidate at work, with a program that runs while it leads, hooks, and a page that tells."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from tenure.candidate.candidate import Candidate
from tenure.candidate.children import Child, Children
from tenure.candidate.config import ElectionConfig
from tenure.candidate.page import serve_leader
from tenure.nats.settings import NatsSettings
from tenure.nats.store import Unavailable

logger = logging.getLogger(__name__)

RETRY_S = 2.0

SAFETY_S = 0.2
"""So long before its lease can have run out a program that does not end is killed."""

HOOK_TIMEOUT_S = 30.0
"""How long a hook may take that is called while the lease is held."""


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """See `tenure campaign --help` for the meaning of each. `command` is empty for a session without a program."""

    identity: str
    key: str
    bucket: str
    nats: NatsSettings
    config: ElectionConfig
    command: tuple[str, ...] = ()
    grace_s: float = 10.0
    hook_became: str | None = None
    hook_lost: str | None = None
    listen: tuple[str, int] | None = None


class Session:
    """One run of `tenure campaign`."""

    def __init__(self, settings: SessionSettings) -> None:
        self._settings = settings
        self._children = Children()
        self._program: Child | None = None
        self._stop = asyncio.Event()
        self._candidate = Candidate(
            settings.identity, key=settings.key, nats=settings.nats, bucket=settings.bucket, config=settings.config
        )

    async def run(self) -> int:
        """Run until SIGTERM or SIGINT, or until the program has ended by itself, and return the exit status.

        Waits, and says so, for NATS. Raises BucketRefused and OSError for what only a person can mend.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            loop.add_signal_handler(number, self._pass_on, number)
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(serve_leader(self._candidate, self._settings.listen))
            stack.callback(asyncio.create_task(self._children.reap(), name="reaper").cancel)
            stack.push_async_callback(self._candidate.stop)
            if await self._start():
                await self._take_turns()
        return (self._program.status or 0) if self._program is not None else 0

    async def _start(self) -> bool:
        """Take part as soon as NATS is there; return False when asked to end before that."""
        while True:
            starting = asyncio.ensure_future(self._candidate.start())
            await _first_of(asyncio.wait({starting}), self._stop.wait())
            if self._stop.is_set():
                starting.cancel()
                await asyncio.wait({starting})
                return False
            try:
                starting.result()
            except Unavailable as error:
                logger.warning("Waiting: %s Trying again in %g s.", error, RETRY_S)
                await _first_of(self._stop.wait(), asyncio.sleep(RETRY_S))
            else:
                return True

    async def _take_turns(self) -> None:
        """Have the program run in each term that is ours, until asked to end or until it has ended by itself."""
        settings, candidate = self._settings, self._candidate
        while True:
            await _first_of(candidate.wait_until_leader(), self._stop.wait())
            if self._stop.is_set():
                return
            environment = {"TENURE_IDENTITY": settings.identity, "TENURE_TERM": str(candidate.term)}
            await self._call(settings.hook_became, environment)
            waits: list[Coroutine[Any, Any, Any]] = [candidate.wait_until_lost(), self._stop.wait()]
            if settings.command:
                self._program = self._children.start(settings.command, environment)
                waits.append(self._program.wait())
            await _first_of(*waits)
            has_ended = self._program is not None and not self._program.is_running
            if self._program is not None:
                await self._program.stop(grace_s=self._grace_s())
            await self._call(settings.hook_lost, environment)
            if has_ended or self._stop.is_set():
                return

    def _grace_s(self) -> float:
        """While the lease is renewed, all that was asked for; after its loss, what others still respect of it."""
        if self._candidate.is_leader:
            return self._settings.grace_s
        timing = self._settings.config.timing
        return min(self._settings.grace_s, timing.duration_s - timing.renew_deadline_s - SAFETY_S)

    async def _call(self, hook: str | None, environment: Mapping[str, str]) -> None:
        """Run a hook by the shell, and wait for its end."""
        if hook is None:
            return
        child = self._children.start(("/bin/sh", "-c", hook), environment)
        await _first_of(child.wait(), asyncio.sleep(HOOK_TIMEOUT_S))
        await child.stop(grace_s=0.0)
        if child.status:
            logger.warning("The hook %r ended with status %d", hook, child.status)

    def _pass_on(self, number: int) -> None:
        if self._program is not None:
            self._program.send(number)


async def _first_of(*waits: Coroutine[Any, Any, Any]) -> None:
    """Return when the first of these has ended; the others are given up."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
