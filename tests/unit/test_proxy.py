"""The road between two ends that are well: what passes, what is held back, what comes late, and what is cut."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from environment import proxy
from environment.ports import LOOPBACK
from environment.proxy import Proxy
from environment.serving import served_by

_SOON_S = 0.2
_LIMIT_S = 10.0


class Server:
    """Answers each line with the same line, and remembers all of them."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.news = asyncio.Event()
        self.has_ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionResetError):
            while line := await reader.readline():
                self.lines.append(line)
                self.news.set()
                writer.write(line)
        self.has_ended.set()


class Client:
    """One connection through the road."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    def send(self, line: bytes) -> None:
        self.writer.write(line)

    async def receive(self) -> bytes:
        async with asyncio.timeout(_LIMIT_S):
            return await self._reader.readline()

    async def hears_nothing(self, for_s: float = _SOON_S) -> bool:
        try:
            async with asyncio.timeout(for_s):
                await self._reader.readline()
        except TimeoutError:
            return True
        return False


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, int]]:
    server = Server()
    async with served_by(server.serve) as address:
        yield server, int(address.rpartition(":")[2])


@pytest.fixture
async def road(server: tuple[Server, int]) -> AsyncIterator[Proxy]:
    async with Proxy(server[1]) as road:
        yield road


@pytest.fixture
async def client(road: Proxy) -> AsyncIterator[Client]:
    client = Client(*await asyncio.open_connection(LOOPBACK, road.port))
    client.send(b"hello\n")
    assert await client.receive() == b"hello\n"
    yield client
    client.writer.transport.abort()


async def test_when_one_end_closes_the_other_one_gets_all_that_was_sent_before(
    client: Client, server: tuple[Server, int]
) -> None:
    client.send(b"last\n")
    client.writer.close()

    async with asyncio.timeout(_LIMIT_S):
        await server[0].has_ended.wait()
    assert server[0].lines == [b"hello\n", b"last\n"]


async def test_a_road_that_is_cut_resets_what_is_on_it_and_what_comes_until_it_is_open_again(
    road: Proxy, client: Client
) -> None:
    road.cut()

    with pytest.raises(ConnectionResetError):
        await client.receive()
    late = Client(*await asyncio.open_connection(LOOPBACK, road.port))
    with pytest.raises(ConnectionResetError):
        await late.receive()
    road.open()
    new = Client(*await asyncio.open_connection(LOOPBACK, road.port))
    new.send(b"again\n")
    assert await new.receive() == b"again\n"
    new.writer.transport.abort()


async def test_what_is_held_back_arrives_when_the_road_is_open_again(road: Proxy, client: Client) -> None:
    road.block()
    client.send(b"late\n")
    new = Client(*await asyncio.open_connection(LOOPBACK, road.port))
    new.send(b"later\n")

    assert await client.hears_nothing()
    assert await new.hears_nothing()
    road.open()
    assert (await client.receive(), await new.receive()) == (b"late\n", b"later\n")
    new.writer.transport.abort()


async def _let_a_ghost_through(road: Proxy, client: Client, server: Server) -> None:
    """Hold back what a client sends, which then goes, and return when that has arrived all the same."""
    road.block()
    client.send(b"ghost\n")
    await client.hears_nothing()
    client.writer.transport.abort()
    await asyncio.sleep(0)
    server.news.clear()
    road.open()
    async with asyncio.timeout(_LIMIT_S):
        await server.news.wait()


async def test_what_is_held_back_arrives_although_its_sender_has_gone(
    road: Proxy, client: Client, server: tuple[Server, int]
) -> None:
    await _let_a_ghost_through(road, client, server[0])

    assert server[0].lines[-1] == b"ghost\n"


async def test_a_server_gets_what_was_held_back_well_before_it_hears_that_the_sender_has_gone(
    road: Proxy, client: Client, server: tuple[Server, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "_HEAD_START_S", 2 * _LIMIT_S)
    await _let_a_ghost_through(road, client, server[0])

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(_SOON_S):
            await server[0].has_ended.wait()


async def test_a_slow_road_holds_each_line_back_in_both_directions(road: Proxy, client: Client) -> None:
    road.slow_down(_SOON_S)
    client.send(b"slow\n")

    assert await client.hears_nothing(1.5 * _SOON_S)
    assert await client.receive() == b"slow\n"


async def test_a_server_that_is_away_is_met_with_a_reset(road: Proxy) -> None:
    async with Proxy(1) as nowhere:
        client = Client(*await asyncio.open_connection(LOOPBACK, nowhere.port))

        with pytest.raises(ConnectionResetError):
            await client.receive()
