"""What every watch of a bucket tells, the modelled one and the one on a real nats-server."""

from __future__ import annotations

import pytest

from contract.harness import Harness, Seen, eventually
from contract.test_lease_store import write
from tenure.nats.store import BucketMissing, Unavailable


async def test_of_an_empty_bucket_it_tells_that_there_is_nothing(harness: Harness) -> None:
    seen = Seen()
    watch = harness.watch(seen)
    assert not watch.is_working
    await watch.start(harness.store.connection)
    await eventually(lambda: seen.told)
    assert seen.told == [None]
    assert watch.is_working
    assert watch.last_sequence == 0


async def test_it_tells_the_last_entry_of_every_key_then_every_change(harness: Harness) -> None:
    first = await write(harness, b"old", 0, key="shop.web")
    await write(harness, b"a", 0, key="shop.api.v2")
    second = await write(harness, b"new", first, key="shop.web")
    await write(harness, b"gone", 0, key="shop.gone")
    gone = await harness.delete("shop.gone")
    seen = Seen()
    watch = harness.watch(seen)
    await watch.start(harness.store.connection)
    await eventually(lambda: None in seen.told)
    assert seen.values == [("shop.api.v2", b"a"), ("shop.web", b"new"), ("shop.gone", None), None]

    third = await write(harness, b"newer", second, key="shop.web")
    purged = await harness.purge("shop.api.v2")
    await write(harness, b"back", gone, key="shop.gone")
    last = await harness.put("other", b"\xff" * 1_000_000)
    await eventually(lambda: len(seen.told) == 8)
    assert seen.values[4:] == [
        ("shop.web", b"newer"),
        ("shop.api.v2", None),
        ("shop.gone", b"back"),
        ("other", b"\xff" * 1_000_000),
    ]
    revisions = [event[1].revision for event in seen.told if event is not None]
    assert revisions == sorted(revisions)
    assert third in revisions
    assert purged in revisions
    assert watch.last_sequence == last
    assert seen.broken == []


async def test_a_watch_that_is_started_again_tells_everything_again(harness: Harness) -> None:
    await write(harness, b"one", 0)
    seen = Seen()
    watch = harness.watch(seen)
    for _ in range(2):
        await watch.start(harness.store.connection)
        await eventually(lambda: None in seen.told)
        assert seen.values == [("shop.web", b"one"), None]
        seen.told.clear()
    await watch.stop()
    assert not watch.is_working
    revision = await write(harness, b"two", (await harness.store.read("shop.web", timeout_s=5)).revision)
    await watch.start(harness.store.connection)
    await eventually(lambda: None in seen.told)
    assert seen.values == [("shop.web", b"two"), None]
    assert watch.last_sequence == revision


async def test_after_a_reconnect_it_is_started_on_the_new_connection(harness: Harness) -> None:
    revision = await write(harness, b"one", 0)
    seen = Seen()
    watch = harness.watch(seen)
    before = harness.store.connection
    await watch.start(before)
    await eventually(lambda: None in seen.told)
    await harness.restart()
    with pytest.raises(Unavailable):
        await watch.start(before)
    await write(harness, b"two", revision)
    seen.told.clear()
    await watch.start(harness.store.connection)
    await eventually(lambda: None in seen.told)
    assert seen.values == [("shop.web", b"two"), None]


async def test_there_is_no_watch_of_a_bucket_that_does_not_exist(harness: Harness) -> None:
    await harness.lose_bucket()
    watch = harness.watch(Seen())
    with pytest.raises(BucketMissing):
        await watch.start(harness.store.connection)
    assert not watch.is_working


async def test_time_that_runs_out_is_told_where_it_leaves_a_marker(harness: Harness) -> None:
    await harness.leave_markers()
    seen = Seen()
    watch = harness.watch(seen)
    await watch.start(harness.store.connection)
    await write(harness, b"one", 0, ttl_s=1)
    await harness.pass_time(1.5)
    await eventually(lambda: len(seen.told) == 3)
    assert seen.values == [None, ("shop.web", b"one"), ("shop.web", None)]
