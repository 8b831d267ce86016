"""What an account must be permitted, and what happens when something is not. Needs a nats-server."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import nats
import pytest
from nats.aio.msg import Msg

from contract.harness import Seen, assert_calm, eventually, fast
from environment import NatsServer
from environment.nats_accounts import PUBLISH, SUBSCRIBE
from tenure.nats.bucket import BucketSettings, ensure_bucket
from tenure.nats.connection import NatsConnection
from tenure.nats.jetstream import JetStreamLeaseStore
from tenure.nats.store import OutcomeUnknown
from tenure.nats.watch import BucketWatch


async def test_a_missing_permission_is_one_line_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    user = {"user": "anna", "password": "secret", "permissions": {"publish": {"deny": ["forbidden.>"]}}}
    with NatsServer(tmp_path, config={"authorization": {"users": [user]}}) as server:
        connection = NatsConnection(fast(server.url.replace("//", "//anna:secret@")))
        await connection.connect()
        with caplog.at_level(logging.WARNING):
            for n in range(20):
                with pytest.raises(OutcomeUnknown):
                    await connection.session().request(f"forbidden.{n}", b"", timeout_s=0.01)
            await connection.session().client.flush()  # What the server says to it comes after all complaints.
        assert len(caplog.records) == 1
        assert connection._errors_not_logged == 19
        assert "permissions violation" in caplog.text
        assert connection.connection == 1
        await connection.close()
    assert_calm(caplog)


async def test_these_permissions_are_all_that_is_needed_and_each_of_them_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The list is what the documentation tells administrators to grant."""
    anna = {"user": "anna", "password": "secret", "permissions": {"publish": PUBLISH, "subscribe": SUBSCRIBE}}
    observer = {"user": "observer", "password": "secret"}
    with NatsServer(tmp_path, config={"authorization": {"users": [anna, observer]}}) as server:
        used: set[str] = set()

        async def note(message: Msg) -> None:
            used.update(subject for subject in PUBLISH if _matches(subject, message.subject))

        client = await nats.connect(server.url, user="observer", password="secret")
        await client.subscribe(">", cb=note, pending_msgs_limit=-1, pending_bytes_limit=-1)
        await client.flush()
        connection = NatsConnection(fast(server.url.replace("//", "//anna:secret@")))
        await connection.connect()
        facts = await ensure_bucket(connection.session(), BucketSettings(name="leases"))
        store = JetStreamLeaseStore(connection, facts)
        assert (await store.read("shop.web", timeout_s=5)).value is None
        seen = Seen()
        watch = BucketWatch(
            connection,
            "leases",
            on_entry=seen.on_entry,
            on_snapshot_done=seen.on_snapshot_done,
            on_broken=seen.broken.append,
        )
        keys = [f"shop.web-{n}" for n in range(1000)]
        await asyncio.gather(
            *(store.write(key, b"v" * 2000, expected_revision=0, connection=1, timeout_s=10) for key in keys)
        )
        for _ in range(2):
            await watch.start(1)
            await eventually(lambda: None in seen.told)
            assert len(seen.told) == len(keys) + 1
            seen.told.clear()
        await watch.stop()
        await eventually(lambda: used == set(PUBLISH))
        await connection.close()
        await client.close()
    assert caplog.records == []


def _matches(pattern: str, subject: str) -> bool:
    wanted, tokens = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        wanted, tokens = wanted[:-1], tokens[: len(wanted) - 1]
    return len(wanted) == len(tokens) and all(one in ("*", other) for one, other in zip(wanted, tokens, strict=True))
