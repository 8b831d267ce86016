"""How a watch of a real bucket fails, and what it still promises under load. There is no model of this."""

from __future__ import annotations

import asyncio
import functools

from contract.harness import BUCKET, RealHarness, Seen, Watch, eventually
from tenure.election.entry import Entry
from tenure.nats.watch import BucketWatch

KEYS = [f"shop.web-{n}" for n in range(2000)]

# The server's heartbeats come every second; silence at two looks, 2 s apart, is broken.
BROKEN_TIMEOUT_S = 6.0


async def started(real: RealHarness, seen: Seen) -> Watch:
    watch = real.watch(seen)
    await watch.start(real.connection.connection)
    await eventually(lambda: None in seen.told)
    return watch


async def test_a_quiet_watch_is_not_taken_for_a_broken_one(real: RealHarness) -> None:
    seen = Seen()
    await started(real, seen)
    await asyncio.sleep(5)
    assert seen.broken == []
    await real.put("shop.web", b"one")
    await eventually(lambda: len(seen.told) == 2)


async def test_a_watch_whose_consumer_is_gone_is_broken(real: RealHarness) -> None:
    seen = Seen()
    await started(real, seen)
    session = real.connection.session()
    names = (await session.api(f"CONSUMER.NAMES.KV_{BUCKET.name}", timeout_s=2))["consumers"]
    assert len(names) == 1
    await session.api(f"CONSUMER.DELETE.KV_{BUCKET.name}.{names[0]}", timeout_s=2)
    await eventually(lambda: seen.broken, timeout_s=BROKEN_TIMEOUT_S)


async def test_a_watch_whose_bucket_was_made_again_is_broken(real: RealHarness) -> None:
    await real.put("shop.web", b"one")
    seen = Seen()
    await started(real, seen)
    await real.lose_bucket()
    await real.make_bucket()
    await real.put("shop.web", b"two")
    await eventually(lambda: seen.broken, timeout_s=BROKEN_TIMEOUT_S)
    assert len(seen.broken) == 1


async def test_a_watch_that_is_replaced_leaves_no_consumer_behind(real: RealHarness) -> None:
    watch = real.watch(Seen())
    for _ in range(5):
        await watch.start(1)
    session = real.connection.session()
    assert (await session.api(f"CONSUMER.NAMES.KV_{BUCKET.name}", timeout_s=2))["total"] == 1
    await watch.stop()
    assert (await session.api(f"CONSUMER.NAMES.KV_{BUCKET.name}", timeout_s=2))["total"] == 0


def _has_been_told(seen: Seen, times: int) -> bool:
    return len(seen.told) == times


async def test_headers_of_a_foreign_writer_do_not_disturb_it(real: RealHarness) -> None:
    seen = Seen()
    await started(real, seen)
    for told, status in enumerate(("100", "409", "503"), start=len(seen.told) + 1):
        await real.put_with_headers("shop.web", b"", {"Status": status, "Description": "Idle Heartbeat"})
        await eventually(functools.partial(_has_been_told, seen, told))
    assert seen.values[1:] == [("shop.web", b"")] * 3
    assert (await real.store.read("shop.web", timeout_s=5)).value == b""
    assert seen.broken == []


async def test_an_error_in_a_callback_does_not_end_the_watch(real: RealHarness) -> None:
    seen = Seen()

    def fail_once(key: str, entry: Entry) -> None:
        seen.on_entry(key, entry)
        if len(seen.told) == 2:
            raise RuntimeError("the callback's own fault")

    watch = BucketWatch(
        real.connection,
        BUCKET.name,
        on_entry=fail_once,
        on_snapshot_done=seen.on_snapshot_done,
        on_broken=seen.broken.append,
    )
    await watch.start(1)
    for value in (b"one", b"two", b"three"):
        await real.put("shop.web", value)
    await eventually(lambda: len(seen.told) == 4)
    assert watch.is_working


async def test_the_snapshot_is_complete_while_everything_is_being_written(real: RealHarness) -> None:
    """Every key is in it, although each may be replaced between the watch's start and its turn."""
    revisions = dict.fromkeys(KEYS, 0)

    async def renew(key: str) -> None:
        revisions[key] = await real.store.write(
            key, b"x" * 300, expected_revision=revisions[key], connection=1, timeout_s=10
        )

    async def keep_renewing() -> None:
        while True:
            for start in range(0, len(KEYS), 100):
                await asyncio.gather(*(renew(key) for key in KEYS[start : start + 100]))

    await asyncio.gather(*(renew(key) for key in KEYS))
    writer = asyncio.create_task(keep_renewing())
    try:
        for _ in range(10):
            seen = Seen()
            watch = await started(real, seen)
            snapshot = seen.told[: seen.told.index(None)]
            assert {event[0] for event in snapshot if event is not None} == set(KEYS)
            assert seen.broken == []
            assert not writer.done(), "it has met an error"
            await watch.stop()
    finally:
        writer.cancel()
        await asyncio.wait({writer})
