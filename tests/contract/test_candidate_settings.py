"""What a candidate is given and what it needs: settings, a key, a bucket, permissions."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import nats
import pytest

from contract.candidates import CONFIG, KEY, Told, last_written
from contract.harness import eventually, fast
from environment import NatsServer
from environment.nats_accounts import CANDIDATE_PUBLISH, SUBSCRIBE
from tenure.candidate import Candidate, ElectionConfig
from tenure.nats.bucket import BucketRefused
from tenure.nats.settings import NatsSettings
from tenure.nats.store import OutcomeUnknown


@pytest.mark.parametrize(
    ("identity", "key", "config", "sentence"),
    [
        ("", KEY, CONFIG, "An identity has 1 to 512 printable characters"),
        ("a\nb", KEY, CONFIG, "An identity has 1 to 512 printable characters"),
        ("a", "shop web", CONFIG, "cannot be a key"),
        ("a", KEY, ElectionConfig(lease_timeout_s=8, heartbeat_interval_s=3), "at least 3 times renewIntervalSeconds"),
        ("a", KEY, ElectionConfig(election_timeout_s=-1), "election_timeout_s must be above 0"),
    ],
)
def test_what_cannot_be_is_said_at_once(identity: str, key: str, config: ElectionConfig, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Candidate(identity, key=key, nats=NatsSettings(urls=("nats://nats:4222",)), config=config)


def test_what_is_left_out_has_the_default_of_the_go_library() -> None:
    config = ElectionConfig()

    assert (config.timing.duration_s, config.timing.renew_interval_s, config.poll_interval_s) == (15, 3, 2.0)
    assert ElectionConfig(lease_timeout_s=30).timing.renew_interval_s == 6


async def test_a_key_that_holds_somebody_elses_data_is_said_and_taken_after_a_lease(
    server: NatsServer, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    client = await nats.connect(server.url)
    bucket = await client.jetstream().create_key_value(bucket="shared")
    await bucket.put(KEY, b"somebody else's data")
    await client.close()

    async with told.candidate(server, "a", bucket="shared") as a:
        await eventually(lambda: "What stands under the key is no lease record: it is not JSON" in caplog.text)
        assert not a.is_leader
        await a.wait_until_leader()

    _, record = await last_written(server, "shared")
    assert record.term == 1
    assert len([line for line in caplog.messages if "no lease record" in line]) == 1


async def test_a_bucket_that_forgets_faster_than_two_leases_is_refused(server: NatsServer, told: Told) -> None:
    client = await nats.connect(server.url)
    await client.jetstream().create_key_value(bucket="short", ttl=5)
    await client.close()

    with pytest.raises(BucketRefused, match=r"It forgets records after 5 s \(max_age\)"):
        await told.candidate(server, "a", bucket="short").start()


async def test_a_bucket_that_forgets_slower_is_used_with_a_warning(
    server: NatsServer, told: Told, caplog: pytest.LogCaptureFixture
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
        async with Candidate("a", key=KEY, bucket="leases", nats=nats_as_web, config=CONFIG) as a:
            await a.wait_until_leader()
            async with Candidate("b", key=KEY, bucket="leases", nats=nats_as_web, config=CONFIG) as b:
                await eventually(lambda: b.leader == "a")
            assert a.ensure_leader() == 1

            with pytest.raises(OutcomeUnknown):  # The server drops it, and says so beside.
                await a._leases.write("shop.other", b"{}", expected_revision=0, connection=1, timeout_s=0.5)
        assert await bucket.keys() == [KEY]
        await client.close()


def test_the_library_loads_neither_kopf_nor_the_kubernetes_client() -> None:
    program = "import sys, tenure.candidate; print(sorted({'kopf', 'kubernetes', 'click'} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"
