"""The bucket kept usable, on a real nats-server: whatever is missing at first or goes later comes back by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contract.harness import eventually, fast
from environment import NatsServer
from tenure.nats.bucket import BucketSettings
from tenure.nats.store import Unavailable
from tenure.runtime.leases import Leases

BUCKET = BucketSettings(name="leases")


@pytest.fixture
def server(tmp_path: Path) -> NatsServer:
    """A server that does not run yet."""
    return NatsServer(tmp_path)


@pytest.fixture
async def leases(server: NatsServer) -> AsyncIterator[Leases]:
    """Leases on that server, not started yet. At the end they are closed, and the server stopped."""
    leases = Leases(fast(server.url), BUCKET)
    yield leases
    await leases.close()
    await asyncio.to_thread(server.stop)


async def test_a_server_without_jetstream_yet_is_waited_for(server: NatsServer, leases: Leases) -> None:
    """Whoever starts says so and starts again; so does a server of a cluster that has elected no leader yet."""
    server.config["jetstream"] = False
    await asyncio.to_thread(server.start)
    for _ in range(2):
        with pytest.raises(Unavailable, match="JetStream"):
            await leases.start()

    del server.config["jetstream"]
    await asyncio.to_thread(server.restart)
    await eventually(lambda: leases.connection == 2)
    await leases.start()

    await eventually(lambda: leases.usable_connection == 2)
    assert await leases.write("shop.web", b"{}", expected_revision=0, connection=2, timeout_s=2)


async def test_a_connection_that_is_lost_while_its_watch_is_made_is_not_declared_usable(
    server: NatsServer, leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.to_thread(server.start)
    await leases.start()
    await eventually(lambda: leases.usable_connection == 1)
    told: list[int] = []
    leases.listen(on_entry=lambda *_: None, on_connection=told.append)

    async def lose_connection(_: int) -> None:
        monkeypatch.undo()
        leases._nats._drop("cut by the test")
        raise Unavailable("The connection is lost.")

    monkeypatch.setattr(leases, "_start_watch", lose_connection)
    leases._break_watch("broken by the test")
    await eventually(lambda: leases.usable_connection == 2)

    assert told == [0, 2]
