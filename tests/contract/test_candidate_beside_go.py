"""A candidate and nodes of the Go library contend for one record, on a real nats-server."""

from __future__ import annotations

import math

from contract.candidates import CONFIG, Told, last_seen, last_written
from contract.harness import eventually
from environment import NatsServer
from model.go_node import BUCKET as GO_BUCKET
from model.go_node import KEY as GO_KEY
from model.go_node import GoNode
from tenure.candidate import Candidate


def _beside_go(told: Told, server: NatsServer, identity: str) -> Candidate:
    return told.candidate(server, identity, bucket=GO_BUCKET, key=GO_KEY)


async def test_a_go_node_takes_over_from_a_candidate_that_stops_and_gives_back_by_resigning(
    server: NatsServer, told: Told
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


async def test_a_go_node_joins_in_a_bucket_that_a_candidate_has_made(server: NatsServer, told: Told) -> None:
    node = GoNode("go", server.url)
    async with _beside_go(told, server, "a") as a:
        await a.wait_until_leader()
        await node.start()
        await eventually(lambda: (node.leader, node.term) == ("a", 1))
    await eventually(lambda: node.is_leader)

    assert node.term == 2
    await node.kill()


async def test_a_go_node_and_a_candidate_replace_each_other_when_killed(server: NatsServer, told: Told) -> None:
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
    server: NatsServer, told: Told
) -> None:
    """The bucket as the Go library makes it: it forgets a record that nobody renews for two leases."""
    node = GoNode("go", server.url)
    await node.start()
    await eventually(lambda: node.is_leader)
    await node.stop()

    async with _beside_go(told, server, "a") as a:
        await a.wait_until_leader()
        revision, first = await last_written(server, GO_BUCKET, GO_KEY)
        renewals = math.ceil(2 * node.lease_timeout_s / CONFIG.heartbeat_interval_s) + 2
        await eventually(lambda: last_seen(a, GO_KEY).revision >= revision + renewals, timeout_s=20)
        _, last = await last_written(server, GO_BUCKET, GO_KEY)

    assert (first.holder, last.holder) == ("a", "a")
    assert first.term == last.term
    assert first.nonce != last.nonce
    assert told.all == ["a became leader", "a lost leadership"]
