"""The observer of a chaos run misses no record that NATS accepts, and notices when NATS takes one back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import nats
import pytest
from nats.aio.client import Client

from chaos.history import History
from chaos.observers import BucketObserver, ObserverFailed
from environment import NatsServer
from tenure.nats.bucket import BucketSettings

_SUBJECT = "$KV.leases.shop.web"


@pytest.fixture
async def observer(server: NatsServer) -> AsyncIterator[BucketObserver]:
    observer = BucketObserver([server.url], BucketSettings(name="leases"), "shop", History(), run_began_at_s=0.0)
    await observer.open()
    yield observer
    await observer.close()


@pytest.fixture
async def client(server: NatsServer) -> AsyncIterator[Client]:
    client = await nats.connect(server.url)
    yield client
    await client.close()


async def _write(client: Client, *terms: int, headers: dict[str, str] | None = None) -> None:
    for term in terms:
        record = b'{"leaderId": "web-0_uid", "term": %d}' % term
        await client.jetstream().publish(_SUBJECT, record, headers=headers)


@contextlib.asynccontextmanager
async def _following(observer: BucketObserver) -> AsyncIterator[asyncio.Task[None]]:
    reading = asyncio.create_task(observer.follow())
    try:
        yield reading
    finally:
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading


async def test_every_record_is_read_also_those_that_were_replaced_at_once(
    observer: BucketObserver, client: Client
) -> None:
    await _write(client, 1, 2, 3)

    async with _following(observer):
        await _write(client, 4, 5)
        await observer.catch_up()

    records = observer._history.records
    assert [(record.election, record.term, record.holder) for record in records] == [
        ("web", term, "web-0_uid") for term in range(1, 6)
    ]
    assert [record.revision - records[0].revision for record in records] == [0, 1, 2, 3, 4]
    assert await observer.read_again() == []


async def test_it_goes_on_after_a_restart_of_the_server(
    observer: BucketObserver, server: NatsServer, client: Client
) -> None:
    async with _following(observer):
        await _write(client, 1)
        await observer.catch_up()
        server.kill()
        await asyncio.to_thread(server.start)
        again = await nats.connect(server.url)
        await _write(again, 2)
        await again.close()
        await observer.catch_up()

    assert [record.term for record in observer._history.records] == [1, 2]


async def test_a_revision_that_it_could_not_read_is_no_secret(observer: BucketObserver, client: Client) -> None:
    await _write(client, 1, 2)
    await _write(client, 3, headers={"Nats-Rollup": "sub"})  # takes away what was before

    with pytest.raises(ObserverFailed, match="is missing"):
        await observer.follow()


async def test_revisions_that_nats_takes_back_are_named(observer: BucketObserver, client: Client) -> None:
    async with _following(observer):
        await _write(client, 1, 2)
        await observer.catch_up()
        await _write(client, 3, headers={"Nats-Rollup": "sub"})
        await observer.catch_up()

    first, second, _ = (record.revision for record in observer._history.records)
    assert await observer.read_again() == [first, second]
