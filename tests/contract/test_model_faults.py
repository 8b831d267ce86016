"""The failures that the model can be told to have; what they mean is what the real store's tests show."""

from __future__ import annotations

import asyncio

import pytest

from contract.harness import Seen
from model.bucket import ModelBucket
from model.lease_store import Fault, ModelLeaseStore, ModelWatch
from tenure.nats.store import OutcomeUnknown, Unavailable, WrongRevision

KEY = "shop.web"


@pytest.fixture
def store() -> ModelLeaseStore:
    return ModelLeaseStore(ModelBucket(lambda: 1_800_000_000.0))


def write(store: ModelLeaseStore, value: bytes, expected_revision: int) -> int:
    """Nothing in the model waits, so that a caller needs no event loop of its own."""
    return asyncio.run(
        store.write(KEY, value, expected_revision=expected_revision, connection=store.connection, timeout_s=1)
    )


def watch_of(store: ModelLeaseStore, seen: Seen) -> ModelWatch:
    return ModelWatch(
        store, on_entry=seen.on_entry, on_snapshot_done=seen.on_snapshot_done, on_broken=seen.broken.append
    )


@pytest.mark.parametrize(
    ("fault", "error", "now", "later"),
    [
        (Fault.REFUSED, Unavailable, None, None),
        (Fault.LOST, OutcomeUnknown, None, None),
        (Fault.UNANSWERED, OutcomeUnknown, b"one", b"one"),
        (Fault.LATE, OutcomeUnknown, None, b"one"),
    ],
)
def test_what_becomes_of_a_write(
    store: ModelLeaseStore, fault: Fault, error: type[Exception], now: bytes | None, later: bytes | None
) -> None:
    store.faults.append(fault)
    with pytest.raises(error):
        write(store, b"one", 0)
    assert store.bucket.read(KEY).value == now
    store.bucket.deliver_late_writes()
    assert store.bucket.read(KEY).value == later


def test_faults_come_in_turn(store: ModelLeaseStore) -> None:
    store.faults.extend([None, Fault.LOST])
    revision = write(store, b"one", 0)
    with pytest.raises(OutcomeUnknown):
        write(store, b"two", revision)
    write(store, b"three", revision)


def test_a_late_write_is_refused_when_another_was_faster(store: ModelLeaseStore) -> None:
    store.faults.append(Fault.LATE)
    with pytest.raises(OutcomeUnknown):
        write(store, b"late", 0)
    write(store, b"faster", 0)
    store.bucket.deliver_late_writes()
    assert store.bucket.read(KEY).value == b"faster"


def test_a_late_write_survives_a_reconnect_but_not_the_loss_of_the_bucket(store: ModelLeaseStore) -> None:
    for loses_bucket in (False, True):
        revision = store.bucket.read(KEY).revision
        store.faults.append(Fault.LATE)
        with pytest.raises(OutcomeUnknown):
            write(store, b"late", revision)
        store.disconnect()
        if loses_bucket:
            store.bucket.lose()
            store.bucket.make()
        store.reconnect()
        store.bucket.deliver_late_writes()
        assert store.bucket.read(KEY).value == (None if loses_bucket else b"late")


def test_writes_that_are_taken_back_leave_what_was_there_and_their_revisions_to_others(store: ModelLeaseStore) -> None:
    first = write(store, b"one", 0)
    second = write(store, b"two", first)
    store.bucket.put("shop.api", b"x")
    store.bucket.roll_back(2)
    assert store.bucket.read(KEY).value == b"one"
    assert store.bucket.read("shop.api").value is None
    assert write(store, b"another two", first) == second


def test_several_stores_share_a_bucket(store: ModelLeaseStore) -> None:
    other = ModelLeaseStore(store.bucket)
    revision = write(store, b"one", 0)
    store.disconnect()
    write(other, b"two", revision)
    store.reconnect()
    with pytest.raises(WrongRevision):
        write(store, b"three", revision)


def test_entries_can_be_held_back(store: ModelLeaseStore) -> None:
    seen = Seen()
    watch = watch_of(store, seen)
    asyncio.run(watch.start(1))
    watch.hold()
    first = write(store, b"one", 0)
    write(store, b"two", first)
    assert seen.values == [None]
    watch.release(1)
    assert seen.values == [None, (KEY, b"one")]
    watch.release()
    store.bucket.delete(KEY)
    assert seen.values == [None, (KEY, b"one"), (KEY, b"two"), (KEY, None)]


@pytest.mark.parametrize("noticed", [True, False])
def test_a_watch_can_be_lost(store: ModelLeaseStore, noticed: bool) -> None:
    seen = Seen()
    watch = watch_of(store, seen)
    asyncio.run(watch.start(1))
    if noticed:
        watch.break_down("a reason")
    else:
        watch.fall_silent()
    write(store, b"one", 0)
    assert seen.values == [None]
    assert seen.broken == (["a reason"] if noticed else [])
    assert watch.is_working is not noticed
