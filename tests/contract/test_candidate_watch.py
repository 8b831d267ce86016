"""The watch of a candidate, on a real nats-server: it shows each change, and is begun again when it breaks."""

from __future__ import annotations

import asyncio
from typing import Any

import nats
import pytest

from contract.candidates import Told
from contract.harness import eventually
from environment import NatsServer
from tenure.candidate import Candidate, ElectionConfig
from tenure.nats.session import Session
from tenure.nats.store import OutcomeUnknown

_SLOW = ElectionConfig(lease_timeout_s=60, heartbeat_interval_s=1, election_timeout_s=60.0)


async def test_changes_can_be_followed(server: NatsServer, told: Told) -> None:
    """They are shown by the watch: nothing else is looked at for a minute."""
    seen: list[tuple[str, int, bool]] = []

    async def follow(candidate: Candidate) -> None:
        async for now in candidate.changes():
            seen.append((now.holder, now.term, now.led_term is not None))  # noqa: PERF401 - it is looked at meanwhile

    b = told.candidate(server, "b", config=_SLOW)
    async with told.candidate(server, "a", config=_SLOW) as a:
        await a.wait_until_leader()
        await b.start()
        following = asyncio.create_task(follow(b))
        await eventually(lambda: ("a", 1, False) in seen)
    await eventually(lambda: seen[-1] == ("b", 2, True))
    following.cancel()
    await b.stop()


async def test_a_watch_that_cannot_be_begun_is_tried_again(
    server: NatsServer, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Session.api
    lost: list[str] = []

    async def lose_the_first(self: Session, operation: str, *arguments: Any, **options: Any) -> dict[str, Any]:
        if "CONSUMER.CREATE" in operation and not lost:
            lost.append(operation)
            raise OutcomeUnknown("The request is lost.")
        return await api(self, operation, *arguments, **options)

    async with told.candidate(server, "a", config=_SLOW) as a:
        await a.wait_until_leader()
        monkeypatch.setattr(Session, "api", lose_the_first)
        b = told.candidate(server, "b", config=_SLOW)
        await b.start()
        await eventually(lambda: lost and b.leader == "a")
    await eventually(lambda: b.is_leader)
    await b.stop()


async def test_a_watch_that_breaks_is_begun_again(server: NatsServer, told: Told) -> None:
    client = await nats.connect(server.url)
    jetstream, stream = client.jetstream(), "KV_leader-elections"
    async with told.candidate(server, "a") as a:
        await a.wait_until_leader()
        (broken,) = [consumer.name for consumer in await jetstream.consumers_info(stream)]
        await jetstream.delete_consumer(stream, broken)
        async with asyncio.timeout(10):
            while not await jetstream.consumers_info(stream):
                await asyncio.sleep(0.1)
        assert a.term == 1
    await client.close()
