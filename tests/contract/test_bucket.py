"""How the lease bucket is made, and which buckets are refused. Needs a nats-server; there is no model of this."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contract.harness import fast
from environment import NatsServer
from tenure.nats.bucket import BucketRefused, BucketSettings, ensure_bucket, stream_config
from tenure.nats.connection import NatsConnection
from tenure.nats.session import Session
from tenure.nats.store import Unavailable

SETTINGS = BucketSettings(name="leases")


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[Session]:
    """A connection to a server that has no bucket yet."""
    with NatsServer(tmp_path) as server:
        connection = NatsConnection(fast(server.url))
        await connection.connect()
        yield connection.session()
        await connection.close()


async def make_stream(session: Session, **changes: Any) -> dict[str, Any]:
    """Make a bucket like ours, but for the changes; return what the server made of it."""
    config = {**stream_config(SETTINGS), **changes}
    return await session.api(f"STREAM.CREATE.{config['name']}", config, timeout_s=5)


async def stored_config(session: Session) -> Any:
    return (await session.api("STREAM.INFO.KV_leases", timeout_s=5))["config"]


async def test_a_bucket_is_made_as_leases_need_it(session: Session) -> None:
    facts = await ensure_bucket(session, SETTINGS)
    config = await stored_config(session)
    expected = {
        "subjects": ["$KV.leases.>"],
        "retention": "limits",
        "storage": "file",
        "num_replicas": 1,
        "max_msgs_per_subject": 1,
        "max_age": 0,
        "max_msg_size": 65536,
        "discard": "new",
        "deny_delete": True,
        "allow_rollup_hdrs": True,
        "allow_direct": False,
        "allow_msg_ttl": True,
        "first_seq": facts.first_revision,
    }
    assert {name: config[name] for name in expected} == expected
    assert 0 <= facts.created_at_s * 1e6 - facts.first_revision < 10e6
    assert (facts.name, facts.allows_ttl, facts.warnings) == ("leases", True, ())


async def test_a_bucket_that_is_there_is_never_altered(session: Session) -> None:
    first = await ensure_bucket(session, SETTINGS)
    config = await stored_config(session)
    other = BucketSettings(name="leases", storage="memory", max_message_bytes=1000_000, max_bytes=10_000_000)
    assert await ensure_bucket(session, other) == first
    more = await ensure_bucket(session, BucketSettings(name="leases", replicas=3))
    assert replace(more, warnings=()) == first
    assert "The bucket was there, with 1 replicas and not the 3 of --bucket-replicas" in more.warnings[0]
    assert await stored_config(session) == config


async def test_several_operators_may_make_it_at_once(session: Session) -> None:
    facts = await asyncio.gather(*(ensure_bucket(session, SETTINGS) for _ in range(20)))
    assert len(set(facts)) == 1


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"max_age": 3600_000_000_000}, "forgets records after 3600 s (max_age)"),
        ({"discard": "old", "max_bytes": 1_000_000}, "drops records"),
        ({"discard": "old", "max_msgs": 1000}, "drops records"),
        ({"max_msgs_per_subject": -1}, "keeps every renewal for ever"),
        ({"discard_new_per_subject": True}, "refuses to replace a record"),
        ({"retention": "interest"}, "go when they have been read"),
        ({"no_ack": True}, "acknowledges no write"),
        ({"max_msg_size": 1000}, "1000 bytes (max_msg_size) is below 4096"),
        ({"subjects": ["$KV.leases.shop.>"]}, "does not listen to $KV.leases.>"),
        ({"subject_transform": {"src": "$KV.leases.>", "dest": "kv.>"}}, "under other subjects"),
        ({"sources": [{"name": "elsewhere"}]}, "sources"),
        ({"subjects": None, "mirror": {"name": "elsewhere"}, "first_seq": None}, "is a mirror"),
        ({"consumer_limits": {"inactive_threshold": 5_000_000_000}}, "cannot be watched (consumer_limits)"),
        ({"consumer_limits": {"max_ack_pending": 1}}, "cannot be watched (consumer_limits)"),
        ({"allow_msg_counter": True, "discard": "old", "allow_msg_ttl": False}, "takes only counters"),
    ],
)
async def test_a_bucket_that_breaks_a_guarantee_is_refused_with_a_sentence_that_says_which(
    session: Session, changes: dict[str, Any], complaint: str
) -> None:
    await make_stream(session, name="elsewhere", subjects=["elsewhere"])
    await make_stream(session, **changes)
    with pytest.raises(BucketRefused) as refusal:
        await ensure_bucket(session, SETTINGS)
    assert complaint in str(refusal.value)
    assert str(refusal.value).startswith("The bucket leases cannot hold leases. ")


async def test_a_sealed_bucket_is_refused(session: Session) -> None:
    made = await make_stream(session, deny_delete=False)
    await session.api("STREAM.UPDATE.KV_leases", {**made["config"], "sealed": True}, timeout_s=5)
    with pytest.raises(BucketRefused, match="It is sealed"):
        await ensure_bucket(session, SETTINGS)


async def test_all_that_is_wrong_is_said_at_once(session: Session) -> None:
    await make_stream(session, max_age=60_000_000_000, no_ack=True)
    with pytest.raises(BucketRefused, match=r"max_age.*no_ack"):
        await ensure_bucket(session, SETTINGS)


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"storage": "memory"}, "in the memory of one server"),
        ({"first_seq": 0}, "start at 1"),
        ({"allow_msg_ttl": False}, "no time to live per message"),
        ({"persist_mode": "async"}, "before it stores them"),
        ({"max_consumers": 3}, "allows 3 consumers (max_consumers)"),
        ({"max_consumers": 4}, None),
        ({"consumer_limits": {"inactive_threshold": 10_000_000_000}}, None),
        ({"max_msgs_per_subject": 5}, None),
        ({"max_msgs": 1000}, None),
        ({"republish": {"src": ">", "dest": "copy.>"}}, None),
        ({"subjects": ["$KV.leases.>", "elsewhere"]}, None),
        ({"compression": "s2"}, None),
        ({"allow_atomic": True}, None),
        ({"allow_direct": True}, None),
        ({"deny_delete": False, "allow_rollup_hdrs": False}, None),
        ({"max_bytes": 10_000_000}, None),
        ({"subject_delete_marker_ttl": 60_000_000_000}, None),
    ],
)
async def test_a_bucket_that_weakens_a_promise_is_taken_with_a_warning(
    session: Session, changes: dict[str, Any], doubt: str | None
) -> None:
    await make_stream(session, **changes)
    facts = await ensure_bucket(session, SETTINGS)
    assert len(facts.warnings) == (doubt is not None)
    assert all(doubt in warning for warning in facts.warnings if doubt is not None)
    assert facts.allows_ttl == changes.get("allow_msg_ttl", True)


async def test_a_bucket_that_is_nearly_full_is_taken_with_a_warning(session: Session) -> None:
    """When it is full it refuses a renewal as well, if that is a byte longer than the record that it replaces."""
    await make_stream(session, max_bytes=1000)
    assert (await ensure_bucket(session, SETTINGS)).warnings == ()
    await session.request("$KV.leases.shop.web", b"v" * 800, timeout_s=5)

    facts = await ensure_bucket(session, SETTINGS)

    assert "nearly full" in facts.warnings[0]
    refused = await session.request("$KV.leases.shop.web", b"v" * 801, timeout_s=5)
    assert b"maximum bytes exceeded" in refused.data


async def test_what_the_server_will_never_make_is_refused(session: Session) -> None:
    with pytest.raises(BucketRefused, match=r"replicas > 1 not supported.*; lower --bucket-replicas\."):
        await ensure_bucket(session, BucketSettings(name="leases", replicas=3))


async def test_a_server_without_jetstream_is_reason_to_wait(tmp_path: Path) -> None:
    with NatsServer(tmp_path, config={"jetstream": False}) as server:
        connection = NatsConnection(fast(server.url))
        await connection.connect()
        with pytest.raises(Unavailable, match="JetStream"):
            await ensure_bucket(connection.session(), SETTINGS, timeout_s=2)
        await connection.close()
