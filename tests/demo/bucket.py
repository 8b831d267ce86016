"""The demo's own bucket on a NATS server of yours: is there a server at all, and the bucket's removal."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from environment import EnvironmentFailed
from tenure.nats.bucket import STREAM_NOT_FOUND, stream_of
from tenure.nats.connection import NatsConnection, NatsSettings
from tenure.nats.session import ApiError
from tenure.nats.store import StoreError

_TIMEOUT_S = 5.0

logging.getLogger("tenure").addHandler(logging.NullHandler())  # What fails here is told by an exception.


def check_server(urls: tuple[str, ...]) -> None:
    """Raise EnvironmentFailed when no NATS server lets us in, or when none has JetStream."""

    async def ask() -> None:
        async with _connection(urls) as connection:
            await connection.session().api("INFO", timeout_s=_TIMEOUT_S)

    _run(ask())


def delete_bucket(urls: tuple[str, ...], bucket: str) -> None:
    """Delete the bucket, if there is one. Raises EnvironmentFailed when that failed."""

    async def delete() -> None:
        async with _connection(urls) as connection:
            try:
                await connection.session().api(f"STREAM.DELETE.{stream_of(bucket)}", timeout_s=_TIMEOUT_S)
            except ApiError as error:
                if error.err_code != STREAM_NOT_FOUND:
                    raise

    _run(delete())


def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.run(work)
    except (ApiError, StoreError) as error:
        raise EnvironmentFailed(str(error)) from None


@contextlib.asynccontextmanager
async def _connection(urls: tuple[str, ...]) -> AsyncIterator[NatsConnection]:
    connection = NatsConnection(NatsSettings(urls=urls, client_name="tenure demo"))
    await connection.connect(timeout_s=_TIMEOUT_S)
    try:
        yield connection
    finally:
        await connection.close()
