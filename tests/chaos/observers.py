"""Who looks on, and writes down all of it: every version of every pod and election, every record that NATS accepted."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from functools import partial
from typing import Any, Literal

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError

from chaos.history import Change, History, Object, Record
from chaos.leadership import State
from cluster_support.follower import Follower
from cluster_support.kubernetes import Kubernetes, elections_path, pods_path
from tenure.nats.bucket import STREAM_NOT_FOUND, BucketSettings, stream_config
from tenure.nats.jetstream import NO_MESSAGE_FOUND

_PATIENCE_S = 60.0
_REQUEST_TIMEOUT_S = 2.0
_LOOK_EVERY_S = 0.2
_READS_AT_ONCE = 64


class ObserverFailed(Exception):
    """Something may have been missed, so that nothing can be said about the run."""


class ApiObserver:
    """Follows the pods and the elections of a namespace in two watches of its own, from before the first is created."""

    def __init__(self, kubernetes: Kubernetes, namespace: str, history: History, now_s: Callable[[], float]) -> None:
        self._history = history
        self._now_s = now_s
        self._state = State()
        self._applied = 0
        news = threading.Event()
        self._followers = [
            Follower(kubernetes, pods_path(namespace), partial(self._write_down, "pods"), news),
            Follower(kubernetes, elections_path(namespace), partial(self._write_down, "elections"), news),
        ]

    @property
    def state(self) -> State:
        """What is known by now."""
        new = self._history.changes[self._applied :]
        self._applied += len(new)
        for change in new:
            self._state.apply(change)
        return self._state

    async def catch_up(self) -> None:
        """Return when everything is written down that was there before the call. Raises ObserverFailed."""
        for follower in self._followers:
            try:
                await asyncio.to_thread(follower.catch_up, timeout_s=_PATIENCE_S)
            except AssertionError as error:
                raise ObserverFailed(str(error)) from error

    def stop(self) -> None:
        """Look no longer."""
        for follower in self._followers:
            follower.stop()

    def _write_down(
        self, collection: Literal["pods", "elections"], before: Object | None, after: Object | None, _: object
    ) -> None:
        known = after or before
        assert known is not None
        seen = None if after is None else _essence(after, collection)
        self._history.changes.append(Change(self._now_s(), collection, known["metadata"]["uid"], seen))


class BucketObserver:
    """Reads every record of the lease bucket, by its revision.

    A bucket of the operator's own keeps the last record of each key, and a reader can be too late for the others. Who
    subscribes to its subjects sees what is published, which is more than what is accepted. So this bucket is made with
    a history that holds the whole run, and is like the operator's own otherwise. Its revisions have no gap, which is
    checked, and all are read once more in the end: NATS must not have taken any back.
    """

    def __init__(
        self, urls: list[str], bucket: BucketSettings, namespace: str, history: History, *, run_began_at_s: float
    ) -> None:
        self._urls = urls
        self._bucket = bucket
        self._stream = f"KV_{bucket.name}"
        self._prefix = f"$KV.{bucket.name}."
        self._namespace = namespace
        self._history = history
        self._run_began_at_s = run_began_at_s
        self._client = Client()
        self._next = 0
        self._values: dict[int, bytes] = {}

    async def open(self) -> None:
        """Connect, and make the bucket."""

        async def ignore(_: Exception) -> None:
            """NATS is being broken on purpose."""

        self._client = await nats.connect(
            self._urls,
            error_cb=ignore,
            connect_timeout=2,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.2,
            ping_interval=2,
            max_outstanding_pings=2,
        )
        config = {**stream_config(self._bucket), "max_msgs_per_subject": 10_000_000}
        self._next = config["first_seq"]
        async with _patience("The bucket could not be made"):
            while "config" not in await self._ask(f"STREAM.CREATE.{self._stream}", config):
                await asyncio.sleep(_LOOK_EVERY_S)

    async def close(self) -> None:
        """Disconnect."""
        await self._client.close()

    async def follow(self) -> None:
        """Read what is new, until cancelled. Raises ObserverFailed when a revision is missing."""
        while True:
            if not await self._read_next():
                await asyncio.sleep(_LOOK_EVERY_S)

    async def has_leader(self) -> bool:
        """Whether the bucket is served."""
        info = await self._ask(f"STREAM.INFO.{self._stream}")
        return bool((info.get("cluster") or {}).get("leader"))

    async def catch_up(self) -> None:
        """Return when `follow` has read everything that was there before the call."""
        async with _patience("The records could not be read"):
            while "state" not in (info := await self._ask(f"STREAM.INFO.{self._stream}")):
                await asyncio.sleep(_LOOK_EVERY_S)
            while self._next <= info["state"]["last_seq"]:
                await asyncio.sleep(_LOOK_EVERY_S)

    async def read_again(self) -> list[int]:
        """Return the revisions that NATS had accepted, and has not any more as they were."""
        slots = asyncio.Semaphore(_READS_AT_ONCE)

        async def differs(revision: int, value: bytes) -> bool:
            async with slots, _patience("The records could not be read again"):
                while "message" not in (answer := await self._ask_for(revision)):
                    if answer.get("error", {}).get("err_code") == NO_MESSAGE_FOUND:
                        return True
                return bool(answer["message"]["seq"] != revision or _value(answer["message"]) != value)

        values = dict(self._values)
        found = await asyncio.gather(*(differs(revision, value) for revision, value in values.items()))
        return [revision for revision, is_other in zip(values, found, strict=True) if is_other]

    async def _read_next(self) -> bool:
        answer = await self._ask_for(self._next)
        message = answer.get("message")
        if message is None:
            if answer.get("error", {}).get("err_code") == STREAM_NOT_FOUND:
                raise ObserverFailed(f"The stream {self._stream} is gone.")
            return False
        if message["seq"] != self._next:
            raise ObserverFailed(f"Revision {self._next} of the bucket is missing; {message['seq']} comes next.")
        self._values[self._next] = value = _value(message)
        self._next += 1
        if value:
            self._write_down(message["subject"].removeprefix(self._prefix), message, json.loads(value))
        return True

    def _write_down(self, key: str, message: Object, record: Object) -> None:
        at_s = datetime.fromisoformat(message["time"]).timestamp() - self._run_began_at_s
        election = key.removeprefix(f"{self._namespace}.")
        self._history.records.append(Record(at_s, message["seq"], election, record["term"], record["leaderId"]))

    async def _ask_for(self, revision: int) -> Object:
        # The first from this revision on, so that a gap shows itself. The answer is the stream leader's.
        body = {"seq": revision, "next_by_subj": f"{self._prefix}>"}
        return await self._ask(f"STREAM.MSG.GET.{self._stream}", body)

    async def _ask(self, what: str, body: Object | None = None) -> Object:
        """Return JetStream's answer; an empty one while there is none."""
        payload = b"" if body is None else json.dumps(body).encode()
        try:
            answer = await self._client.request(f"$JS.API.{what}", payload, timeout=_REQUEST_TIMEOUT_S)
        except (NatsError, OSError, TimeoutError):
            await asyncio.sleep(_LOOK_EVERY_S)
            return {}
        found: Object = json.loads(answer.data)
        return found


@contextlib.asynccontextmanager
async def _patience(otherwise: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            yield
    except TimeoutError:
        raise ObserverFailed(f"{otherwise} within {_PATIENCE_S:g} s.") from None


def _value(message: Object) -> bytes:
    return base64.b64decode(message.get("data", ""))


def _essence(body: Object, collection: Literal["pods", "elections"]) -> Object:
    """Return what is judged of a pod or an election."""
    metadata: dict[str, Any] = body["metadata"]
    kept = ("name", "uid", "resourceVersion", "generation", "labels", "deletionTimestamp")
    status = body.get("status") or {}
    if collection == "pods":
        status = {"conditions": [one for one in status.get("conditions") or () if one["type"] == "Ready"]}
    return {"metadata": {name: metadata[name] for name in kept if name in metadata}, "status": status}
