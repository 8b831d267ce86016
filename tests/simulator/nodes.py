"""Nodes that campaign by themselves under the election's key, as those do that run the Go library of aether.

They create the record where there is none, claim it when its `expiresAt` has passed on their own clock, renew it with
the revision that they read, write no nonce and no duration, and delete the key when they resign: so their terms fall.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from model.bucket import ModelBucket
from simulator.cluster import Cluster
from simulator.loop import WALL_S
from simulator.profile import Profile
from simulator.world import World
from tenure.election.clock import from_rfc3339, rfc3339
from tenure.election.pod import Pod
from tenure.nats.store import WrongRevision

KEY = "shop.web"
DURATION_S = 10.0
HEARTBEAT_S = 3.0
ELECTION_TIMEOUT_S = 2.0


class _Node:
    """One node. Its clock has an error; every request is a moment under way."""

    def __init__(self, name: str, world: World, bucket: ModelBucket, *, skew_s: float) -> None:
        self.name = name
        self._world = world
        self._bucket = bucket
        self._skew_s = skew_s
        self._term = 0
        self._leads = False
        self.has_ended = False
        self._campaign()
        self._world.after(HEARTBEAT_S, self._beat)

    def resign(self) -> None:
        """End in good order: the key is deleted, whatever it says by now."""
        self.has_ended = True
        if self._leads and self._bucket.exists:
            self._bucket.delete(KEY)

    def _campaign(self) -> None:
        if self.has_ended:
            return
        self._world.after(ELECTION_TIMEOUT_S, self._campaign)
        if self._leads or not self._bucket.exists:
            return
        entry = self._bucket.read(KEY)
        lease = _parse(entry.value)
        if lease is None and entry.value is not None:
            return
        if lease is not None and self._now_s() < from_rfc3339(lease["expiresAt"]):
            self._term = lease["term"]
            return
        term = (lease["term"] if lease is not None else self._term) + 1
        self._write({"leaderId": self.name, "term": term, "startedAt": rfc3339(self._now_s())}, entry.revision)

    def _beat(self) -> None:
        if self.has_ended:
            return
        self._world.after(HEARTBEAT_S, self._beat)
        if not self._leads or not self._bucket.exists:
            self._leads = False
            return
        entry = self._bucket.read(KEY)
        lease = _parse(entry.value)
        if lease is None or lease["leaderId"] != self.name:
            self._leads = False
            self._term = lease["term"] if lease is not None else 0
            return
        self._write({name: lease[name] for name in ("leaderId", "term", "startedAt")}, entry.revision)

    def _write(self, lease: dict[str, Any], revision: int) -> None:
        value = json.dumps({**lease, "expiresAt": rfc3339(self._now_s() + DURATION_S)}).encode()

        def arrive() -> None:
            try:
                if self._bucket.exists:
                    self._bucket.compare_and_set(KEY, value, expected_revision=revision)
                    self._leads, self._term = True, lease["term"]
            except WrongRevision:
                self._leads = False

        self._world.after(self._world.delay_s(0.002), arrive)

    def _now_s(self) -> float:
        return WALL_S + self._world.now_s + self._skew_s


class Nodes:
    """The nodes of a world: few, and none at first. `record_lost` is called when one has deleted the record.

    Where the pods campaign, each node runs in one of them, under its name, its UID, or both.
    """

    def __init__(
        self,
        world: World,
        profile: Profile,
        cluster: Cluster,
        bucket: ModelBucket,
        *,
        record_lost: Callable[[], None],
    ) -> None:
        self._world = world
        self._cluster = cluster
        self._pods_campaign = profile.pods_campaign
        self._record_lost = record_lost
        self._bucket = bucket
        self._skew_s = profile.skew_s
        self._nodes: list[_Node] = []
        self._started = 0

    def end(self) -> None:
        """Let all nodes crash: what they hold runs out."""
        for node in self._nodes:
            node.has_ended = True
        self._nodes = []

    def start_node(self) -> None:
        if len(self._nodes) < 2:
            self._start(self._draw_name())

    def start_in(self, pod: Pod) -> None:
        """Start a node in a pod, under a name that means no other."""
        self._start(pod.identity)

    def _draw_name(self) -> str:
        chance, pods = self._world.random, sorted(self._cluster.pods.items())
        if not self._pods_campaign or not pods:
            return f"node-{self._started + 1}"
        name, pod = chance.choice(pods)
        return chance.choice([pod.identity, pod.uid, name])

    def _start(self, name: str) -> None:
        self._started += 1
        skew_s = self._world.random.uniform(-self._skew_s, self._skew_s)
        self._nodes.append(_Node(name, self._world, self._bucket, skew_s=skew_s))

    def crash_node(self) -> None:
        if self._nodes:
            self._nodes.pop().has_ended = True

    def resign_node(self) -> None:
        if self._nodes:
            self._nodes.pop().resign()
            self._record_lost()


def _parse(value: bytes | None) -> dict[str, Any] | None:
    try:
        lease = json.loads(value or b"")
    except ValueError:
        return None
    return lease if isinstance(lease, dict) and "expiresAt" in lease else None
