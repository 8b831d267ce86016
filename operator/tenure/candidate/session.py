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
from tenure.runtime import tasks
from tenure.runtime.stop_signals import catch_stop_signals, ignore_stop_signals

logger = logging.getLogger(__name__)

RETRY_S = 2.0

SAFETY_S = 0.2
"""So long before its lease can have run out a program that does not end is killed."""

HOOK_TIMEOUT_S = 30.0
"""How long a hook may take that is called while the lease is held."""

PASSED_ON = (
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGCONT,
    signal.SIGWINCH,
)
"""Signals that are the program's own affair."""


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

        SIGQUIT ends it too while there is no program that it could be passed on to. Waits, and says so, for NATS.
        Raises BucketRefused and OSError for what only a person can mend, and NotLeader after a defect.
        """
        loop = asyncio.get_running_loop()
        catch_stop_signals(self._stop.set)
        for number in PASSED_ON:
            loop.add_signal_handler(number, self._pass_on, number)
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(ignore_stop_signals)  # when no hook and no program is started any more
            await stack.enter_async_context(serve_leader(self._candidate, self._settings.listen))
            stack.callback(asyncio.create_task(self._children.reap(), name="reaper").cancel)
            stack.push_async_callback(self._candidate.stop)
            await _first_of(self._start(), self._stop.wait())
            while not self._stop.is_set():
                await _first_of(self._candidate.wait_until_leader(), self._stop.wait())
                status = await self._lead()
                if status is not None:
                    return status
        return 0

    async def _start(self) -> None:
        """Take part as soon as NATS is there."""
        while True:
            try:
                return await self._candidate.start()
            except Unavailable as error:
                logger.warning("Waiting: %s Trying again in %g s.", error, RETRY_S)
                await asyncio.sleep(RETRY_S)

    async def _lead(self) -> int | None:
        """Do what is to be done in a term that is ours; return the exit status if there is to be no other one."""
        term = self._candidate.leadership.led_term
        if term is None:
            return None
        environment = {"TENURE_IDENTITY": self._settings.identity, "TENURE_TERM": str(term)}
        await _first_of(self._work(environment), self._candidate.wait_until_lost(), self._stop.wait())
        program, self._program = self._program, None
        has_ended = program is not None and not program.is_running
        if program is not None:
            await self._end(program)
        await self._call(self._settings.hook_lost, environment)
        if has_ended or self._stop.is_set():
            return program.status if program is not None else 0
        return None

    async def _work(self, environment: Mapping[str, str]) -> None:
        await self._call(self._settings.hook_became, environment)
        if not self._settings.command:
            await asyncio.Event().wait()  # There is nothing that could end before leadership does.
        self._program = self._children.start(self._settings.command, environment)
        await self._program.wait()

    async def _end(self, program: Child) -> None:
        """Ask it to end, and kill it when its time is over, or before anybody else can lead."""
        loop = asyncio.get_running_loop()
        give_up_at_s = loop.time() + self._settings.grace_s
        program.send(signal.SIGTERM)
        await _first_of(program.wait(), asyncio.sleep(self._settings.grace_s), self._candidate.wait_until_lost())
        left_s = min(give_up_at_s - loop.time(), self._candidate.respected_s() - SAFETY_S)
        await _first_of(program.wait(), asyncio.sleep(max(left_s, 0.0)))
        await program.kill()

    async def _call(self, hook: str | None, environment: Mapping[str, str]) -> None:
        """Run a hook by the shell, and wait for its end."""
        if hook is None:
            return
        child = self._children.start(("/bin/sh", "-c", hook), environment)
        try:
            async with asyncio.timeout(HOOK_TIMEOUT_S):
                await child.wait()
        except TimeoutError:
            pass
        finally:
            await child.kill()
        if child.status:
            logger.warning("The hook %r ended with status %d", hook, child.status)

    def _pass_on(self, number: int) -> None:
        if self._program is not None:
            self._program.send(number)
        elif number == signal.SIGQUIT:  # What some images have for SIGTERM.
            self._stop.set()


async def _first_of(*waits: Coroutine[Any, Any, Any]) -> None:
    """Return when the first of these has ended, or raise its error; the others are given up."""
    waiting = [asyncio.ensure_future(wait) for wait in waits]
    try:
        ended, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for one in ended:
            one.result()
    finally:
        await tasks.cancel(waiting)
