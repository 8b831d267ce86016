"""The operator's own lease: which of several replicas acts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from tenure.election.candidacy import Candidacy
from tenure.election.clock import Instant
from tenure.election.mandate import Mandate
from tenure.kubernetes.client import KubernetesClient
from tenure.runtime import clock
from tenure.runtime.campaign import Campaign
from tenure.runtime.leases import Leases

logger = logging.getLogger(__name__)

API_CHECK_INTERVAL_S = 2.0
"""How often an operator that acts makes sure that the API answers, if it has not heard from it anyhow."""

API_SILENCE_MAX_S = 10.0
"""An operator that acts gives its lease up after so long without an answer from the API …"""

STAND_BACK_S = 5.0
"""… and lets others try for so long."""

_SENTENCES = {
    Mandate.ACT: "This operator acts",
    Mandate.RENEW: "The operator's lease could not be renewed: this operator renews what it holds, and no more",
    Mandate.STAND_BY: "This operator stands by",
}


def record_key(namespace_uid: str, release: str) -> str:
    """Return the key of an operator's own record: no Kubernetes namespace begins with an underscore."""
    return f"_operator.{namespace_uid}.{release}"


class OperatorLease:
    """Campaigns for this process, and says what it may do. `key` is its `record_key`."""

    def __init__(self, leases: Leases, candidacy: Candidacy, *, key: str) -> None:
        self._candidacy = candidacy
        self._mandate = Mandate.STAND_BY
        self._on_change: Callable[[], None] = lambda: None
        self.has_failed = asyncio.Event()
        """Set when a defect has ended this part: the process must end as well, since nothing says any more what it may
        do."""
        self._campaign = Campaign(leases, candidacy, key=key, on_step=self._take_note, on_failure=self.has_failed.set)

    def now(self) -> Instant:
        """Read the clocks, and what may be done at this moment."""
        moment = clock.now()
        return Instant(moment.monotonic_s, moment.wall_s, self._candidacy.mandate(moment.monotonic_s))

    def on_change(self, call: Callable[[], None]) -> None:
        """From now on call this after each change of what may be done."""
        self._on_change = call

    def campaign(self) -> None:
        """Take part from now on: this process is ready to work."""
        self._campaign.begin()

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
                self._campaign.stand_back(STAND_BACK_S)

    async def resign(self) -> None:
        """Give the lease up for good, and wait shortly for the word that another may take it."""
        if not await self._campaign.resign():
            logger.warning("The operator's lease was not released in time: it runs out by itself")

    def overdue_s(self) -> float:
        """See `Dispatcher.overdue_s`."""
        return self._campaign.overdue_s()

    async def close(self) -> None:
        """Decide nothing any more."""
        await self._campaign.close()

    def _take_note(self, now: Instant) -> None:
        mandate = self._candidacy.mandate(now.monotonic_s)
        if mandate is not self._mandate:
            before, self._mandate = self._mandate, mandate
            logger.info(_SENTENCES[mandate], extra={"before": before, "holder": self._candidacy.holder})
            self._on_change()
