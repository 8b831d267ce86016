"""A bucket on three NATS servers, as in production: one of them may go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster_support import Bucket, MakeOperator, Scene
from environment import NatsServer
from environment.nats_server import nats_cluster
from environment.process import stop_all


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[NatsServer]]:
    """Three servers of one cluster."""
    servers = nats_cluster(tmp_path / "nats", 3)
    try:
        for server in servers:
            server.launch()
        for server in servers:
            server.wait_until_ready()
        yield servers
    finally:
        stop_all([server.process for server in servers])


def test_g6_a_killed_server_that_led_the_bucket_changes_no_leader(
    scene: Scene, make_operator: MakeOperator, servers: list[NatsServer]
) -> None:
    """Renewals go on before the lease has run out, or the election would have had another term."""
    others = [word for server in servers[1:] for word in ("--nats-url", server.url)]
    operator = make_operator("--bucket-replicas", "3", *others, nats_url=servers[0].url).start()
    scene.run_pods(3)
    scene.elect()
    leader = scene.wait_for_leader()
    key = f"{scene.namespace}.web"
    name = Bucket(servers[0].url, scene.namespace).leader()
    leading = next(server for server in servers if server.name == name)

    leading.kill()

    def renewals() -> int:
        return sum((line["message"], line.get("record")) == ("Lease written", key) for line in operator.log())

    before = renewals()
    scene.wait(lambda: renewals() >= before + 2, "the lease is renewed twice", timeout_s=40)
    bucket = Bucket(next(server.url for server in servers if server is not leading), scene.namespace)
    assert bucket.leader() not in ("", name)
    record = bucket.record(key)
    assert (record["leaderId"], record["term"]) == (leader.identity, 1)
    assert (scene.election().holder, scene.election().term) == (leader.identity, 1)
    assert scene.pod(leader.name).role() == "leader"
