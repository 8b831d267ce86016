"""A worker of which one replica at a time is at work: it takes part in the election itself, with Tenure's library."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

from tenure.candidate import Candidate, NotLeader
from tenure.nats.settings import NatsSettings

STEP_S = 0.5
"""How long one step takes at most."""


async def work(me: Candidate) -> None:
    """Do one step after the other, whenever this replica leads, and only for as long as it does."""
    while True:
        await me.wait_until_leader()
        with contextlib.suppress(NotLeader):
            while True:
                await step(me.ensure_leader(for_s=STEP_S))


async def step(term: int) -> None:
    """Stand for what only the leader may do. What it writes to should refuse a lower term than it has seen."""
    print(f"term {term}: one step", flush=True)
    await asyncio.sleep(STEP_S)


async def main() -> None:
    """Take part until SIGTERM; then the lease is given up, and another replica goes on at once."""
    pod, uid, namespace = os.environ["POD_NAME"], os.environ["POD_UID"], os.environ["POD_NAMESPACE"]
    nats = NatsSettings(urls=(os.environ["NATS_URL"],))
    async with Candidate(f"{pod}_{uid}", key=f"{namespace}.worker", nats=nats) as me:
        working = asyncio.create_task(work(me))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, working.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await working


asyncio.run(main())
