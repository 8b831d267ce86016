"""What a node of the Go library does to its bucket has the same effect on the model and on a real nats-server.

There, the client is that of Python, which asks for the same as that of Go.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import nats
import pytest
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError

from environment import NatsServer
from model.bucket import ModelBucket
from model.go_bucket import ModelGoBucket, Request
from model.go_node import KEY, GoBucket

Answer = TypeVar("Answer")


async def _at_once(_: Request, serve: Callable[[], Answer]) -> Answer:
    return serve()


@pytest.fixture(params=["model", "nats-server"])
async def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[GoBucket]:
    if request.param == "model":
        yield ModelGoBucket(ModelBucket(lambda: 1_800_000_000.0), _at_once)
        return
    with NatsServer(tmp_path) as server:
        client = await nats.connect(server.url)
        yield await client.jetstream().create_key_value(bucket="go")
        await client.close()


async def test_what_was_never_written_is_not_found_and_can_be_created_once(bucket: GoBucket) -> None:
    with pytest.raises(KeyNotFoundError):
        await bucket.get(KEY)
    revision = await bucket.create(KEY, b"one")
    with pytest.raises(KeyWrongLastSequenceError):
        await bucket.create(KEY, b"two")

    entry = await bucket.get(KEY)
    assert (entry.revision, entry.value) == (revision, b"one")


async def test_only_the_revision_that_is_there_can_be_updated(bucket: GoBucket) -> None:
    first = await bucket.create(KEY, b"one")
    second = await bucket.update(KEY, b"two", last=first)
    assert second > first
    with pytest.raises(KeyWrongLastSequenceError):
        await bucket.update(KEY, b"three", last=first)
    assert (await bucket.get(KEY)).value == b"two"


async def test_a_deletion_asks_for_no_revision_and_what_it_leaves_can_be_created_over(bucket: GoBucket) -> None:
    revision = await bucket.create(KEY, b"one")
    assert await bucket.delete(KEY)
    with pytest.raises(KeyNotFoundError):
        await bucket.get(KEY)
    with pytest.raises(KeyWrongLastSequenceError):
        await bucket.update(KEY, b"two", last=revision)

    assert await bucket.create(KEY, b"three") > revision
    assert (await bucket.get(KEY)).value == b"three"
