"""What a program that campaigns for itself is told, on a real nats-server: callbacks and lines of its log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from contract.candidates import CONFIG, KEY, Told
from contract.harness import EVENT_TIMEOUT_S, fast
from environment import NatsServer
from tenure.candidate import Candidate


async def _end_a_worker() -> None:
    """The usual callback of a loss. To await what it has cancelled itself raises CancelledError."""
    worker = asyncio.create_task(asyncio.sleep(3600))
    await asyncio.sleep(0)
    worker.cancel()
    await worker


async def _fail_later() -> None:
    await asyncio.sleep(0)
    raise RuntimeError("a defect of the application")


def _fail_at_once() -> None:
    raise RuntimeError("a defect of the application")


@pytest.mark.parametrize(
    ("fail", "said"),
    [
        (_fail_later, "a defect of the application"),
        (_fail_at_once, "a defect of the application"),
        (_end_a_worker, "A callback was cancelled"),
    ],
)
async def test_an_error_in_a_callback_is_logged_and_harms_nothing(
    server: NatsServer, caplog: pytest.LogCaptureFixture, fail: Callable[[], Awaitable[None] | None], said: str
) -> None:
    calls = []

    async with Candidate(
        "a",
        key=KEY,
        nats=fast(server.url),
        config=CONFIG,
        on_became_leader=fail,
        on_lost_leadership=lambda: calls.append("lost"),
    ) as a:
        await a.wait_until_leader()

    assert calls == ["lost"]
    assert said in caplog.text


async def test_one_that_stops_does_not_wait_longer_than_the_lease_for_a_callback_that_hangs(server: NatsServer) -> None:
    """What is cancelled then is the callback, and not only what it waits for."""
    ends: list[str] = []

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("cancelled")

    a = Candidate("a", key=KEY, nats=fast(server.url), config=CONFIG, on_lost_leadership=hang)
    await a.start()
    await a.wait_until_leader()

    await a.stop()

    assert ends == ["cancelled"]
    assert a._teller is not None
    assert a._teller.cancelled()


async def test_one_whose_stop_is_cancelled_renews_its_lease_no_more(server: NatsServer, told: Told) -> None:
    """Its callback hangs, and whoever stops it does not wait for as long as the lease would last."""
    hang, is_hanging = asyncio.Event(), asyncio.Event()

    async def clean_up() -> None:
        is_hanging.set()
        await hang.wait()

    a = Candidate("a", key=KEY, nats=fast(server.url), config=CONFIG, on_lost_leadership=clean_up)
    b = told.candidate(server, "b")
    await a.start()
    await a.wait_until_leader()
    await b.start()

    stopping = asyncio.create_task(a.stop())
    await is_hanging.wait()
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping

    async with asyncio.timeout(EVENT_TIMEOUT_S):
        assert await b.wait_until_leader() == 2
    await b.stop()


async def test_each_change_is_a_line_of_the_programs_own_log(
    server: NatsServer, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="tenure.candidate"):
        async with told.candidate(server, "a") as a:
            await a.wait_until_leader()

    assert [line for line in caplog.messages if "leader" in line] == ["Became leader", "Lost leadership"]
