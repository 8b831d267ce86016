"""A road for TCP connections that can be cut, blocked and made slow, while both of its ends are well."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Self

from environment.ports import LOOPBACK, free_ports

_CHUNK = 65536
_CONNECT_TIMEOUT_S = 2.0
_CLOSE_TIMEOUT_S = 2.0

_HEAD_START_S = 0.3
"""A server may drop a request whose client has gone: it hears of that so much later than of what was held back."""


class Proxy:
    """Listens on a port of its own and carries bytes to and from `target_port`, both on loopback.

    * `cut`: connections are reset, and new ones as well.
    * `block`: connections stay open and nothing passes. What was sent meanwhile passes when the road is open again,
      also when its sender has long given up.
    * `slow_down`: each chunk of at most 64 KiB waits, and those behind it wait for it.
    * `open`: as in the beginning.
    """

    def __init__(self, target_port: int) -> None:
        self.port = free_ports(1)[0]
        self._target_port = target_port
        self._passing = asyncio.Event()
        self._passing.set()
        self._is_cut = False
        self._delay_s = 0.0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._begin, LOOPBACK, self.port)

    async def close(self) -> None:
        """Reset all connections and listen no more."""
        self.cut()
        if self._server is not None:
            self._server.close()
        if self._connections:
            await asyncio.wait(self._connections, timeout=_CLOSE_TIMEOUT_S)

    def cut(self) -> None:
        """Reset all connections, and each new one, until `open`."""
        self._is_cut = True
        for connection in self._connections:
            connection.cancel()

    def block(self) -> None:
        """Hold back everything, in both directions, until `open`."""
        self._passing.clear()

    def slow_down(self, delay_s: float) -> None:
        """Hold back each chunk for `delay_s` seconds, in both directions, until `open`."""
        self._delay_s = delay_s

    def open(self) -> None:
        """Let everything pass at once, and first what was held back."""
        self._is_cut, self._delay_s = False, 0.0
        self._passing.set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            _reset(writer)
            return
        connection = asyncio.create_task(self._serve(reader, writer), name=f"connection to port {self._target_port}")
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry until one end has closed, then close the other; when cancelled, reset both."""
        target: asyncio.StreamWriter | None = None
        try:
            await self._passing.wait()
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                source, target = await asyncio.open_connection(LOOPBACK, self._target_port)
            ways = [self._carry(reader, target), self._carry(source, writer)]
            tasks = [asyncio.create_task(way, name="way of a connection") for way in ways]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for one in (writer, target):
                    one.close()
                await asyncio.wait(tasks, timeout=_CLOSE_TIMEOUT_S)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass  # The target is away, or the road was cut.
        finally:
            _reset(writer)
            if target is not None:
                _reset(target)

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):  # One of the two ends is gone.
            while data := await source.read(_CHUNK):
                await asyncio.sleep(self._delay_s)
                was_held = not self._passing.is_set()
                await self._passing.wait()
                target.write(data)
                await target.drain()
                if was_held:
                    await asyncio.sleep(_HEAD_START_S)


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection at once, so that the other end is told of a reset; one that was closed before is not."""
    connection: socket.socket = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
