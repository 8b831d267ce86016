"""Candidates on a real nats-server, and what they have written, seen and told."""

from __future__ import annotations

import nats

from contract.harness import fast
from environment import NatsServer
from tenure.candidate import Candidate, ElectionConfig
from tenure.election.entry import ABSENT, Entry
from tenure.election.record import LeaseRecord, parse

CONFIG = ElectionConfig(lease_timeout_s=3, heartbeat_interval_s=1, election_timeout_s=0.5)
KEY = "shop.web"


class Told:
    """What the callbacks of some candidates were told, in order."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def candidate(self, server: NatsServer, identity: str, **facts: object) -> Candidate:
        arguments: dict[str, object] = {"key": KEY, "config": CONFIG, **facts}
        return Candidate(
            identity,
            nats=fast(server.url),
            on_became_leader=lambda: self.all.append(f"{identity} became leader"),
            on_lost_leadership=lambda: self.all.append(f"{identity} lost leadership"),
            on_new_leader=lambda holder: self.all.append(f"{identity}: {holder} leads"),
            **arguments,  # type: ignore[arg-type]
        )


async def last_written(server: NatsServer, bucket: str = "leader-elections", key: str = KEY) -> tuple[int, LeaseRecord]:
    """The revision of the record that stands there, and the record."""
    client = await nats.connect(server.url)
    message = await client.jetstream().get_last_msg(f"KV_{bucket}", f"$KV.{bucket}.{key}")
    await client.close()
    record = parse(message.data or b"")
    assert isinstance(record, LeaseRecord)
    assert message.seq is not None
    return message.seq, record


def last_seen(candidate: Candidate, key: str = KEY) -> Entry:
    """What the candidate's watch has shown last."""
    return candidate._leases.entries.get(key, ABSENT)
