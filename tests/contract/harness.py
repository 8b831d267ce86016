"""One face for the modelled lease store and for the one on a real nats-server, so that both pass the same tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import nats
import pytest
from nats.aio.client import Client
from nats.js.kv import KeyValue

from environment import NatsServer
from model.bucket import ModelBucket
from model.lease_store import ModelLeaseStore, ModelWatch
from tenure.election.entry import Entry
from tenure.nats.bucket import BucketSettings, ensure_bucket
from tenure.nats.connection import NatsConnection, NatsSettings
from tenure.nats.jetstream import JetStreamLeaseStore
from tenure.nats.store import LeaseStore
from tenure.nats.watch import BucketWatch

BUCKET = BucketSettings(max_message_bytes=-1)
EVENT_TIMEOUT_S = 10.0


def fast(*urls: str, **settings: Any) -> NatsSettings:
    """Settings that notice a silent server within 2.4 s, which a busy machine still keeps up with."""
    return NatsSettings(urls=urls, ping_interval_s=0.8, connect_timeout_s=1.0, **settings)


async def eventually(condition: Callable[[], object], *, timeout_s: float = EVENT_TIMEOUT_S) -> None:
    """Return when `condition()` is true; raise TimeoutError when it still is not after `timeout_s` seconds."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)


def assert_calm(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing in the log has a traceback or a secret."""
    assert [record for record in caplog.records if record.exc_info] == []
    assert "secret" not in caplog.text


@asynccontextmanager
async def connected(settings: NatsSettings) -> AsyncIterator[NatsConnection]:
    """A connection, which is closed in the end."""
    connection = NatsConnection(settings)
    try:
        await connection.connect()
        yield connection
    finally:
        await connection.close()


async def refusal(settings: NatsSettings, caplog: pytest.LogCaptureFixture) -> str:
    """Return what is said of servers that do not let us in."""
    said = "No NATS server can be reached: "
    caplog.clear()
    connecting = asyncio.ensure_future(NatsConnection(settings).connect())
    try:
        await eventually(lambda: said in caplog.text)
    finally:
        connecting.cancel()
        await asyncio.wait({connecting})
    return next(line.removeprefix(said) for line in caplog.messages if line.startswith(said))


class Watch(Protocol):
    """What a BucketWatch and its model have in common."""

    @property
    def last_sequence(self) -> int: ...
    @property
    def is_working(self) -> bool: ...
    async def start(self, connection: int) -> None: ...
    async def stop(self) -> None: ...


@dataclass
class Seen:
    """What a watch told, in order; None stands for the end of the snapshot."""

    told: list[tuple[str, Entry] | None] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def on_entry(self, key: str, entry: Entry) -> None:
        self.told.append((key, entry))

    def on_snapshot_done(self) -> None:
        self.told.append(None)

    @property
    def values(self) -> list[tuple[str, bytes | None] | None]:
        """The same without revisions and times."""
        return [None if event is None else (event[0], event[1].value) for event in self.told]


class Harness(Protocol):
    """A lease store under test, and what a test does to it from outside."""

    @property
    def store(self) -> LeaseStore: ...
    def watch(self, seen: Seen) -> Watch: ...
    def on_connected(self, callback: Callable[[int], None]) -> None: ...
    def on_disconnected(self, callback: Callable[[], None]) -> None: ...
    async def put(self, key: str, value: bytes) -> int:
        """Write as another program, without a compare-and-set."""

    async def delete(self, key: str) -> int:
        """Delete as another program, and return the marker's revision."""

    async def purge(self, key: str) -> int:
        """Purge as another program, and return the marker's revision."""

    async def leave_markers(self) -> None:
        """From now on an entry whose time has run out leaves a marker."""

    async def forget_after(self, seconds: int) -> None:
        """From now on the bucket forgets whatever was written so long ago."""

    async def pass_time(self, seconds: float) -> None: ...
    async def lose_bucket(self) -> None: ...
    async def make_bucket(self) -> None: ...
    async def pause(self) -> None:
        """Halt the server."""

    async def resume(self) -> None: ...
    async def restart(self) -> None:
        """Restart the server, which keeps its store, and return when the connection is back."""


class ModelHarness:
    """The model."""

    def __init__(self) -> None:
        self._now_s = 1_800_000_000.0
        self._bucket = ModelBucket(lambda: self._now_s)
        self.store = ModelLeaseStore(self._bucket)

    def watch(self, seen: Seen) -> Watch:
        return ModelWatch(
            self.store,
            on_entry=seen.on_entry,
            on_snapshot_done=seen.on_snapshot_done,
            on_broken=seen.broken.append,
        )

    def on_connected(self, callback: Callable[[int], None]) -> None:
        self.store.on_connected(callback)

    def on_disconnected(self, callback: Callable[[], None]) -> None:
        self.store.on_disconnected(callback)

    async def put(self, key: str, value: bytes) -> int:
        return self._bucket.put(key, value)

    async def delete(self, key: str) -> int:
        return self._bucket.delete(key)

    async def purge(self, key: str) -> int:
        return self._bucket.delete(key)

    async def leave_markers(self) -> None:
        self._bucket.leaves_markers = True

    async def forget_after(self, seconds: int) -> None:
        self._bucket.max_age_s = seconds

    async def pass_time(self, seconds: float) -> None:
        self._now_s += seconds
        self._bucket.expire()

    async def lose_bucket(self) -> None:
        self._bucket.lose()
        self._now_s += 1.0

    async def make_bucket(self) -> None:
        self._bucket.make()

    async def pause(self) -> None:
        self.store.pause()

    async def resume(self) -> None:
        self.store.resume()

    async def restart(self) -> None:
        self.store.disconnect()
        self.store.reconnect()


class RealHarness:
    """The store on a nats-server, with nats-py's own key-value client as the other program."""

    def __init__(self, folder: Path) -> None:
        self.server = NatsServer(folder)
        self.connection = NatsConnection(fast(self.server.url))
        self.store: JetStreamLeaseStore
        self._other: Client
        self._others_bucket: KeyValue

    async def begin(self) -> None:
        await asyncio.to_thread(self.server.start)
        await self.connection.connect()
        self.store = JetStreamLeaseStore(self.connection, await ensure_bucket(self.connection.session(), BUCKET))
        await self._begin_other()

    async def end(self) -> None:
        if self.server.process.running:
            self.server.resume()
        await self._other.close()
        await self.connection.close()
        await asyncio.to_thread(self.server.stop)

    def watch(self, seen: Seen) -> Watch:
        return BucketWatch(
            self.connection,
            BUCKET.name,
            on_entry=seen.on_entry,
            on_snapshot_done=seen.on_snapshot_done,
            on_broken=seen.broken.append,
        )

    def on_connected(self, callback: Callable[[int], None]) -> None:
        self.connection.on_connected(callback)

    def on_disconnected(self, callback: Callable[[], None]) -> None:
        self.connection.on_disconnected(callback)

    async def put(self, key: str, value: bytes) -> int:
        return await self._others_bucket.put(key, value)

    async def put_with_headers(self, key: str, value: bytes, headers: dict[str, str]) -> None:
        """Write as a program that uses the stream without the rules of key-value buckets."""
        await self._other.jetstream().publish(f"$KV.{BUCKET.name}.{key}", value, headers=headers)

    async def delete(self, key: str) -> int:
        await self._others_bucket.delete(key)
        return (await self.store.read(key, timeout_s=2)).revision

    async def purge(self, key: str) -> int:
        await self._others_bucket.purge(key)
        return (await self.store.read(key, timeout_s=2)).revision

    async def leave_markers(self) -> None:
        await self._change_bucket(subject_delete_marker_ttl=60_000_000_000)

    async def forget_after(self, seconds: int) -> None:
        await self._change_bucket(max_age=seconds * 1_000_000_000, duplicate_window=seconds * 1_000_000_000)

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def lose_bucket(self) -> None:
        await self._other.jetstream().delete_key_value(BUCKET.name)

    async def make_bucket(self) -> None:
        self.store.bucket = await ensure_bucket(self.connection.session(), BUCKET)

    async def pause(self) -> None:
        self.server.pause()

    async def resume(self) -> None:
        self.server.resume()

    async def restart(self) -> None:
        number = self.store.connection
        await self._other.close()
        await asyncio.to_thread(self.server.restart)
        await eventually(lambda: self.store.connection > number)
        await self._begin_other()

    async def _change_bucket(self, **changes: int) -> None:
        session = self.connection.session()
        info = await session.api(f"STREAM.INFO.KV_{BUCKET.name}", timeout_s=2)
        await session.api(f"STREAM.UPDATE.KV_{BUCKET.name}", {**info["config"], **changes}, timeout_s=2)

    async def _begin_other(self) -> None:
        self._other = await nats.connect(self.server.url)
        self._others_bucket = await self._other.jetstream().key_value(BUCKET.name)
