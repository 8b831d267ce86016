"""A node that runs the Go library from which the lease protocol comes (aether, `cluster/leader.go`), as its code reads.

Written from what that code does, with its three loops, its bucket and its JSON, so that Tenure's candidates can be held
against it. What it does badly it does here too: it deletes the record when it resigns, and so forgets the term; it has
no deadline of its own; it trusts wall clocks.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import KeyValueConfig
from nats.js.errors import Error as JetStreamError
from nats.js.kv import KeyValue

BUCKET = "aether-leader-election"
KEY = "leader"

_NS_PER_S = 1_000_000_000
_RFC3339 = re.compile(r"(?P<second>.{19})(\.(?P<fraction>\d{1,9}))?(?P<zone>Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class _Lease:
    """`LeadershipLease`. Its times are Unix nanoseconds."""

    leader_id: str
    term: int
    expires_at_ns: int
    started_at_ns: int

    def marshal(self, zone: timezone) -> bytes:
        """As Go's encoder writes it."""
        fields = {
            "leaderId": self.leader_id,
            "term": self.term,
            "expiresAt": _go_time(self.expires_at_ns, zone),
            "startedAt": _go_time(self.started_at_ns, zone),
        }
        return json.dumps(fields, separators=(",", ":")).encode()

    @classmethod
    def unmarshal(cls, data: bytes | None) -> _Lease:
        """As Go's decoder reads it: fields that it does not know are ignored."""
        fields = json.loads(data or b"")
        times_ns = (_from_go_time(fields[name]) for name in ("expiresAt", "startedAt"))
        return cls(fields["leaderId"], fields["term"], *times_ns)


class _Entry(Protocol):
    """An entry of a key-value bucket."""

    @property
    def value(self) -> bytes | None: ...
    @property
    def revision(self) -> int | None: ...


class GoBucket(Protocol):
    """What the library does to its bucket, as nats-py has it. What fails raises an error of NATS or of JetStream."""

    async def get(self, key: str, /) -> _Entry: ...
    async def create(self, key: str, value: bytes, /) -> int: ...
    async def update(self, key: str, value: bytes, /, last: int | None) -> int: ...
    async def delete(self, key: str, /) -> bool: ...


@dataclass
class GoElection:
    """`LeaderElection`, without its connection and its watch. `told` are the calls of its callbacks, in order."""

    node_id: str
    _: KW_ONLY
    lease_timeout_s: float = 3.0
    heartbeat_interval_s: float = 1.0
    election_timeout_s: float = 0.5
    clock_ns: Callable[[], int] = time.time_ns
    zone: timezone = timezone(timedelta(hours=1))
    """`time.Now()` has the local one, and it is written as it is."""
    is_leader: bool = False
    leader: str = ""
    term: int = 0
    told: list[str] = field(default_factory=list)
    bucket: GoBucket = field(init=False)

    async def campaign(self) -> None:
        """`electionLoop`."""
        await self.try_become_leader()
        while True:
            await asyncio.sleep(self.election_timeout_s)
            await self.look()

    async def keep_renewing(self) -> None:
        """`leaseRenewalLoop`."""
        while True:
            await asyncio.sleep(self.heartbeat_interval_s)
            await self.renew()

    async def look(self) -> None:
        """What `electionLoop` does each time."""
        if not self.is_leader and await self._should_try():
            await self.try_become_leader()

    async def renew(self) -> None:
        """What `leaseRenewalLoop` does each time."""
        if not self.is_leader:
            return
        try:
            entry = await self.bucket.get(KEY)
            current = _Lease.unmarshal(entry.value)
            if current.leader_id != self.node_id:
                self._lose()
                return
            renewed = _Lease(current.leader_id, current.term, self._expiry_ns(), current.started_at_ns)
            await self.bucket.update(KEY, renewed.marshal(self.zone), last=entry.revision)
        except (NatsError, JetStreamError, ValueError, KeyError):
            self._lose()

    def see(self, value: bytes | None) -> None:
        """What `monitorLeadership` does with an entry of its watch; a deletion has no value."""
        if value is None:
            self._update("", 0)
            return
        with suppress(ValueError, KeyError):
            lease = _Lease.unmarshal(value)
            self._update(lease.leader_id, lease.term)

    async def resign(self) -> None:
        """`resignLeadership`."""
        if self.is_leader:
            await self.bucket.delete(KEY)
            self._lose()

    async def try_become_leader(self) -> None:
        """`tryBecomeLeader`."""
        lease = self._claim(self.term + 1)
        try:
            await self.bucket.create(KEY, lease.marshal(self.zone))
        except (NatsError, JetStreamError):
            await self._try_claim_expired()
            return
        self._become(lease.term)

    async def _try_claim_expired(self) -> None:
        try:
            entry = await self.bucket.get(KEY)
            current = _Lease.unmarshal(entry.value)
            if self.clock_ns() < current.expires_at_ns:
                self._update(current.leader_id, current.term)
                return
            lease = self._claim(current.term + 1)
            await self.bucket.update(KEY, lease.marshal(self.zone), last=entry.revision)
        except (NatsError, JetStreamError, ValueError, KeyError):
            return
        self._become(lease.term)

    async def _should_try(self) -> bool:
        if not self.leader:
            return True
        try:
            entry = await self.bucket.get(KEY)
            return self.clock_ns() > _Lease.unmarshal(entry.value).expires_at_ns
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

    def _claim(self, term: int) -> _Lease:
        return _Lease(self.node_id, term, self._expiry_ns(), self.clock_ns())

    def _expiry_ns(self) -> int:
        return self.clock_ns() + int(self.lease_timeout_s * _NS_PER_S)


@dataclass
class GoNode(GoElection):
    """`LeaderElection`, on a NATS server."""

    url: str
    _: KW_ONLY
    _ended: bool = False
    _client: Client | None = None
    _loops: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self) -> None:
        """`NewLeaderElection` and `Start`."""
        self._client = await nats.connect(self.url)
        jetstream = self._client.jetstream()
        config = KeyValueConfig(BUCKET, ttl=2 * self.lease_timeout_s, max_bytes=1024 * 1024, replicas=1)
        try:
            bucket = await jetstream.create_key_value(config)
        except JetStreamError:
            bucket = await jetstream.key_value(BUCKET)
        self.bucket = bucket
        loops: tuple[Coroutine[Any, Any, None], ...] = (self.campaign(), self.keep_renewing(), self._monitor(bucket))
        self._loops = [asyncio.create_task(loop) for loop in loops]

    async def stop(self) -> None:
        """`Stop`: resign if it leads."""
        await self.kill(close=False)
        await self.resign()
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

    async def _monitor(self, bucket: KeyValue) -> None:
        watcher = await bucket.watch(KEY)
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
            if entry is not None:
                self.see(None if entry.operation == "DEL" else entry.value)


def _go_time(moment_ns: int, zone: timezone) -> str:
    """RFC 3339 with as many of nine digits as are needed, as Go's encoder writes a time."""
    text = datetime.fromtimestamp(moment_ns // _NS_PER_S, zone).isoformat()
    fraction = f".{moment_ns % _NS_PER_S:09}".rstrip("0").rstrip(".")
    return f"{text[:19]}{fraction}{text[19:].replace('+00:00', 'Z')}"


def _from_go_time(text: str) -> int:
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time.")
    second = datetime.fromisoformat(found["second"] + found["zone"])
    return int(second.timestamp()) * _NS_PER_S + int((found["fraction"] or "").ljust(9, "0"))
