"""The connection to NATS: refused, lost, silent, back. Needs a nats-server; there is no model of this."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest

from contract.harness import EVENT_TIMEOUT_S, RealHarness, assert_calm, connected, eventually, fast
from environment.serving import served_by
from tenure.nats.connection import NatsConnection, NatsSettings, NatsUnavailable
from tenure.nats.jetstream import JetStreamLeaseStore
from tenure.nats.store import OutcomeUnknown, Unavailable, WrongRevision

KEY = "shop.web"


@pytest.fixture
async def silent_server() -> AsyncIterator[str]:
    """The URL of a server that accepts connections and never says a word."""

    async def serve(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with served_by(serve) as address:
        yield f"nats://{address}"


async def test_an_unreachable_server_is_named_without_its_secrets(caplog: pytest.LogCaptureFixture) -> None:
    connection = NatsConnection(fast("nats://anna:secret@127.0.0.1:1", "secret@127.0.0.1:2"))
    with pytest.raises(NatsUnavailable) as failure:
        async with asyncio.timeout(10):
            await connection.connect(timeout_s=0.5)
    assert str(failure.value) == (
        "NATS is not reachable within 0.5 s: "
        "nats://127.0.0.1:1 cannot be reached ([Errno 111] Connect call failed ('127.0.0.1', 1)); "
        "nats://127.0.0.1:2 cannot be reached ([Errno 111] Connect call failed ('127.0.0.1', 2))."
    )
    assert connection.connection == 0
    assert_calm(caplog)


async def test_a_server_that_says_nothing_is_given_up(silent_server: str, caplog: pytest.LogCaptureFixture) -> None:
    connection = NatsConnection(NatsSettings(urls=(silent_server,), connect_timeout_s=0.3))
    with pytest.raises(NatsUnavailable, match="no answer in time"):
        await connection.connect(timeout_s=1.0)
    assert_calm(caplog)


async def test_a_server_that_says_nothing_does_not_keep_us_from_the_next(real: RealHarness, silent_server: str) -> None:
    connection = NatsConnection(fast(silent_server, real.server.url))
    await connection.connect(timeout_s=5)
    assert connection.connection == 1
    await connection.close()


async def test_a_server_that_sends_us_away_at_once_is_not_run_down() -> None:
    """It is left alone for longer each time, as one is that does not let us in."""
    let_in_at_s: list[float] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        let_in_at_s.append(asyncio.get_running_loop().time())
        writer.write(b'INFO {"max_payload": 1000}\r\nPONG\r\n')
        async for line in reader:
            if line.startswith(b"SUB"):
                break
        writer.write(b"-ERR 'User Authentication Expired'\r\n")
        await reader.read()

    async with served_by(serve) as address:
        settings = NatsSettings((f"nats://{address}",), reconnect_wait_min_s=0.05, reconnect_wait_max_s=0.4)
        async with connected(settings):
            await eventually(lambda: len(let_in_at_s) >= 5)
    waits_s = [after - before for before, after in itertools.pairwise(let_in_at_s)]
    assert all(wait_s >= least_s for wait_s, least_s in zip(waits_s, (0.025, 0.05, 0.1, 0.2), strict=False))


async def test_what_is_under_way_when_the_server_dies_fails_at_once(real: RealHarness) -> None:
    real.server.pause()
    write = asyncio.ensure_future(
        real.store.write(KEY, b"one", expected_revision=0, connection=1, timeout_s=60),
    )
    read = asyncio.ensure_future(real.store.read(KEY, timeout_s=60))
    await asyncio.sleep(0.05)
    real.server.kill()
    async with asyncio.timeout(3):
        with pytest.raises(OutcomeUnknown, match="connection was lost"):
            await write
        with pytest.raises(Unavailable):
            await read
    await asyncio.to_thread(real.server.start)


async def test_nothing_is_sent_later_that_failed_while_there_was_no_connection(real: RealHarness) -> None:
    real.server.kill()
    await eventually(lambda: real.connection.connection == 0)
    for number in (0, 1, 2):
        with pytest.raises(Unavailable):
            await real.store.write(KEY, b"ghost", expected_revision=0, connection=number, timeout_s=1)
    await asyncio.to_thread(real.server.start)
    await eventually(lambda: real.connection.connection == 2)
    await real.store.write(KEY, b"one", expected_revision=0, connection=2, timeout_s=5)


async def test_a_late_write_and_the_next_one_never_both_succeed(real: RealHarness) -> None:
    """A server that was halted finds a write on the old connection and another on the new one: it takes one of them."""
    real.server.pause()
    with pytest.raises(OutcomeUnknown):
        await real.store.write(KEY, b"late", expected_revision=0, connection=1, timeout_s=0.2)
    await eventually(lambda: real.connection.connection == 0)
    real.server.resume()
    await eventually(lambda: real.connection.connection == 2)
    try:
        await real.store.write(KEY, b"next", expected_revision=0, connection=2, timeout_s=5)
    except WrongRevision:
        expected = b"late"
    else:
        expected = b"next"
    await asyncio.sleep(0.2)
    assert (await real.store.read(KEY, timeout_s=5)).value == expected


async def test_a_silent_server_is_noticed_and_left_even_with_much_that_is_not_sent(real: RealHarness) -> None:
    """More is written than the sockets' buffers hold, so that a close that waits for them would wait for ever."""
    real.server.pause()
    writes = asyncio.gather(
        *(
            real.store.write(f"shop.web-{n}", b"v" * 500_000, expected_revision=0, connection=1, timeout_s=30)
            for n in range(40)
        ),
        return_exceptions=True,
    )
    async with asyncio.timeout(15):  # well before the writes' own deadline
        results = await writes
    assert {type(result) for result in results} == {OutcomeUnknown}
    real.server.resume()
    await eventually(lambda: real.connection.connection == 2)


async def test_with_the_default_settings_silence_is_noticed_within_10_s(real: RealHarness) -> None:
    connection = NatsConnection(NatsSettings(urls=(real.server.url,)))
    await connection.connect()
    lost = asyncio.Event()
    connection.on_disconnected(lost.set)
    real.server.pause()
    async with asyncio.timeout(10):
        await lost.wait()
    assert connection.connection == 0
    real.server.resume()
    await eventually(lambda: connection.connection == 2)
    await connection.close()


@pytest.mark.parametrize("halted", [False, True])
async def test_closing_ends_even_when_the_server_is_halted_and_leaves_nothing_behind(
    real: RealHarness, caplog: pytest.LogCaptureFixture, halted: bool
) -> None:
    before = asyncio.all_tasks()
    connection = NatsConnection(NatsSettings(urls=(real.server.url,)))
    lost: list[str] = []
    connection.on_disconnected(lambda: lost.append("lost"))
    await connection.connect()
    if halted:
        real.server.pause()
    request = asyncio.ensure_future(connection.session().request("nobody", b"", timeout_s=60))
    await asyncio.sleep(0)
    async with asyncio.timeout(10):  # it takes a second; a busy machine may add some
        await connection.close()
    assert connection.connection == 0
    assert lost == ["lost"]
    with pytest.raises(OutcomeUnknown if halted else Unavailable):
        await request
    await eventually(lambda: asyncio.all_tasks() <= before)
    assert_calm(caplog)
    await connection.close()


async def test_what_was_written_right_before_closing_reaches_the_server(
    real: RealHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever ends does not wait for the answer, but gives its lease up all the same."""
    monkeypatch.setattr("tenure.nats.connection.CLOSE_TIMEOUT_S", 30.0)  # a busy machine takes its time
    connection = NatsConnection(fast(real.server.url))
    await connection.connect()
    store = JetStreamLeaseStore(connection, real.store.bucket)
    value = bytes(1_000_000)
    keys = [f"{KEY}-{number}" for number in range(16)]  # more than sockets hold: what they hold is sent in any case
    writes = [
        asyncio.ensure_future(store.write(key, value, expected_revision=0, connection=1, timeout_s=30)) for key in keys
    ]
    await asyncio.sleep(0)

    await connection.close()

    await asyncio.wait(writes)
    async with asyncio.timeout(EVENT_TIMEOUT_S):  # the stream takes the last one a moment after the server
        for key in keys:
            while (await real.store.read(key, timeout_s=10)).value != value:
                pass


async def test_an_error_in_a_callback_hurts_nobody_else(real: RealHarness, caplog: pytest.LogCaptureFixture) -> None:
    told: list[int] = []

    def fail(_: int) -> None:
        raise RuntimeError("the callback's own fault")

    real.connection.on_connected(fail)
    real.connection.on_connected(told.append)
    await real.restart()
    assert told == [2]
    assert [record.message for record in caplog.records if record.exc_info] == [
        "A callback of the NATS connection failed"
    ]
