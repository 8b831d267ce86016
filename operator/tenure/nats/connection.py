"""The one connection to NATS: made within a deadline, kept for ever, numbered anew each time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable

import nats.errors
from nats.aio.client import Client

from tenure.nats.access import Access, read_access
from tenure.nats.client import abort, describe, open_client, within
from tenure.nats.refusals import Refusals, explain
from tenure.nats.server import Server, parse_server
from tenure.nats.session import Session
from tenure.nats.settings import NatsSettings
from tenure.nats.store import Unavailable

__all__ = ["NatsConnection", "NatsSettings", "NatsUnavailable"]

logger = logging.getLogger(__name__)

FIRST_CONNECT_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 1.0

# nats-py announces most losses; one that it does not (a socket that fails while it is being closed) is seen this late.
LIVENESS_CHECK_S = 0.5

# One line for what can happen with every request, such as a missing permission, in this time.
ERROR_LOG_INTERVAL_S = 5.0


class NatsUnavailable(Unavailable):
    """No server could be reached, or none let us in."""


class NatsConnection:
    """Owns the client of the present connection and makes a new one whenever that is lost, until `close`.

    Callbacks are plain functions, called in the order of their registration after each change: `on_connected` gets
    the connection's number, `on_disconnected` nothing. When it is called, all requests under way have failed already
    (see `Session.end`). An error in a callback is logged and hurts nobody else.
    """

    def __init__(self, settings: NatsSettings) -> None:
        self._settings = settings
        self._number = 0
        self._session: Session | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._look = asyncio.Event()
        self._configured = tuple(parse_server(url) for url in settings.urls)
        self._discovered: tuple[Server, ...] = ()
        self._when_connected: list[Callable[[int], None]] = []
        self._when_disconnected: list[Callable[[], None]] = []
        self._server = self._configured[0]
        self._refusals = Refusals()
        self._wait_s = settings.reconnect_wait_min_s
        self._error_logged_at_s = -ERROR_LOG_INTERVAL_S
        self._errors_not_logged = 0

    def on_connected(self, callback: Callable[[int], None]) -> None:
        """Call `callback(number)` after each connect."""
        self._when_connected.append(callback)

    def on_disconnected(self, callback: Callable[[], None]) -> None:
        """Call `callback()` after each loss of the connection, and when it is closed."""
        self._when_disconnected.append(callback)

    @property
    def connection(self) -> int:
        """The number of the present connection, from 1, one more after each reconnect; 0 while there is none."""
        session = self._session
        return session.number if session is not None and session.is_alive else 0

    def session(self, number: int | None = None) -> Session:
        """Return the present session, or raise Unavailable when there is none or its number is not `number`."""
        session = self._session
        if session is None or not session.is_alive:
            raise Unavailable("There is no connection to NATS.")
        if number is not None and session.number != number:
            raise Unavailable(f"Connection {number} is gone; the present one is {session.number}.")
        return session

    async def connect(self, *, timeout_s: float = FIRST_CONNECT_TIMEOUT_S) -> None:
        """Connect for the first time; from then on the connection is kept up until `close`, whoever calls this again.

        Raises NatsUnavailable when no server let us in within `timeout_s` seconds; nothing runs on then.
        """
        if self._keeper is not None:
            return
        try:
            async with asyncio.timeout(timeout_s):
                await self._connect_somewhere()
        except TimeoutError:
            raise NatsUnavailable(f"NATS is not reachable within {timeout_s:g} s: {self._refusals}.") from None
        self._keeper = asyncio.create_task(self._keep(), name="keeper of the NATS connection")

    async def close(self) -> None:
        """Give what was sent at most a second to reach the server, then end the connection and all requests on it."""
        keeper, self._keeper = self._keeper, None
        for _ in range(3):  # Once may not do: asyncio.wait_for, which nats-py uses, can swallow it before Python 3.12.
            if keeper is None or keeper.done():
                break
            keeper.cancel()
            await asyncio.wait({keeper}, timeout=CLOSE_TIMEOUT_S)
        session = self._session
        if session is None:
            return
        if session.is_alive:
            await within(CLOSE_TIMEOUT_S, session.client.flush())
        self._drop("closed")

    async def _keep(self) -> None:
        """Notice that the connection is lost, say so, and connect again, for ever."""
        while True:
            try:
                if self._session is None:
                    await self._connect_somewhere()
                else:
                    await self._wait_for_the_loss_of(self._session)
            except Exception:
                # Nothing is known to raise here. If something does, a connection later is better than none for good.
                logger.exception("Keeping the connection to NATS failed")
                await asyncio.sleep(self._settings.reconnect_wait_max_s)

    async def _wait_for_the_loss_of(self, session: Session) -> None:
        began_s = time.monotonic()
        while session.is_alive:
            self._look.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LIVENESS_CHECK_S):
                    await self._look.wait()
        error = session.client.last_error
        reason = describe(error) if error is not None else "no reason given"
        logger.warning("The connection to NATS is lost: %s", reason)
        self._drop(reason)
        if time.monotonic() - began_s >= self._settings.reconnect_wait_max_s:
            self._wait_s = self._settings.reconnect_wait_min_s
        else:  # A server that lets us in only to send us away is no better than one that does not let us in.
            await self._pause()

    async def _pause(self) -> None:
        """Wait, each time for longer, and for a random part: all replicas would come back at the same moments."""
        await asyncio.sleep(self._wait_s * random.uniform(0.5, 1.0))
        self._wait_s = min(2 * self._wait_s, self._settings.reconnect_wait_max_s)

    def _drop(self, reason: str) -> None:
        session, self._session = self._session, None
        if session is not None:
            self._discovered = tuple(
                self._server.announced(found.hostname, found.port or self._server.port)
                for found in session.client.discovered_servers
                if found.hostname is not None
            )
            abort(session.client)
            session.end(reason)
            for callback in self._when_disconnected:
                _call(callback)

    async def _connect_somewhere(self) -> None:
        """Try all servers in turn, with a pause after each round, until one lets us in."""
        started_s = time.monotonic()
        task = asyncio.current_task()
        assert task is not None
        cancelled_before = task.cancelling()
        while True:
            for server in self._servers():
                session = await self._attempt(server)
                if task.cancelling() > cancelled_before:
                    # nats-py has swallowed it, or the deadline that it stands for: see `close`.
                    if session is not None:
                        abort(session.client)
                    raise asyncio.CancelledError
                if session is not None:
                    took_s = time.monotonic() - started_s
                    logger.info("Connected to NATS at %s: connection %d, %.1f s", server, session.number, took_s)
                    return self._begin(session, server)
            if self._refusals.are_news(time.monotonic()):
                logger.warning("No NATS server can be reached: %s", self._refusals)
            await self._pause()

    def _servers(self) -> list[Server]:
        """All known servers: the configured ones first, each group in random order."""
        configured = list(self._configured)
        known = set(map(str, configured))
        discovered = [server for server in self._discovered if str(server) not in known]
        random.shuffle(configured)
        random.shuffle(discovered)
        return configured + discovered

    async def _attempt(self, server: Server) -> Session | None:
        """Return a session on this server, or None and note the reason."""
        client: Client | None = None
        access: Access | None = None
        try:
            access = read_access(self._settings, server)
            client = await open_client(
                server, self._settings, access, on_error=self._on_error, on_closed=self._look.set
            )
            session = Session(client, self._number + 1)
            await session.open()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next server or the next round may do better
            self._refusals.note(server, explain(error, server, self._settings, access))
            if client is not None:
                abort(client)
            return None
        return session

    def _begin(self, session: Session, server: Server) -> None:
        self._number = session.number
        self._session = session
        self._server = server
        self._refusals.forget()
        for callback in self._when_connected:
            _call(callback, session.number)

    def _on_error(self, error: Exception) -> None:
        self._look.set()
        if self._session is None or isinstance(error, nats.errors.StaleConnectionError):
            return  # told by whoever sees that there is no connection
        now_s = time.monotonic()
        if now_s - self._error_logged_at_s < ERROR_LOG_INTERVAL_S:
            self._errors_not_logged += 1
            return
        more = f" (and {self._errors_not_logged} not logged before)" if self._errors_not_logged else ""
        logger.warning("NATS reports: %s%s", describe(error), more)
        self._error_logged_at_s = now_s
        self._errors_not_logged = 0


def _call(callback: Callable[..., None], *arguments: int) -> None:
    try:
        callback(*arguments)
    except Exception:
        logger.exception("A callback of the NATS connection failed")
