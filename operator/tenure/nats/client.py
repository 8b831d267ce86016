"""What nats-py does not do by itself: connect once within a deadline, insist on TLS, and let go of the dead at once.

nats-py can reconnect on its own, which Tenure does not use. A client that the server sends away (expired credentials,
a revoked user) is closed for good; a client whose peer went silent waits until its old socket has taken all that is
queued before it tries a new one; and subscriptions and unsent publishes are carried over to the new connection, where
a revision that was read on the old one may mean another record. So every connection is a client of its own here, and
all that belonged to a lost one ends with it.

A TLS context is no more than an offer to nats-py: to a server that does not ask for TLS, or to somebody in between who
takes the question out, it sends the login in the clear.
"""

# ruff: noqa: SLF001  (nats-py has no public way to drop a connection at once; this module is where that is kept)

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

import nats.errors
from nats.aio.client import Client

from tenure.nats.access import Access
from tenure.nats.server import Server
from tenure.nats.settings import NatsSettings

# With no room in its buffer nats-py refuses a publish while it is not connected (OutboundBufferLimitError) instead of
# sending it later, when nobody waits for its outcome any more.
NO_PUBLISH_BUFFER = -1


class Unreachable(Exception):
    """There is no connection to the server at all; the text says why."""


class _Client(Client):
    """A client that says nothing in the clear to a server that is to speak TLS."""

    def __init__(self, *, insists_on_tls: bool) -> None:
        super().__init__()
        self._insists_on_tls = insists_on_tls

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:  # noqa: FBT001, FBT002
        """See what the server says first, before anything is answered."""
        if initial_connection and self._insists_on_tls:
            if not (info.get("tls_required") or info.get("tls_available")):
                raise nats.errors.SecureConnWantedError
            info["tls_required"] = True
        await super()._process_info(info, initial_connection)


async def open_client(
    server: Server,
    settings: NatsSettings,
    access: Access,
    *,
    on_error: Callable[[Exception], None],
    on_closed: Callable[[], None],
) -> Client:
    """Connect to one server within `settings.connect_timeout_s`.

    Raises Unreachable, or what came in the way afterwards: an error of nats-py, OSError (ssl.SSLError among them) or
    TimeoutError. `on_error` gets what nats-py reports by the way, `on_closed` is called when the connection is lost.
    Neither comes in every case of a loss: whoever needs to know looks at `client.is_connected` now and then as well.
    """
    client = _Client(insists_on_tls=access.tls is not None)
    client._public_nkey = access.credential.public_nkey
    last_error: Exception | None = None

    async def error_cb(error: Exception) -> None:
        nonlocal last_error
        last_error = error
        on_error(error)

    async def closed_cb() -> None:
        on_closed()

    try:
        async with asyncio.timeout(settings.connect_timeout_s):
            await client.connect(
                servers=[str(server)],
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
                tls=access.tls,
                tls_hostname=server.certificate_host,
                tls_handshake_first=settings.tls.handshake_first,
                **access.credential.options,
            )
    except BaseException as error:
        was_reached = client._status == Client.CONNECTING
        abort(client)
        if isinstance(error, Exception) and not was_reached:
            raise Unreachable(describe(last_error or error)) from error
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
    # Where TcpTransport keeps asyncio's stream writer, once it has one.
    writer = getattr(client._transport, "_io_writer", None)
    if writer is not None:
        writer.transport.abort()


def server_of(client: Client) -> tuple[str, str]:
    """Return name and version of the server that the client is connected to, as the server said them."""
    return str(client._server_info.get("server_name", "")), str(client._server_info.get("version", ""))


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


def describe(error: Exception) -> str:
    """Return one line about an error of nats-py or of the socket."""
    if isinstance(error, TimeoutError) and not isinstance(error, nats.errors.Error):
        return "no answer in time"
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    text = " ".join(str(error).split()) or type(error).__name__
    return text.removeprefix("nats: ").strip("'").rstrip(".")


def _forget_outcome(task: asyncio.Future[Any]) -> None:
    """Keep asyncio from reporting an error that nobody is to see."""
    if not task.cancelled():
        task.exception()
