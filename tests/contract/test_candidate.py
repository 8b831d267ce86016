"""A program that campaigns for itself, on a real nats-server: how it starts, leads, stops and hands over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from contract.candidates import CONFIG, KEY, Told, last_seen, last_written
from contract.harness import eventually, fast
from environment import NatsServer
from tenure.candidate import Candidate, ElectionConfig, NotLeader
from tenure.election.candidacy import Candidacy
from tenure.election.effects import Effect
from tenure.election.entry import Entry
from tenure.election.notices import Leadership
from tenure.election.record import LeaseRecord, parse
from tenure.nats.settings import NatsSettings
from tenure.nats.store import Unavailable
from tenure.runtime.leases import Leases


@pytest.fixture(scope="module", autouse=True)
def start_at_nobody() -> Iterator[Future[None]]:
    """The start of a candidate whose server is not there. It takes ten seconds, while the other tests run."""

    async def start() -> None:
        await Candidate("a", key=KEY, nats=NatsSettings(urls=("nats://127.0.0.1:1",))).start()

    with ThreadPoolExecutor(1) as beside:
        yield beside.submit(asyncio.run, start())


async def test_one_alone_leads_until_it_stops_and_leaves_its_term_behind(server: NatsServer, told: Told) -> None:
    async with told.candidate(server, "a") as a:
        async with asyncio.timeout(5):
            assert await a.wait_until_leader() == 1
        assert (a.is_leader, a.leader, a.term) == (True, "a", 1)
        assert 1.0 < a.remaining_s() <= 2.0
        assert a.ensure_leader(for_s=0.5) == 1
        with pytest.raises(NotLeader, match=r"a does not lead, or for .* s only, not for 5 s"):
            a.ensure_leader(for_s=5.0)

    assert (a.is_leader, a.leader, a.term, a.remaining_s()) == (False, "", 0, 0.0)
    assert told.all == ["a became leader", "a lost leadership"]
    _, record = await last_written(server)
    assert (record.holder, record.term) == ("", 1)


async def test_the_next_one_begins_after_the_last_one_has_ended(server: NatsServer, told: Told) -> None:
    """The callback of the loss may take its time: the lease is renewed meanwhile. Then the next one leads at once."""
    config = ElectionConfig(lease_timeout_s=12, heartbeat_interval_s=1)
    a, b = told.candidate(server, "a", config=config), told.candidate(server, "b", config=config)
    leave = asyncio.Event()

    async def clean_up() -> None:
        await leave.wait()
        told.all.append("a has cleaned up")

    a._callbacks = {kind: clean_up if "Lost" in kind.__name__ else one for kind, one in a._callbacks.items()}
    await a.start()
    await a.wait_until_leader()
    await b.start()
    await eventually(lambda: b.leader == "a")

    stopping = asyncio.create_task(a.stop())
    await eventually(lambda: not a.is_leader)
    revision, _ = await last_written(server)
    await eventually(lambda: last_seen(b).revision > revision)
    _, record = await last_written(server)
    assert record.holder == "a"
    assert not b.is_leader
    leave.set()
    await stopping
    async with asyncio.timeout(6.0):  # half of the lease
        assert await b.wait_until_leader() == 2
    await b.stop()

    # Whether the one that ends hears of the next one is a matter of moments.
    assert [said for said in told.all if said != "a: b leads"] == [
        "a became leader",
        "b: a leads",
        "a has cleaned up",
        "b became leader",
        "b lost leadership",
    ]


async def test_a_loss_is_told_at_the_deadline_though_nats_hangs(server: NatsServer) -> None:
    """Before anybody else can lead: of the lease, there are four seconds left then."""
    told: list[str] = []
    a = Candidate(
        "a",
        key=KEY,
        nats=fast(server.url),
        config=ElectionConfig(lease_timeout_s=6, renew_deadline_s=2, heartbeat_interval_s=1),
        on_became_leader=lambda: told.append("became leader"),
        on_lost_leadership=lambda: told.append("lost leadership" if a.respected_s() > 0 else "lost leadership late"),
    )
    async with a:
        await a.wait_until_leader()

        server.process.pause()
        try:
            await eventually(lambda: not a.is_leader)
            await eventually(lambda: told == ["became leader", "lost leadership"])
            assert a.remaining_s() == 0.0
            await eventually(lambda: (a.leader, a.term) == ("", 0))
        finally:
            server.process.resume()

        await eventually(lambda: a.is_leader)
    assert told == ["became leader", "lost leadership"] * 2


async def test_one_that_is_killed_is_replaced_when_its_lease_has_run_out(server: NatsServer, told: Told) -> None:
    a, b = told.candidate(server, "a"), told.candidate(server, "b")
    written_s: dict[str, float] = {}
    witness = Leases(fast(server.url), a._leases._bucket)
    witness.listen(on_entry=lambda _, entry, __: _note(written_s, entry), on_connection=lambda _: None)
    await witness.start()
    await a.start()
    await a.wait_until_leader()
    await b.start()
    await eventually(lambda: "a" in written_s)

    await a._campaign.close()  # It writes nothing any more, and says nothing.

    await eventually(lambda: b.is_leader)
    assert b.term == 2
    await eventually(lambda: "b" in written_s)
    assert written_s["b"] - written_s["a"] > CONFIG.lease_timeout_s - 0.01, (
        "by the server's clock, which is set now and then"
    )
    await b.stop()
    await a._leases.close()
    await witness.close()


def _note(written_s: dict[str, float], entry: Entry) -> None:
    """Note when the server last took a record of each holder."""
    record = parse(entry.value or b"")
    if isinstance(record, LeaseRecord) and entry.written_at_s is not None:
        written_s[record.holder] = entry.written_at_s


async def test_one_that_is_stopped_while_it_starts_leaves_no_connection_behind(server: NatsServer) -> None:
    a = Candidate("a", key=KEY, nats=fast(server.url), config=CONFIG)
    starting = asyncio.create_task(a.start())
    await asyncio.sleep(0)

    await a.stop()

    with pytest.raises(NotLeader, match="no part"):
        await starting
    assert a._leases.connection == 0
    with pytest.raises(NotLeader, match="no part"):
        await a.start()
    assert a._leases.connection == 0


async def test_one_that_is_stopped_while_nats_is_away_is_not_told_to_start_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever tries again as long as NATS is unavailable would do so for ever."""
    a = Candidate("a", key=KEY, nats=fast("nats://127.0.0.1:1"), config=CONFIG)

    async def find_no_server() -> None:
        await asyncio.sleep(0)
        raise Unavailable("There is no server.")

    monkeypatch.setattr(a._leases, "start", find_no_server)
    with pytest.raises(Unavailable):
        await a.start()
    starting = asyncio.create_task(a.start())

    await a.stop()

    with pytest.raises(NotLeader, match="no part"):
        await starting


async def test_those_who_wait_are_told_when_a_candidate_takes_part_no_more(server: NatsServer, told: Told) -> None:
    async with told.candidate(server, "a") as a:
        await a.wait_until_leader()
        async with told.candidate(server, "b") as b:
            await eventually(lambda: b.leader == "a")
            waiting = asyncio.create_task(b.wait_until_leader())
            seen = [change.holder async for change in _until_stopped(b)]

            with pytest.raises(NotLeader, match="b takes no part in the election any more"):
                await waiting
    assert seen == ["a"]


async def _until_stopped(candidate: Candidate) -> AsyncIterator[Leadership]:
    async for change in candidate.changes():
        yield change
        await candidate.stop()


async def test_a_defect_ends_the_campaign_and_is_told(
    server: NatsServer, told: Told, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> list[Effect]:
        raise RuntimeError("a defect")

    async with told.candidate(server, "a") as a:
        await a.wait_until_leader()
        monkeypatch.setattr(Candidacy, "step", fail)
        await a.wait_until_lost()
        with pytest.raises(NotLeader, match="takes no part"):
            await a.wait_until_leader()
    assert "a defect" in caplog.text
    assert told.all == ["a became leader", "a lost leadership"]


async def test_two_processes_with_one_identity_do_not_both_lead_and_are_reported(
    server: NatsServer, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    async with told.candidate(server, "a") as one:
        await one.wait_until_leader()
        with caplog.at_level(logging.ERROR):
            async with told.candidate(server, "a") as two:
                await eventually(lambda: "Another process uses the identity a as well" in caplog.text)
                assert (one.is_leader, two.is_leader) == (True, False)
        assert one.is_leader


# --------------------------------------------------------------------------------------- what has taken its time by now


def test_a_server_that_is_not_there_is_said(start_at_nobody: Future[None]) -> None:
    with pytest.raises(Unavailable, match=r"nats://127.0.0.1:1 cannot be reached"):
        start_at_nobody.result(timeout=20)
