"""The bucket kept usable, on a real nats-server: whatever is missing at first or goes later comes back by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import nats
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


async def test_people_are_told_what_the_server_is_and_whether_its_bucket_will_do(
    server: NatsServer, leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unavailable, match="no connection"):
        await leases.inspect()
    monkeypatch.setattr("tenure.runtime.leases.INSPECTION_INTERVAL_S", 0.0)
    await asyncio.to_thread(server.start)
    await leases.start()

    seen = await leases.inspect()

    assert (seen.server, seen.refused) == ("nats-server", "")
    assert seen.server_version.startswith("2.")
    assert seen.bucket is not None
    assert (seen.bucket.name, seen.bucket.replicas, seen.bucket.storage) == ("leases", 1, "file")
    assert seen.clock_ahead_s is not None
    assert abs(seen.clock_ahead_s) <= seen.round_trip_s / 2 + 0.001, "the clocks are one and the same"

    connection = await nats.connect(server.url)
    stream = await connection.jetstream().stream_info("KV_leases")
    await connection.jetstream().update_stream(replace(stream.config, max_age=60.0))
    await connection.close()

    assert "It forgets records after 60 s (max_age)" in (await leases.inspect()).refused


async def test_who_looks_at_once_after_another_gets_the_same_answer(
    server: NatsServer, leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenure.runtime.leases.INSPECTION_INTERVAL_S", 3600.0)  # The server takes its time to stop.
    await asyncio.to_thread(server.start)
    await leases.start()

    first = await leases.inspect()
    await asyncio.to_thread(server.stop)

    assert await asyncio.gather(*(leases.inspect() for _ in range(100))) == [first] * 100
