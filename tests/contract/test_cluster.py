"""The lease store on three nats-servers. Needs them; there is no model of this."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from contract.harness import Seen, eventually, fast
from environment import NatsServer
from environment.nats_server import nats_cluster
from tenure.nats.bucket import BucketSettings, ensure_bucket
from tenure.nats.connection import NatsConnection
from tenure.nats.jetstream import JetStreamLeaseStore
from tenure.nats.store import OutcomeUnknown, Unavailable, WrongRevision
from tenure.nats.watch import BucketWatch

T = TypeVar("T")

SETTINGS = BucketSettings(replicas=3)

# The servers elect a stream's leader within 4 to 9 s; the rest is for a busy machine.
FAILOVER_TIMEOUT_S = 20.0


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[dict[str, NatsServer]]:
    """A cluster of three, by name."""
    servers = {server.name: server for server in nats_cluster(tmp_path, 3)}
    try:
        for server in servers.values():
            server.launch()
        for server in servers.values():
            server.wait_until_ready()
        yield servers
    finally:
        for server in servers.values():
            server.stop()


@pytest.fixture
async def connection(servers: dict[str, NatsServer]) -> AsyncIterator[NatsConnection]:
    """A connection that was told one server, and learns the others from it."""
    connection = NatsConnection(fast(next(iter(servers.values())).url))
    await connection.connect()
    yield connection
    await connection.close()


async def until_answered(operation: Callable[[], Awaitable[T]]) -> T:
    """Return what `operation` returns, repeated while the cluster has no leader."""
    async with asyncio.timeout(FAILOVER_TIMEOUT_S):
        while True:
            try:
                return await operation()
            except (Unavailable, OutcomeUnknown):
                await asyncio.sleep(0.1)


async def test_the_loss_of_the_leading_server_loses_no_lease_and_no_acknowledged_write(
    servers: dict[str, NatsServer], connection: NatsConnection
) -> None:
    store = JetStreamLeaseStore(connection, await ensure_bucket(connection.session(), SETTINGS, timeout_s=20))
    revision = await store.write("shop.web", b"one", expected_revision=0, connection=1, timeout_s=5)
    info = await connection.session().api(f"STREAM.INFO.{store.bucket.stream}", timeout_s=5)
    leader = info["cluster"]["leader"]

    servers[leader].kill()
    entry = await until_answered(lambda: store.read("shop.web", timeout_s=1))
    assert (entry.revision, entry.value) == (revision, b"one")
    with contextlib.suppress(WrongRevision):  # an attempt without an answer may have been the one that was applied
        await until_answered(
            lambda: store.write(
                "shop.web", b"two", expected_revision=revision, connection=connection.connection, timeout_s=1
            )
        )

    seen = Seen()
    watch = BucketWatch(
        connection,
        SETTINGS.name,
        on_entry=seen.on_entry,
        on_snapshot_done=seen.on_snapshot_done,
        on_broken=seen.broken.append,
    )
    # Consumers are made by the leader of the cluster, not of the stream: that can be another server that is missing.
    await until_answered(lambda: watch.start(connection.connection))
    await eventually(lambda: None in seen.told)
    assert seen.values == [("shop.web", b"two"), None]
