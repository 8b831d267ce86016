"""What every lease store does, the modelled one and the one on a real nats-server."""

from __future__ import annotations

import asyncio

import pytest

from contract.harness import Harness
from tenure.election.entry import ABSENT, Entry
from tenure.nats.store import BucketMissing, OutcomeUnknown, Unavailable, WrongRevision

KEY = "shop.web"


async def write(
    harness: Harness, value: bytes | None, expected_revision: int, *, key: str = KEY, ttl_s: int | None = None
) -> int:
    store = harness.store
    return await store.write(
        key,
        value,
        expected_revision=expected_revision,
        connection=store.connection,
        timeout_s=5,
        ttl_s=ttl_s,
    )


async def value_of(harness: Harness, key: str = KEY) -> bytes | None:
    return (await harness.store.read(key, timeout_s=5)).value


async def until_gone(harness: Harness, key: str = KEY) -> Entry:
    """Let time pass until the key has no value any more, and return what is there then."""
    async with asyncio.timeout(10):
        while (entry := await harness.store.read(key, timeout_s=5)).value is not None:
            await harness.pass_time(0.1)
    return entry


async def test_a_key_never_written_is_absent(harness: Harness) -> None:
    assert await harness.store.read(KEY, timeout_s=5) == ABSENT


async def test_the_first_write_expects_revision_0_and_is_read_back(harness: Harness) -> None:
    revision = await write(harness, b"one", 0)
    entry = await harness.store.read(KEY, timeout_s=5)
    assert (entry.revision, entry.value) == (revision, b"one")
    assert entry.written_at_s is not None
    assert entry.written_at_s > 1_700_000_000


async def test_a_second_creation_is_refused_and_changes_nothing(harness: Harness) -> None:
    revision = await write(harness, b"one", 0)
    with pytest.raises(WrongRevision):
        await write(harness, b"two", 0)
    entry = await harness.store.read(KEY, timeout_s=5)
    assert (entry.revision, entry.value) == (revision, b"one")


async def test_only_the_revision_that_is_there_can_be_replaced(harness: Harness) -> None:
    first = await write(harness, b"one", 0)
    second = await write(harness, b"two", first)
    for wrong in (first, second + 1):
        with pytest.raises(WrongRevision):
            await write(harness, b"three", wrong)
    assert await value_of(harness) == b"two"
    assert second > first


async def test_revisions_rise_across_keys(harness: Harness) -> None:
    names = ["shop.web", "shop.web.eu", "bank.web", "_operator.0b7c.tenure"]
    revisions = [await write(harness, b"x", 0, key=name) for name in names]
    assert revisions == sorted(set(revisions))
    assert [await value_of(harness, name) for name in names] == [b"x"] * 4


async def test_revisions_begin_at_the_time_at_which_the_bucket_was_made(harness: Harness) -> None:
    revision = await write(harness, b"one", 0)
    entry = await harness.store.read(KEY, timeout_s=5)
    assert entry.written_at_s is not None
    assert 0 <= entry.written_at_s * 1e6 - revision < 10e6


@pytest.mark.parametrize("how", ["delete", "purge"])
async def test_a_marker_is_read_as_absent_with_its_revision_which_the_next_write_must_expect(
    harness: Harness, how: str
) -> None:
    revision = await write(harness, b"one", 0)
    marker_revision = await (harness.delete(KEY) if how == "delete" else harness.purge(KEY))
    assert marker_revision > revision

    entry = await harness.store.read(KEY, timeout_s=5)
    assert (entry.revision, entry.value) == (marker_revision, None)
    for wrong in (0, revision):
        with pytest.raises(WrongRevision):
            await write(harness, b"two", wrong)
    await write(harness, b"two", marker_revision)
    assert await value_of(harness) == b"two"


async def test_a_marker_can_be_put_under_a_key_that_was_never_written(harness: Harness) -> None:
    revision = await write(harness, None, 0)
    entry = await harness.store.read(KEY, timeout_s=5)
    assert (entry.revision, entry.value) == (revision, None)
    for value in (None, b"one"):
        with pytest.raises(WrongRevision):
            await write(harness, value, 0)
    assert await write(harness, b"one", revision) > revision
    assert await value_of(harness) == b"one"


async def test_what_has_a_time_to_live_goes_without_a_trace(harness: Harness) -> None:
    await write(harness, b"one", 0, ttl_s=1)
    assert await until_gone(harness) == ABSENT
    await write(harness, b"two", 0)


async def test_a_renewal_without_a_time_to_live_stays(harness: Harness) -> None:
    revision = await write(harness, b"one", 0, ttl_s=1)
    await write(harness, b"two", revision)
    await write(harness, b"goes", 0, key="shop.api", ttl_s=1)
    await until_gone(harness, "shop.api")
    assert await value_of(harness) == b"two"


async def test_where_a_time_to_live_leaves_a_marker_the_next_write_must_expect_it(harness: Harness) -> None:
    await harness.leave_markers()
    revision = await write(harness, b"one", 0, ttl_s=1)
    entry = await until_gone(harness)
    assert entry.revision > revision
    with pytest.raises(WrongRevision):
        await write(harness, b"two", 0)
    await write(harness, b"two", entry.revision)


@pytest.mark.parametrize("value", [b"one", None], ids=["record", "marker"])
async def test_a_bucket_that_forgets_loses_records_and_markers_without_a_trace(
    harness: Harness, value: bytes | None
) -> None:
    revision = await write(harness, value, 0)
    await harness.forget_after(1)
    async with asyncio.timeout(10):
        while (entry := await harness.store.read(KEY, timeout_s=5)).revision == revision:
            await harness.pass_time(0.1)
    assert entry == ABSENT
    assert await write(harness, b"two", 0) > revision


async def test_a_bucket_that_forgets_keeps_what_is_written_again(harness: Harness) -> None:
    await harness.forget_after(2)
    await write(harness, b"goes", 0, key="shop.api")
    revision = await write(harness, b"stays", 0)
    async with asyncio.timeout(10):
        while await value_of(harness, "shop.api") is not None:
            revision = await write(harness, b"stays", revision)
            await harness.pass_time(0.1)
    assert await value_of(harness) == b"stays"


@pytest.mark.parametrize("key", ["", ".", "shop.", ".web", "shop..web", "shop.*", "shop.>", "shop web", "shop.web\r\n"])
async def test_what_is_no_key_is_a_mistake_of_the_caller(harness: Harness, key: str) -> None:
    with pytest.raises(ValueError, match="cannot be a key"):
        await write(harness, b"x", 0, key=key)
    with pytest.raises(ValueError, match="cannot be a key"):
        await harness.store.read(key, timeout_s=5)


@pytest.mark.parametrize(
    "value", [b"", b"\x00\xff\r\n\xfe", b"{", b"v" * 1_000_000], ids=["empty", "binary", "half", "large"]
)
async def test_any_value_of_a_foreign_writer_can_be_read_and_replaced(harness: Harness, value: bytes) -> None:
    revision = await harness.put(KEY, value)
    entry = await harness.store.read(KEY, timeout_s=5)
    assert (entry.revision, entry.value) == (revision, value)
    await write(harness, b"ours", revision)


async def test_a_bucket_made_again_refuses_the_revisions_of_the_lost_one(harness: Harness) -> None:
    revision = await write(harness, b"one", 0)
    await harness.lose_bucket()
    await harness.make_bucket()
    assert await harness.store.read(KEY, timeout_s=5) == ABSENT
    with pytest.raises(WrongRevision):
        await write(harness, b"two", revision)
    assert await write(harness, b"new", 0) > revision
    with pytest.raises(WrongRevision):
        await write(harness, b"two", revision)
    assert await value_of(harness) == b"new"


async def test_without_a_bucket_reads_say_so_and_writes_surely_do_nothing(harness: Harness) -> None:
    await harness.lose_bucket()
    with pytest.raises(BucketMissing):
        await harness.store.read(KEY, timeout_s=5)
    with pytest.raises(Unavailable):
        await write(harness, b"one", 0)
    await harness.make_bucket()
    assert await harness.store.read(KEY, timeout_s=5) == ABSENT


async def test_a_write_is_sent_only_on_the_connection_that_it_names(harness: Harness) -> None:
    revision = await write(harness, b"one", 0)
    before = harness.store.connection
    await harness.restart()
    assert harness.store.connection > before
    with pytest.raises(Unavailable):
        await harness.store.write(KEY, b"two", expected_revision=revision, connection=before, timeout_s=5)
    assert await value_of(harness) == b"one"
    await write(harness, b"two", revision)


async def test_the_connection_is_announced_when_it_goes_and_when_it_is_back(harness: Harness) -> None:
    told: list[int | str] = []
    harness.on_connected(told.append)
    harness.on_disconnected(lambda: told.append("lost"))
    number = harness.store.connection
    assert number >= 1
    await harness.restart()
    assert told == ["lost", number + 1]


async def test_a_halted_server_gives_no_answer_to_a_read(harness: Harness) -> None:
    await harness.pause()
    with pytest.raises(Unavailable):
        await harness.store.read(KEY, timeout_s=0.2)


async def test_a_write_to_a_halted_server_may_be_applied_later(harness: Harness) -> None:
    revision = await write(harness, b"one", 0)
    await harness.pause()
    with pytest.raises(OutcomeUnknown):
        await harness.store.write(
            KEY, b"two", expected_revision=revision, connection=harness.store.connection, timeout_s=0.2
        )
    await harness.resume()
    # The server takes reads and writes from different queues: a read that comes later may be answered sooner.
    async with asyncio.timeout(10):
        while await value_of(harness) != b"two":
            await asyncio.sleep(0.01)
    with pytest.raises(WrongRevision):
        await write(harness, b"two again", revision)
