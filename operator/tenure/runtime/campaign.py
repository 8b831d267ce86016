"""A candidacy at work: told what happens to its record, and what it decides carried out."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from tenure.election import effects
from tenure.election.candidacy import Candidacy
from tenure.election.clock import Instant
from tenure.election.effects import Effect
from tenure.election.entry import Entry
from tenure.election.inputs import (
    ConnectionChanged,
    EntrySeen,
    Input,
    LeaseRead,
    LeaseWritten,
    StandBack,
    WriteOutcome,
)
from tenure.runtime import clock
from tenure.runtime.dispatcher import Dispatcher, Seat
from tenure.runtime.lease_requests import read_lease, write_lease
from tenure.runtime.leases import Leases
from tenure.runtime.tasks import Tasks, report

RESIGN_TIMEOUT_S = 0.4
"""How long one that stops waits for the word that its lease is released; after that it runs out by itself."""


class Campaign:
    """Campaigns for the record under `key` in the bucket of `leases`.

    `on_step(now)` is called after each decision, and `on_failure()` when a defect has ended it: it decides nothing any
    more then.
    """

    def __init__(
        self,
        leases: Leases,
        candidacy: Candidacy,
        *,
        key: str,
        on_step: Callable[[Instant], None],
        on_failure: Callable[[], None],
    ) -> None:
        self._leases = leases
        self._candidacy = candidacy
        self._key = key
        self._on_step = on_step
        self._is_out = asyncio.Event()
        self._tasks = Tasks()
        # Of its own: this lease must not wait for the steps of all others.
        self._dispatcher = Dispatcher(clock.now, self._carry_out, lambda _: on_failure())
        self._seat = self._dispatcher.seat(("record", key), self)

    @property
    def wakes_at_s(self) -> float:
        """See `Stepper`."""
        return self._candidacy.wakes_at_s

    def step(self, now: Instant, happened: Sequence[Input]) -> Sequence[Effect]:
        """See `Stepper`."""
        decided = self._candidacy.step(now, happened)
        self._on_step(now)
        if self._candidacy.is_out:
            self._is_out.set()
        return decided

    def begin(self) -> None:
        """Take part from now on: this process is ready to work."""
        self._leases.listen(on_entry=self._see_entry, on_connection=self._see_connection)
        self._see_connection(self._leases.usable_connection)
        self.stand_back(0.0)

    def stand_back(self, for_s: float) -> None:
        """Give the lease up if it is held, and leave it to others for so long."""
        self._dispatcher.post(self._seat, StandBack(clock.now().monotonic_s + for_s))

    async def resign(self) -> bool:
        """Give the lease up for good, and return whether the word that it is free came in a short time."""
        self._is_out.clear()
        self.stand_back(float("inf"))
        try:
            async with asyncio.timeout(RESIGN_TIMEOUT_S):
                await self._is_out.wait()
        except TimeoutError:
            return False
        return True

    def overdue_s(self) -> float:
        """See `Dispatcher.overdue_s`."""
        return self._dispatcher.overdue_s()

    async def close(self) -> None:
        """Decide nothing any more."""
        self._dispatcher.close()
        await self._tasks.close()

    def _see_connection(self, connection: int) -> None:
        self._dispatcher.post(self._seat, ConnectionChanged(connection))
        entry = self._leases.entries.get(self._key)
        if connection and entry is not None:
            self._see_entry(self._key, entry, connection)

    def _see_entry(self, key: str, entry: Entry, connection: int) -> None:
        if key == self._key:
            self._candidacy.remember(entry)
            self._dispatcher.post(self._seat, EntrySeen(entry, connection))

    def _carry_out(self, _: Seat, effect: Effect) -> None:
        work: Coroutine[Any, Any, Input]
        failed: Input
        match effect:
            case effects.WriteLease():
                work, failed = write_lease(self._leases, self._key, effect), LeaseWritten(WriteOutcome.UNKNOWN)
            case effects.ReadLease():
                work, failed = read_lease(self._leases, self._key, effect), LeaseRead(None)
            case _:
                raise AssertionError(effect)
        post = functools.partial(self._dispatcher.post, self._seat)
        self._tasks.start(report(work, failed, post), name=f"{type(effect).__name__} of {self._key}")
