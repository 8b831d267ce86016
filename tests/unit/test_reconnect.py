"""How long a connection waits before it tries again, and until when."""

from __future__ import annotations

import asyncio

import pytest

from tenure.nats import connection as connections
from tenure.nats.connection import NatsConnection, NatsUnavailable
from tenure.nats.settings import NatsSettings
from unit.virtual_time import run

_SETTINGS = NatsSettings(urls=("nats://nats:4222",), reconnect_wait_min_s=1.0, reconnect_wait_max_s=4.0)


async def _pauses_s(connection: NatsConnection, count: int) -> list[float]:
    loop = asyncio.get_running_loop()
    pauses = []
    for _ in range(count):
        began_at_s = loop.time()
        await connection._pause()
        pauses.append(loop.time() - began_at_s)
    return pauses


def test_pauses_double_up_to_the_longest_and_are_shorter_by_chance_by_half_at_most() -> None:
    async def scenario() -> None:
        pauses = await _pauses_s(NatsConnection(_SETTINGS), 5)

        for pause_s, longest_s in zip(pauses, [1.0, 2.0, 4.0, 4.0, 4.0], strict=True):
            assert longest_s / 2 - 0.001 <= pause_s <= longest_s + 0.001

    run(scenario())


def test_replicas_that_lost_their_server_together_come_back_apart() -> None:
    async def scenario() -> None:
        pauses = [(await _pauses_s(NatsConnection(_SETTINGS), 1))[0] for _ in range(50)]

        assert len({round(pause_s, 2) for pause_s in pauses}) > 10

    run(scenario())


def test_the_first_attempts_end_in_time_though_a_client_swallows_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `asyncio.wait_for` can, which nats-py uses, before Python 3.12."""
    swallowed: list[asyncio.CancelledError] = []

    async def swallow(*_: object, **__: object) -> None:
        try:
            await asyncio.sleep(1.0)
        except asyncio.CancelledError as cancelled:
            if swallowed:
                raise
            swallowed.append(cancelled)
        raise ConnectionRefusedError("refused")

    async def scenario() -> float:
        began_at_s = asyncio.get_running_loop().time()
        with pytest.raises(NatsUnavailable):
            async with asyncio.timeout(60):
                await NatsConnection(_SETTINGS).connect(timeout_s=0.5)
        return asyncio.get_running_loop().time() - began_at_s

    monkeypatch.setattr(connections, "open_client", swallow)
    assert run(scenario()) == pytest.approx(0.5)
