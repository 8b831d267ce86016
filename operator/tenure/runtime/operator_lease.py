"""The operator's own lease: which of several replicas acts."""

from __future__ import annotations

import asyncio
import functools
import logging
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
from tenure.election.mandate import Mandate
from tenure.kubernetes.client import KubernetesClient
from tenure.runtime import clock
from tenure.runtime.dispatcher import Dispatcher, Seat
from tenure.runtime.lease_requests import lease_key, read_lease, write_lease
from tenure.runtime.leases import Leases
from tenure.runtime.pods import Key
from tenure.runtime.tasks import Tasks, report

logger = logging.getLogger(__name__)

NAMESPACE_OF_KEYS = "_operator"
"""The first part of the keys of operators' own records: no Kubernetes namespace begins with an underscore."""

API_CHECK_INTERVAL_S = 2.0
"""How often an operator that acts makes sure that the API answers, if it has not heard from it anyhow."""

API_SILENCE_MAX_S = 10.0
"""An operator that acts gives its lease up after so long without an answer from the API …"""

STAND_BACK_S = 5.0
"""… and lets others try for so long."""

RESIGN_TIMEOUT_S = 0.4
"""How long a stopping operator waits for the word that its lease is released; after that it runs out by itself."""


class OperatorLease:
    """Campaigns for this process, and says what it may do.

    `name` tells the operators apart that share a NATS: their namespace's UID and their release.
    """

    def __init__(self, leases: Leases, candidacy: Candidacy, *, name: str) -> None:
        self._leases = leases
        self._candidacy = candidacy
        self._on_change: Callable[[], None] = lambda: None
        self._key: Key = (NAMESPACE_OF_KEYS, name)
        self._mandate = Mandate.STAND_BY
        self._is_out = asyncio.Event()
        self._tasks = Tasks()
        # Of its own: this lease must not wait for the steps of all the others.
        self._dispatcher = Dispatcher(clock.now, self._carry_out)
        self._seat = self._dispatcher.seat(self._key, self)

    @property
    def wakes_at_s(self) -> float:
        """See `Stepper`."""
        return self._candidacy.wakes_at_s

    def step(self, now: Instant, happened: Sequence[Input]) -> Sequence[Effect]:
        """See `Stepper`."""
        decided = self._candidacy.step(now, happened)
        mandate = self._candidacy.mandate(now.monotonic_s)
        if mandate is not self._mandate:
            before, self._mandate = self._mandate, mandate
            logger.info(_SENTENCES[mandate], extra={"before": before, "holder": self._candidacy.holder})
            self._on_change()
        if self._candidacy.is_out:
            self._is_out.set()
        return decided

    def now(self) -> Instant:
        """Read the clocks, and what may be done at this moment."""
        moment = clock.now()
        return Instant(moment.monotonic_s, moment.wall_s, self._candidacy.mandate(moment.monotonic_s))

    def on_change(self, call: Callable[[], None]) -> None:
        """From now on call this after each change of what may be done."""
        self._on_change = call

    def campaign(self) -> None:
        """Take part from now on: this process is ready to work."""
        self._leases.listen(on_entry=self._see_entry, on_connection=self._see_connection)
        self._see_connection(self._leases.usable_connection)
        self.stand_back(0.0)

    async def watch_api(self, client: KubernetesClient) -> None:
        """Give the lease up whenever the API does not answer: another replica may reach it. Runs until cancelled."""
        loop = asyncio.get_running_loop()
        answered_at_s = loop.time()
        while True:
            await asyncio.sleep(API_CHECK_INTERVAL_S)
            if self._mandate is not Mandate.ACT or await client.answers(within_s=API_CHECK_INTERVAL_S):
                answered_at_s = loop.time()
            elif loop.time() >= answered_at_s + API_SILENCE_MAX_S:
                logger.warning("The Kubernetes API has not answered for %g s", API_SILENCE_MAX_S)
                self.stand_back(STAND_BACK_S)

    def stand_back(self, for_s: float) -> None:
        """Give the lease up if it is held, and leave it to others for so long."""
        self._dispatcher.post(self._seat, StandBack(clock.now().monotonic_s + for_s))

    async def resign(self) -> None:
        """Give the lease up for good, and wait shortly for the word that another may take it."""
        self._is_out.clear()
        self.stand_back(float("inf"))
        try:
            async with asyncio.timeout(RESIGN_TIMEOUT_S):
                await self._is_out.wait()
        except TimeoutError:
            logger.warning("The operator's lease was not released in time: it runs out by itself")

    async def close(self) -> None:
        """Decide nothing any more."""
        self._dispatcher.close()
        await self._tasks.close()

    def _see_connection(self, connection: int) -> None:
        self._dispatcher.post(self._seat, ConnectionChanged(connection))
        entry = self._leases.entries.get(lease_key(self._key))
        if connection and entry is not None:
            self._dispatcher.post(self._seat, EntrySeen(entry, connection))

    def _see_entry(self, key: str, entry: Entry, connection: int) -> None:
        if key == lease_key(self._key):
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
        self._tasks.start(report(work, failed, post), name=f"{type(effect).__name__} of the operator's lease")


_SENTENCES = {
    Mandate.ACT: "This operator acts",
    Mandate.RENEW: "The operator's lease could not be renewed: this operator renews what it holds, and no more",
    Mandate.STAND_BY: "This operator stands by",
}
