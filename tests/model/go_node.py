"""A node that runs the Go library from which the lease protocol comes (aether, `cluster/leader.go`), as its code reads.

Written from what that code does, with its three loops, its bucket and its JSON, so that Tenure's candidates can be held
against it. What it does badly it does here too: it deletes the record when it resigns, and so forgets the term; it has
no deadline of its own; it trusts wall clocks.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import KeyValueConfig
from nats.js.errors import Error as JetStreamError
from nats.js.kv import KeyValue

BUCKET = "aether-leader-election"
KEY = "leader"


@dataclass(frozen=True)
class _Lease:
    """`LeadershipLease`."""

    leader_id: str
    term: int
    expires_at: datetime
    started_at: datetime

    def marshal(self) -> bytes:
        """As Go's encoder writes it."""
        fields = {
            "leaderId": self.leader_id,
            "term": self.term,
            "expiresAt": _go_time(self.expires_at),
            "startedAt": _go_time(self.started_at),
        }
        return json.dumps(fields, separators=(",", ":")).encode()

    @classmethod
    def unmarshal(cls, data: bytes | None) -> _Lease:
        """As Go's decoder reads it: fields that it does not know are ignored."""
        fields = json.loads(data or b"")
        times = (datetime.fromisoformat(fields[name]) for name in ("expiresAt", "startedAt"))
        return cls(fields["leaderId"], fields["term"], *times)


@dataclass
class GoNode:
    """`LeaderElection`. `told` are the calls of its callbacks, in order."""

    node_id: str
    url: str
    lease_timeout_s: float = 3.0
    heartbeat_interval_s: float = 1.0
    election_timeout_s: float = 0.5
    is_leader: bool = False
    leader: str = ""
    term: int = 0
    told: list[str] = field(default_factory=list)
    _ended: bool = False
    _client: Client | None = None
    _kv: KeyValue | None = None
    _loops: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def kv(self) -> KeyValue:
        assert self._kv is not None
        return self._kv

    async def start(self) -> None:
        """`NewLeaderElection` and `Start`."""
        self._client = await nats.connect(self.url)
        jetstream = self._client.jetstream()
        config = KeyValueConfig(BUCKET, ttl=2 * self.lease_timeout_s, max_bytes=1024 * 1024, replicas=1)
        try:
            self._kv = await jetstream.create_key_value(config)
        except JetStreamError:
            self._kv = await jetstream.key_value(BUCKET)
        loops: tuple[Coroutine[Any, Any, None], ...] = (self._elect(), self._renew(), self._monitor())
        self._loops = [asyncio.create_task(loop) for loop in loops]

    async def stop(self) -> None:
        """`Stop`: resign if it leads."""
        await self.kill(close=False)
        if self.is_leader:
            await self.kv.delete(KEY)
            self._lose()
        assert self._client is not None
        await self._client.close()

    async def kill(self, *, close: bool = True) -> None:
        """End it without a word."""
        self._ended = True
        for loop in self._loops:
            loop.cancel()
        await asyncio.wait(self._loops)
        if close and self._client is not None:
            await self._client.close()

    async def _elect(self) -> None:
        await self._try_become_leader()
        while True:
            await asyncio.sleep(self.election_timeout_s)
            if not self.is_leader and await self._should_try():
                await self._try_become_leader()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self.heartbeat_interval_s)
            if not self.is_leader:
                continue
            try:
                entry = await self.kv.get(KEY)
                current = _Lease.unmarshal(entry.value)
                if current.leader_id != self.node_id:
                    self._lose()
                    continue
                renewed = _Lease(current.leader_id, current.term, self._expiry(), current.started_at)
                await self.kv.update(KEY, renewed.marshal(), last=entry.revision)
            except (NatsError, JetStreamError, ValueError, KeyError):
                self._lose()

    async def _monitor(self) -> None:
        watcher = await self.kv.watch(KEY)
        try:
            await self._follow(watcher)
        finally:
            with suppress(NatsError):  # The connection may be gone.
                await watcher.stop()  # type: ignore[no-untyped-call]

    async def _follow(self, watcher: KeyValue.KeyWatcher) -> None:
        while not self._ended:  # The client's own wait can swallow the news that it is cancelled.
            try:
                entry = await watcher.updates(timeout=0.2)  # type: ignore[no-untyped-call]
            except NatsError:
                continue
            if entry is None:
                continue
            if entry.operation == "DEL":
                self._update("", 0)
                continue
            with suppress(ValueError, KeyError):
                lease = _Lease.unmarshal(entry.value)
                self._update(lease.leader_id, lease.term)

    async def _try_become_leader(self) -> None:
        lease = _Lease(self.node_id, self.term + 1, self._expiry(), _now())
        try:
            await self.kv.create(KEY, lease.marshal())
        except (NatsError, JetStreamError):
            await self._try_claim_expired()
            return
        self._become(lease.term)

    async def _try_claim_expired(self) -> None:
        try:
            entry = await self.kv.get(KEY)
            current = _Lease.unmarshal(entry.value)
            if _now() < current.expires_at:
                self._update(current.leader_id, current.term)
                return
            lease = _Lease(self.node_id, current.term + 1, self._expiry(), _now())
            await self.kv.update(KEY, lease.marshal(), last=entry.revision)
        except (NatsError, JetStreamError, ValueError, KeyError):
            return
        self._become(lease.term)

    async def _should_try(self) -> bool:
        if not self.leader:
            return True
        try:
            entry = await self.kv.get(KEY)
            return _now() > _Lease.unmarshal(entry.value).expires_at
        except (NatsError, JetStreamError, ValueError, KeyError):
            return True

    def _become(self, term: int) -> None:
        self.is_leader, self.leader, self.term = True, self.node_id, term
        self.told.append("became leader")

    def _lose(self) -> None:
        if self.is_leader:
            self.is_leader = False
            self.told.append("lost leadership")

    def _update(self, leader_id: str, term: int) -> None:
        before, self.leader, self.term = self.leader, leader_id, term
        if leader_id == self.node_id:
            self.is_leader = True
        else:
            self._lose()
        if leader_id not in (before, "", self.node_id):
            self.told.append(f"new leader {leader_id}")

    def _expiry(self) -> datetime:
        return _now() + timedelta(seconds=self.lease_timeout_s)


def _now() -> datetime:
    return datetime.now(UTC)


def _go_time(moment: datetime) -> str:
    """RFC 3339 with as many digits as are needed, as Go's encoder writes a time."""
    text = moment.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return f"{text}Z"
