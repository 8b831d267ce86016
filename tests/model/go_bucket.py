"""The Go library's bucket on the modelled server: what its NATS client asks for, one request after another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Protocol, TypeVar

from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError

from model.bucket import ModelBucket
from tenure.election.entry import Entry
from tenure.nats.store import WrongRevision

Answer = TypeVar("Answer")


class Request(Enum):
    """What a request does."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"


class Way(Protocol):
    """Brings a request to the server, and its answer back."""

    def __call__(self, request: Request, serve: Callable[[], Answer], /) -> Awaitable[Answer]: ...


class ModelGoBucket:
    """`GoBucket` on a ModelBucket. What fails on `way` is to be raised there as NATS' client does."""

    def __init__(self, bucket: ModelBucket, way: Way) -> None:
        self._bucket = bucket
        self._way = way

    async def get(self, key: str) -> Entry:
        """Return what stands there; a marker is nothing, and so an error."""
        entry = await self._read(key)
        if entry.value is None:
            raise KeyNotFoundError
        return entry

    async def create(self, key: str, value: bytes) -> int:
        """Write where nothing stands: if that is refused, a marker may stand there, whose revision must be known."""
        try:
            return await self.update(key, value, last=0)
        except KeyWrongLastSequenceError:
            entry = await self._read(key)
            if entry.value is not None or entry.revision == 0:
                raise
            return await self.update(key, value, last=entry.revision)

    async def update(self, key: str, value: bytes, last: int | None) -> int:
        """Write in the place of a revision."""
        assert last is not None
        try:
            return await self._way(
                Request.WRITE, lambda: self._bucket.compare_and_set(key, value, expected_revision=last)
            )
        except WrongRevision as refused:
            raise KeyWrongLastSequenceError from refused

    async def delete(self, key: str) -> bool:
        """Put a marker in the place of whatever stands there."""
        await self._way(Request.DELETE, lambda: self._bucket.delete(key))
        return True

    async def _read(self, key: str) -> Entry:
        return await self._way(Request.READ, lambda: self._bucket.read(key))
