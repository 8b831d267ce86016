"""A program that campaigns for itself, on a real nats-server: alone, among others, and beside nodes in Go."""

from __future__ import annotations

import asyncio
import logging
import math
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nats
import pytest

from contract.harness import EVENT_TIMEOUT_S, eventually, fast
from environment import NatsServer
from environment.nats_accounts import CANDIDATE_PUBLISH, SUBSCRIBE
from model.go_node import BUCKET as GO_BUCKET
from model.go_node import KEY as GO_KEY
from model.go_node import GoNode
from tenure.candidate import Candidate, ElectionConfig, NotLeader
from tenure.election.candidacy import Candidacy
from tenure.election.effects import Effect
from tenure.election.entry import ABSENT, Entry
from tenure.election.notices import Leadership
from tenure.election.record import LeaseRecord, parse
from tenure.nats.bucket import BucketRefused
from tenure.nats.session import Session
from tenure.nats.settings import NatsSettings
from tenure.nats.store import OutcomeUnknown, Unavailable
from tenure.runtime.leases import Leases

_CONFIG = ElectionConfig(lease_timeout_s=3, heartbeat_interval_s=1, election_timeout_s=0.5)
_SLOW = ElectionConfig(lease_timeout_s=60, heartbeat_interval_s=1, election_timeout_s=60.0)
_KEY = "shop.web"


class _Told:
    """What the callbacks of some candidates were told, in order."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def candidate(self, server: NatsServer, identity: str, **facts: object) -> Candidate:
        arguments: dict[str, object] = {"key": _KEY, "config": _CONFIG, **facts}
        return Candidate(
            identity,
            nats=fast(server.url),
            on_became_leader=lambda: self.all.append(f"{identity} became leader"),
            on_lost_leadership=lambda: self.all.append(f"{identity} lost leadership"),
            on_new_leader=lambda holder: self.all.append(f"{identity}: {holder} leads"),
            **arguments,  # type: ignore[arg-type]
        )


@pytest.fixture
def told() -> _Told:
    return _Told()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    with NatsServer(tmp_path) as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def start_at_nobody() -> Iterator[Future[None]]:
    """The start of a candidate whose server is not there. It takes ten seconds, while the other tests run."""

    async def start() -> None:
        await Candidate("a", key=_KEY, nats=NatsSettings(urls=("nats://127.0.0.1:1",))).start()

    with ThreadPoolExecutor(1) as beside:
        yield beside.submit(asyncio.run, start())


async def _written(server: NatsServer, bucket: str = "leader-elections", key: str = _KEY) -> tuple[int, LeaseRecord]:
    """The revision of the record that stands there, and the record."""
    client = await nats.connect(server.url)
    message = await client.jetstream().get_last_msg(f"KV_{bucket}", f"$KV.{bucket}.{key}")
    await client.close()
    record = parse(message.data or b"")
    assert isinstance(record, LeaseRecord)
    assert message.seq is not None
    return message.seq, record


def _seen(candidate: Candidate, key: str = _KEY) -> Entry:
    """What the candidate's watch has shown last."""
    return candidate._leases.entries.get(key, ABSENT)


async def test_one_alone_leads_until_it_stops_and_leaves_its_term_behind(server: NatsServer, told: _Told) -> None:
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
    _, record = await _written(server)
    assert (record.holder, record.term) == ("", 1)


async def test_the_next_one_begins_after_the_last_one_has_ended(server: NatsServer, told: _Told) -> None:
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
    revision, _ = await _written(server)
    await eventually(lambda: _seen(b).revision > revision)
    _, record = await _written(server)
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
        key=_KEY,
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


async def test_one_that_is_killed_is_replaced_when_its_lease_has_run_out(server: NatsServer, told: _Told) -> None:
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
    assert written_s["b"] - written_s["a"] > _CONFIG.lease_timeout_s - 0.01, (
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
        key=_KEY,
        nats=fast(server.url),
        config=_CONFIG,
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

    a = Candidate("a", key=_KEY, nats=fast(server.url), config=_CONFIG, on_lost_leadership=hang)
    await a.start()
    await a.wait_until_leader()

    await a.stop()

    assert ends == ["cancelled"]
    assert a._teller is not None
    assert a._teller.cancelled()


async def test_one_whose_stop_is_cancelled_renews_its_lease_no_more(server: NatsServer, told: _Told) -> None:
    """Its callback hangs, and whoever stops it does not wait for as long as the lease would last."""
    hang, is_hanging = asyncio.Event(), asyncio.Event()

    async def clean_up() -> None:
        is_hanging.set()
        await hang.wait()

    a = Candidate("a", key=_KEY, nats=fast(server.url), config=_CONFIG, on_lost_leadership=clean_up)
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


async def test_one_that_is_stopped_while_it_starts_leaves_no_connection_behind(server: NatsServer) -> None:
    a = Candidate("a", key=_KEY, nats=fast(server.url), config=_CONFIG)
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
    a = Candidate("a", key=_KEY, nats=fast("nats://127.0.0.1:1"), config=_CONFIG)

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


async def test_each_change_is_a_line_of_the_programs_own_log(
    server: NatsServer, told: _Told, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="tenure.candidate"):
        async with told.candidate(server, "a") as a:
            await a.wait_until_leader()

    assert [line for line in caplog.messages if "leader" in line] == ["Became leader", "Lost leadership"]


async def test_changes_can_be_followed(server: NatsServer, told: _Told) -> None:
    """They are shown by the watch: nothing else is looked at for a minute."""
    seen: list[tuple[str, int, bool]] = []

    async def follow(candidate: Candidate) -> None:
        async for now in candidate.changes():
            seen.append((now.holder, now.term, now.led_term is not None))  # noqa: PERF401 - it is looked at meanwhile

    b = told.candidate(server, "b", config=_SLOW)
    async with told.candidate(server, "a", config=_SLOW) as a:
        await a.wait_until_leader()
        await b.start()
        following = asyncio.create_task(follow(b))
        await eventually(lambda: ("a", 1, False) in seen)
    await eventually(lambda: seen[-1] == ("b", 2, True))
    following.cancel()
    await b.stop()


async def test_a_watch_that_cannot_be_begun_is_tried_again(
    server: NatsServer, told: _Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Session.api
    lost: list[str] = []

    async def lose_the_first(self: Session, operation: str, *arguments: Any, **options: Any) -> dict[str, Any]:
        if "CONSUMER.CREATE" in operation and not lost:
            lost.append(operation)
            raise OutcomeUnknown("The request is lost.")
        return await api(self, operation, *arguments, **options)

    async with told.candidate(server, "a", config=_SLOW) as a:
        await a.wait_until_leader()
        monkeypatch.setattr(Session, "api", lose_the_first)
        b = told.candidate(server, "b", config=_SLOW)
        await b.start()
        await eventually(lambda: lost and b.leader == "a")
    await eventually(lambda: b.is_leader)
    await b.stop()


async def test_a_watch_that_breaks_is_begun_again(server: NatsServer, told: _Told) -> None:
    client = await nats.connect(server.url)
    jetstream, stream = client.jetstream(), "KV_leader-elections"
    async with told.candidate(server, "a") as a:
        await a.wait_until_leader()
        (broken,) = [consumer.name for consumer in await jetstream.consumers_info(stream)]
        await jetstream.delete_consumer(stream, broken)
        async with asyncio.timeout(10):
            while not await jetstream.consumers_info(stream):
                await asyncio.sleep(0.1)
        assert a.term == 1
    await client.close()


async def test_those_who_wait_are_told_when_a_candidate_takes_part_no_more(server: NatsServer, told: _Told) -> None:
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
    server: NatsServer, told: _Told, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
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
    server: NatsServer, told: _Told, caplog: pytest.LogCaptureFixture
) -> None:
    async with told.candidate(server, "a") as one:
        await one.wait_until_leader()
        with caplog.at_level(logging.ERROR):
            async with told.candidate(server, "a") as two:
                await eventually(lambda: "Another process uses the identity a as well" in caplog.text)
                assert (one.is_leader, two.is_leader) == (True, False)
        assert one.is_leader


async def test_a_key_that_holds_somebody_elses_data_is_said_and_taken_after_a_lease(
    server: NatsServer, told: _Told, caplog: pytest.LogCaptureFixture
) -> None:
    client = await nats.connect(server.url)
    bucket = await client.jetstream().create_key_value(bucket="shared")
    await bucket.put(_KEY, b"somebody else's data")
    await client.close()

    async with told.candidate(server, "a", bucket="shared") as a:
        await eventually(lambda: "What stands under the key is no lease record: it is not JSON" in caplog.text)
        assert not a.is_leader
        await a.wait_until_leader()

    _, record = await _written(server, "shared")
    assert record.term == 1
    assert len([line for line in caplog.messages if "no lease record" in line]) == 1


@pytest.mark.parametrize(
    ("identity", "key", "config", "sentence"),
    [
        ("", _KEY, _CONFIG, "An identity has 1 to 512 printable characters"),
        ("a\nb", _KEY, _CONFIG, "An identity has 1 to 512 printable characters"),
        ("a", "shop web", _CONFIG, "cannot be a key"),
        ("a", _KEY, ElectionConfig(lease_timeout_s=8, heartbeat_interval_s=3), "at least 3 times renewIntervalSeconds"),
        ("a", _KEY, ElectionConfig(election_timeout_s=-1), "election_timeout_s must be above 0"),
    ],
)
def test_what_cannot_be_is_said_at_once(identity: str, key: str, config: ElectionConfig, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Candidate(identity, key=key, nats=NatsSettings(urls=("nats://nats:4222",)), config=config)


def test_what_is_left_out_has_the_default_of_the_go_library() -> None:
    config = ElectionConfig()

    assert (config.timing.duration_s, config.timing.renew_interval_s, config.poll_interval_s) == (15, 3, 2.0)
    assert ElectionConfig(lease_timeout_s=30).timing.renew_interval_s == 6


async def test_a_bucket_that_forgets_faster_than_two_leases_is_refused(server: NatsServer, told: _Told) -> None:
    client = await nats.connect(server.url)
    await client.jetstream().create_key_value(bucket="short", ttl=5)
    await client.close()

    with pytest.raises(BucketRefused, match=r"It forgets records after 5 s \(max_age\)"):
        await told.candidate(server, "a", bucket="short").start()


async def test_a_bucket_that_forgets_slower_is_used_with_a_warning(
    server: NatsServer, told: _Told, caplog: pytest.LogCaptureFixture
) -> None:
    """It is how the Go library makes it; a term that is forgotten is given out again."""
    client = await nats.connect(server.url)
    await client.jetstream().create_key_value(bucket="week", ttl=604800)
    await client.close()

    with caplog.at_level(logging.WARNING):
        async with told.candidate(server, "a", bucket="week") as a:
            await a.wait_until_leader()

    assert "The bucket forgets records after 604800 s (max_age), and their terms with them." in caplog.messages


async def test_a_candidate_needs_no_permission_but_for_its_own_key(tmp_path: Path) -> None:
    """The list is what the documentation tells administrators to grant, for a bucket that is there."""
    web = {"user": "web", "password": "web"}
    web_may = {"publish": list(CANDIDATE_PUBLISH), "subscribe": list(SUBSCRIBE)}
    users = [{"user": "admin", "password": "admin"}, {**web, "permissions": web_may}]
    with NatsServer(tmp_path, config={"authorization": {"users": users}}) as server:
        client = await nats.connect(server.url, user="admin", password="admin")
        bucket = await client.jetstream().create_key_value(bucket="leases")
        nats_as_web = fast(server.url.replace("//", "//web:web@"))
        async with Candidate("a", key=_KEY, bucket="leases", nats=nats_as_web, config=_CONFIG) as a:
            await a.wait_until_leader()
            async with Candidate("b", key=_KEY, bucket="leases", nats=nats_as_web, config=_CONFIG) as b:
                await eventually(lambda: b.leader == "a")
            assert a.ensure_leader() == 1

            with pytest.raises(OutcomeUnknown):  # The server drops it, and says so beside.
                await a._leases.write("shop.other", b"{}", expected_revision=0, connection=1, timeout_s=0.5)
        assert await bucket.keys() == [_KEY]
        await client.close()


def test_the_library_loads_neither_kopf_nor_the_kubernetes_client() -> None:
    program = "import sys, tenure.candidate; print(sorted({'kopf', 'kubernetes', 'click'} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"


# ------------------------------------------------------------------------------------------ beside the Go library


def _beside_go(told: _Told, server: NatsServer, identity: str) -> Candidate:
    return told.candidate(server, identity, bucket=GO_BUCKET, key=GO_KEY)


async def test_a_go_node_takes_over_from_a_candidate_that_stops_and_gives_back_by_resigning(
    server: NatsServer, told: _Told
) -> None:
    node = GoNode("go", server.url)
    await node.start()
    await eventually(lambda: node.is_leader)
    a = _beside_go(told, server, "a")
    await a.start()
    await eventually(lambda: a.leader == "go")

    await node.stop()
    await eventually(lambda: a.is_leader)
    assert a.term == 2, "its resignation forgets the term, and the candidate remembers it"

    successor = GoNode("go-2", server.url)
    await successor.start()
    await eventually(lambda: successor.leader == "a")
    await a.stop()
    await eventually(lambda: successor.is_leader)
    assert successor.term == 3
    await successor.stop()
    assert successor.told == ["new leader a", "became leader", "lost leadership"]


async def test_a_go_node_joins_in_a_bucket_that_a_candidate_has_made(server: NatsServer, told: _Told) -> None:
    node = GoNode("go", server.url)
    async with _beside_go(told, server, "a") as a:
        await a.wait_until_leader()
        await node.start()
        await eventually(lambda: (node.leader, node.term) == ("a", 1))
    await eventually(lambda: node.is_leader)

    assert node.term == 2
    await node.kill()


async def test_a_go_node_and_a_candidate_replace_each_other_when_killed(server: NatsServer, told: _Told) -> None:
    node, a = GoNode("go", server.url), _beside_go(told, server, "a")
    await node.start()
    await eventually(lambda: node.is_leader)
    await a.start()
    await eventually(lambda: a.leader == "go")

    await node.kill()
    await eventually(lambda: a.is_leader)
    assert a.term == 2

    successor = GoNode("go-2", server.url)
    await successor.start()
    await eventually(lambda: successor.leader == "a")
    await a._campaign.close()
    await eventually(lambda: successor.is_leader)
    assert successor.term == 3
    await successor.kill()
    await a._leases.close()


async def test_a_candidate_in_a_bucket_that_forgets_keeps_its_lease_and_its_term(
    server: NatsServer, told: _Told
) -> None:
    """The bucket as the Go library makes it: it forgets a record that nobody renews for two leases."""
    node = GoNode("go", server.url)
    await node.start()
    await eventually(lambda: node.is_leader)
    await node.stop()

    async with _beside_go(told, server, "a") as a:
        await a.wait_until_leader()
        revision, first = await _written(server, GO_BUCKET, GO_KEY)
        renewals = math.ceil(2 * node.lease_timeout_s / _CONFIG.heartbeat_interval_s) + 2
        await eventually(lambda: _seen(a, GO_KEY).revision >= revision + renewals, timeout_s=20)
        _, last = await _written(server, GO_BUCKET, GO_KEY)

    assert (first.holder, last.holder) == ("a", "a")
    assert first.term == last.term
    assert first.nonce != last.nonce
    assert told.all == ["a became leader", "a lost leadership"]


# --------------------------------------------------------------------------------------- what has taken its time by now


def test_a_server_that_is_not_there_is_said(start_at_nobody: Future[None]) -> None:
    with pytest.raises(Unavailable, match=r"nats://127.0.0.1:1 cannot be reached"):
        start_at_nobody.result(timeout=20)
