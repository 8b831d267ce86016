"""What nats-py does not do by itself: connect once within a deadline, and let go of a dead connection at once.

nats-py can reconnect on its own, which Tenure does not use. A client that the server sends away (expired credentials,
a revoked user) is closed for good; a client whose peer went silent waits until its old socket has taken all that is
queued before it tries a new one; and subscriptions and unsent publishes are carried over to the new connection, where
a revision that was read on the old one may mean another record. So every connection is a client of its own here, and
all that belonged to a lost one ends with it.
"""

# ruff: noqa: SLF001  (nats-py has no public way to drop a connection at once; this module is where that is kept)

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlsplit

from nats.aio.client import Client

from tenure.nats.settings import NatsSettings

# With no room in its buffer nats-py refuses a publish while it is not connected (OutboundBufferLimitError) instead of
# sending it later, when nobody waits for its outcome any more.
NO_PUBLISH_BUFFER = -1


async def open_client(
    url: str,
    settings: NatsSettings,
    *,
    on_error: Callable[[Exception], None],
    on_closed: Callable[[], None],
) -> Client:
    """Connect to one server within `settings.connect_timeout_s`, or raise (an error of nats-py, OSError, TimeoutError).

    `on_error` gets what nats-py reports by the way, `on_closed` is called when the connection is lost. Neither comes
    in every case of a loss: whoever needs to know looks at `client.is_connected` now and then as well.
    """
    client = Client()

    async def error_cb(error: Exception) -> None:
        on_error(error)

    async def closed_cb() -> None:
        on_closed()

    try:
        async with asyncio.timeout(settings.connect_timeout_s):
            await client.connect(
                servers=[url],
                name=settings.client_name,
                error_cb=error_cb,
                closed_cb=closed_cb,
                allow_reconnect=False,
                # 0 would mean "without end" to nats-py. Waiting between attempts is the caller's part.
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=settings.connect_timeout_s,  # type: ignore[arg-type]  # fractions work as well
                ping_interval=settings.ping_interval_s,  # type: ignore[arg-type]
                max_outstanding_pings=settings.pings_unanswered_max,
                pending_size=NO_PUBLISH_BUFFER,
            )
    except BaseException:
        abort(client)
        raise
    return client


def abort(client: Client) -> None:
    """Drop the client's socket now, with all that was not sent yet, and end what reads from it.

    A close of nats-py's own waits until the peer has taken what is queued, which a silent peer never does, and what
    it does send may be applied long after its deadline.
    """
    client._status = Client.CLOSED
    client._pending = []
    client._pending_data_size = 0
    for task in (client._reading_task, client._ping_interval_task, client._flusher_task):
        if task is not None:
            task.add_done_callback(_forget_outcome)
            task.cancel()
    for subscription in list(client._subs.values()):
        subscription._stop_processing()
    client._subs.clear()
    # TcpTransport keeps asyncio's stream writer under this name; a websocket has none and ends by its own timeouts.
    writer = getattr(client._transport, "_io_writer", None)
    if writer is not None:
        writer.transport.abort()


async def within(timeout_s: float, work: Coroutine[Any, Any, Any]) -> bool:
    """Run `work` for at most `timeout_s` seconds, whatever it does about a cancellation; True when it ended well.

    A timeout that only cancels is not enough around nats-py, some of whose calls swallow the cancellation and go on.
    """
    task = asyncio.ensure_future(work)
    task.add_done_callback(_forget_outcome)
    try:
        await asyncio.wait({task}, timeout=timeout_s)
    finally:
        finished = task.done()
        task.cancel()
    return finished and not task.cancelled() and task.exception() is None


def redact(url: str) -> str:
    """Return the URL without user, password or token, fit for logs and messages."""
    scheme, netloc = _split(url)
    return f"{scheme}://{netloc.rpartition('@')[2]}"


def with_login_of(url: str, discovered: str) -> str:
    """Return the discovered URL with the user and password of the one that led to it: servers announce no logins."""
    login, at, _ = _split(url)[1].rpartition("@")
    scheme, netloc = _split(discovered)
    return f"{scheme}://{login}{at}{netloc.rpartition('@')[2]}"


def _split(url: str) -> tuple[str, str]:
    parts = urlsplit(url if "://" in url else f"nats://{url}")
    return parts.scheme, parts.netloc


def _forget_outcome(task: asyncio.Future[Any]) -> None:
    """Keep asyncio from reporting an error that nobody is to see."""
    if not task.cancelled():
        task.exception()
