"""A record in another bucket, on a real nats-server: opened when an election names it, read, and never written."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import nats

from contract.harness import eventually, fast
from environment import NatsServer
from tenure.election.entry import Entry
from tenure.election.resource import RecordName, Refusal
from tenure.nats.bucket import BucketSettings
from tenure.runtime.keys import Key
from tenure.runtime.leases import Leases
from tenure.runtime.record_book import RecordBook
from tenure.runtime.records import Records
from unit.builders import SPEC, a_resource

_RECORD = RecordName("aether", "leader")
_ELECTION = a_resource(spec=replace(SPEC, pods_campaign=True, record=_RECORD))


class _Told:
    """Records on one server, and what they tell."""

    def __init__(self, url: str) -> None:
        self.entries: list[tuple[Key, bytes | None]] = []
        self.changes: list[Key] = []
        bucket = BucketSettings(name=_RECORD.bucket, least_max_age_s=0.0)
        self.records = Records(
            Leases(fast(url), BucketSettings()),
            RecordBook("leader-elections", [_RECORD]),
            lambda record: Leases(fast(url), bucket, keys=record.key),
        )
        self.records.listen(on_entry=self._note, on_connection=lambda _: None, on_change=self.changes.append)
        self.records.book.enter(_ELECTION)

    def _note(self, key: Key, entry: Entry, _: int) -> None:
        self.entries.append((key, entry.value))


async def test_a_record_elsewhere_is_read_and_watched_with_no_other_permission_than_for_that(tmp_path: Path) -> None:
    """The list is what the documentation tells administrators to grant."""
    publish = [
        "$JS.API.STREAM.INFO.KV_aether",
        "$JS.API.STREAM.MSG.GET.KV_aether",
        "$JS.API.CONSUMER.CREATE.KV_aether.*.$KV.aether.leader",
        "$JS.API.CONSUMER.DELETE.KV_aether.*",
        "$JS.FC.KV_aether.>",
    ]
    users = [
        {"user": "admin", "password": "admin"},
        {"user": "tenure", "password": "t", "permissions": {"publish": publish, "subscribe": "_INBOX.>"}},
    ]
    with NatsServer(tmp_path, config={"authorization": {"users": users}}) as server:
        client = await nats.connect(server.url.replace("//", "//admin:admin@"))
        bucket = await client.jetstream().create_key_value(bucket="aether", ttl=6)
        told = _Told(server.url.replace("//", "//tenure:t@"))
        leases = told.records.leases_of(_RECORD)
        await eventually(lambda: leases.usable_connection)

        await bucket.put("leader", b"one")

        await eventually(lambda: told.entries == [(("shop", "web"), b"one")])
        assert (await leases.read("leader", timeout_s=2)).value == b"one"
        assert told.records.refusal(_ELECTION) is None
        assert told.records.leases_of(_RECORD) is leases
        await told.records.close()
        await client.close()


async def test_a_bucket_that_cannot_hold_leases_is_said_until_it_is_another_one(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as server:
        client = await nats.connect(server.url)
        await client.jetstream().create_key_value(bucket="aether", max_value_size=10)
        told = _Told(server.url)
        told.records.leases_of(_RECORD)
        await eventually(lambda: told.changes == [("shop", "web")])
        refusal = told.records.refusal(_ELECTION)
        assert isinstance(refusal, Refusal)
        assert refusal.reason == "BucketRefused"
        assert "Its largest record of 10 bytes (max_msg_size) is below 4096." in refusal.message
        assert refusal.message.endswith("Mend it, or name another record in spec.record.")

        await client.jetstream().delete_key_value("aether")

        await eventually(lambda: len(told.changes) == 2)
        assert told.records.refusal(_ELECTION) is None
        await told.records.close()
        await client.close()


async def test_a_server_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    server = NatsServer(tmp_path)
    told = _Told(server.url)
    leases = told.records.leases_of(_RECORD)
    await asyncio.sleep(0.1)
    assert (leases.usable_connection, told.records.refusal(_ELECTION)) == (0, None)

    await asyncio.to_thread(server.start)

    await eventually(lambda: leases.usable_connection)
    await told.records.close()
    await asyncio.to_thread(server.stop)
