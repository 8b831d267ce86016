"""Our own writes come back through the watch: that is no news, and a watch that lacks them has died without a word."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

from tenure.election.entry import Entry
from tenure.nats.bucket import BucketSettings
from tenure.nats.settings import NatsSettings
from tenure.nats.store import OutcomeUnknown
from tenure.runtime import leases
from tenure.runtime.leases import ECHO_TIMEOUT_S, Leases
from unit import virtual_time

_LOOK_S = 1.0
"""How often the watch is looked at."""


class Connection:
    """Is there from the beginning, and stays."""

    connection = 1

    def __init__(self, _settings: NatsSettings) -> None:
        pass

    def on_connected(self, callback: Callable[[int], None]) -> None:
        pass

    def on_disconnected(self, callback: Callable[[], None]) -> None:
        pass

    async def connect(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def session(self, _number: int | None = None) -> None:
        pass


class Store:
    """Grants each write at once, and gives it the next revision; `write` may be another one."""

    def __init__(self, _connection: Connection, facts: Any) -> None:
        self.bucket = facts
        self.revision = 40

    async def write(self, *_: object, **__: object) -> int:
        self.revision += 1
        return self.revision


class Watch:
    """Says that all is well, and shows what the test says."""

    def __init__(
        self,
        *_: object,
        on_entry: Callable[[str, Entry], None],
        on_snapshot_done: Callable[[], None],
        **__: object,
    ) -> None:
        self.show = on_entry
        self._end_snapshot = on_snapshot_done
        self.last_sequence = 0
        self.starts = 0

    async def start(self, _connection: int) -> None:
        self.starts += 1
        self._end_snapshot()

    async def stop(self) -> None:
        pass


@pytest.fixture(autouse=True)
def stubs(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ensure_bucket(*_: object) -> Any:
        return SimpleNamespace(name="leases", created_at_s=0.0, warnings=())

    monkeypatch.setattr(leases, "NatsConnection", Connection)
    monkeypatch.setattr(leases, "JetStreamLeaseStore", Store)
    monkeypatch.setattr(leases, "BucketWatch", Watch)
    monkeypatch.setattr(leases, "ensure_bucket", ensure_bucket)


def _play(scenario: Callable[[Leases, Any], Coroutine[Any, Any, None]]) -> None:
    async def play() -> None:
        kept = Leases(NatsSettings(urls=("nats://here",)), BucketSettings())
        await kept.start()
        await asyncio.sleep(0.5)  # No look is at the same moment as what the test does.
        await scenario(kept, kept._watch)
        await kept.close()

    virtual_time.run(play())


async def _write(kept: Leases) -> int:
    return await kept.write("shop.web", b"{}", expected_revision=0, connection=1, timeout_s=1.0)


def test_a_watch_through_which_no_write_comes_back_is_made_anew_once_in_its_time() -> None:
    async def scenario(kept: Leases, watch: Watch) -> None:
        await _write(kept)
        await asyncio.sleep(ECHO_TIMEOUT_S - _LOOK_S)
        assert watch.starts == 1
        await asyncio.sleep(_LOOK_S)
        assert watch.starts == 2
        await asyncio.sleep(10 * ECHO_TIMEOUT_S)
        assert watch.starts == 2, "what was written before the watch began is no echo that it owes"

    _play(scenario)


def test_a_watch_that_is_made_anew_is_dead_again_when_the_next_write_does_not_come_back_either() -> None:
    async def scenario(kept: Leases, watch: Watch) -> None:
        await _write(kept)
        await asyncio.sleep(ECHO_TIMEOUT_S)
        await _write(kept)
        await asyncio.sleep(ECHO_TIMEOUT_S - _LOOK_S)
        assert watch.starts == 2
        await asyncio.sleep(_LOOK_S)
        assert watch.starts == 3

    _play(scenario)


def test_a_watch_stays_while_echoes_come_however_late_within_their_time() -> None:
    async def scenario(kept: Leases, watch: Watch) -> None:
        for _ in range(20):
            revision = await _write(kept)
            await asyncio.sleep(ECHO_TIMEOUT_S - _LOOK_S)
            watch.last_sequence = revision
            await asyncio.sleep(_LOOK_S)
        assert watch.starts == 1

    _play(scenario)


def test_a_watch_stays_while_nothing_is_written() -> None:
    async def scenario(kept: Leases, watch: Watch) -> None:
        watch.last_sequence = await _write(kept)
        await asyncio.sleep(10 * ECHO_TIMEOUT_S)
        assert watch.starts == 1

    _play(scenario)


_OURS = b"{}"


def _told_by(kept: Leases) -> list[Entry]:
    """Return the list of the entries of which those that listen are told from now on."""
    told: list[Entry] = []
    kept.listen(on_entry=lambda _key, entry, _connection: told.append(entry), on_connection=lambda _: None)
    return told


def _while_it_is_written(monkeypatch: pytest.MonkeyPatch, happen: Callable[[], None], *, answered: bool) -> None:
    async def write(*_: object, **__: object) -> int:
        happen()
        if not answered:
            raise OutcomeUnknown("no answer")
        return 41

    monkeypatch.setattr(Store, "write", write)


def test_an_echo_is_told_to_nobody_after_the_answer() -> None:
    async def scenario(kept: Leases, watch: Watch) -> None:
        told = _told_by(kept)
        revision = await _write(kept)
        assert kept.entries["shop.web"] == Entry(revision, _OURS, None), "known without the watch"
        watch.show("shop.web", Entry(revision, _OURS, 1.0))
        assert told == []
        assert kept.entries["shop.web"] == Entry(revision, _OURS, 1.0)

    _play(scenario)


def test_an_echo_is_told_to_nobody_before_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(kept: Leases, watch: Watch) -> None:
        told = _told_by(kept)
        echo = Entry(41, _OURS, 1.0)
        _while_it_is_written(monkeypatch, lambda: watch.show("shop.web", echo), answered=True)
        await _write(kept)
        assert told == []
        assert kept.entries["shop.web"] == echo

    _play(scenario)


def test_an_echo_is_told_when_no_answer_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(kept: Leases, watch: Watch) -> None:
        told = _told_by(kept)
        echo = Entry(41, _OURS, 1.0)
        _while_it_is_written(monkeypatch, lambda: watch.show("shop.web", echo), answered=False)
        with pytest.raises(OutcomeUnknown):
            await _write(kept)
        assert told == [echo]

    _play(scenario)


def test_an_echo_is_told_that_comes_after_no_answer_has(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(kept: Leases, watch: Watch) -> None:
        told = _told_by(kept)
        _while_it_is_written(monkeypatch, lambda: None, answered=False)
        with pytest.raises(OutcomeUnknown):
            await _write(kept)
        assert told == []
        watch.show("shop.web", Entry(41, _OURS, 1.0))
        assert told == [Entry(41, _OURS, 1.0)]

    _play(scenario)


def test_what_others_write_meanwhile_is_told_and_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(kept: Leases, watch: Watch) -> None:
        told = _told_by(kept)
        theirs = Entry(42, b'{"leaderId": "web-1"}', 2.0)
        _while_it_is_written(monkeypatch, lambda: watch.show("shop.web", theirs), answered=True)
        await _write(kept)
        assert told == [theirs]
        assert kept.entries["shop.web"] == theirs, "the answer was the older one"

    _play(scenario)


def test_what_stands_under_the_revision_of_an_answer_is_told_if_it_is_not_what_was_written() -> None:
    """Servers that lose what they have acknowledged give its revision out again."""

    async def scenario(kept: Leases, watch: Watch) -> None:
        told = _told_by(kept)
        theirs = Entry(await _write(kept), b'{"leaderId": "web-1"}', 2.0)
        watch.show("shop.web", theirs)
        assert told == [theirs]
        assert kept.entries["shop.web"] == theirs

    _play(scenario)


def test_an_answer_that_outlives_its_watch_is_not_what_the_next_one_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(kept: Leases, watch: Watch) -> None:
        _while_it_is_written(monkeypatch, kept._lose_connection, answered=True)
        await _write(kept)
        assert kept.entries == {}

    _play(scenario)
