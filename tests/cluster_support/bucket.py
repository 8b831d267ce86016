"""The lease bucket through a client of the test's own."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar

import nats
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from environment import wait_until

Result = TypeVar("Result")


class Bucket:
    """One bucket. Each call has a connection of its own, so that a restart of the server breaks nothing."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self.name = name

    def entry(self, key: str) -> tuple[int, bytes | None]:
        """Revision and value of a key, from the stream's leader; (0, None) when there is neither."""

        async def read(jetstream: JetStreamContext) -> tuple[int, bytes | None]:
            try:
                message = await jetstream.get_last_msg(f"KV_{self.name}", f"$KV.{self.name}.{key}")
            except NotFoundError:
                return 0, None
            is_marker = bool(message.headers) and "KV-Operation" in (message.headers or {})
            return message.seq or 0, None if is_marker else message.data or b""

        return self._run(read)

    def record(self, key: str) -> dict[str, Any]:
        """The record of a key, {} when there is none."""
        _, value = self.entry(key)
        record = json.loads(value) if value is not None else {}
        assert isinstance(record, dict)
        return record

    def records(self, keys: Sequence[str]) -> list[dict[str, Any]]:
        """The records of several keys, each of which has one."""

        async def read(jetstream: JetStreamContext) -> list[dict[str, Any]]:
            name = self.name
            asked = (jetstream.get_last_msg(f"KV_{name}", f"$KV.{name}.{key}") for key in keys)
            return [json.loads(message.data or b"{}") for message in await asyncio.gather(*asked)]

        return self._run(read)

    def put(self, key: str, value: bytes | dict[str, Any]) -> int:
        """Overwrite a record, without asking whom it belongs to, and return the revision."""
        data = json.dumps(value).encode() if isinstance(value, dict) else value

        async def write(jetstream: JetStreamContext) -> int:
            return (await jetstream.publish(f"$KV.{self.name}.{key}", data)).seq

        return self._run(write)

    def purge(self, key: str) -> None:
        """Leave nothing of a key but a marker."""

        async def purge(jetstream: JetStreamContext) -> None:
            headers = {"KV-Operation": "PURGE", "Nats-Rollup": "sub"}
            await jetstream.publish(f"$KV.{self.name}.{key}", b"", headers=headers)

        self._run(purge)

    def create(self, **settings: Any) -> None:
        """Make the bucket as somebody else would."""

        async def create(jetstream: JetStreamContext) -> None:
            await jetstream.create_key_value(bucket=self.name, **settings)

        self._run(create)

    def delete(self) -> None:
        """Lose the bucket with all that is in it."""

        async def delete(jetstream: JetStreamContext) -> None:
            await jetstream.delete_key_value(self.name)

        self._run(delete)

    @contextlib.contextmanager
    def long_history(self) -> Iterator[None]:
        """Keep the last 64 records of each key meanwhile; usually it is one."""
        self._keep_history(64)
        try:
            yield
        finally:
            self._keep_history(1)

    def _keep_history(self, length: int) -> None:

        async def change(jetstream: JetStreamContext) -> None:
            # Not through the client's own model of a stream, which might know less than the server.
            api = f"$JS.API.STREAM.{{}}.KV_{self.name}"
            info = json.loads((await jetstream._nc.request(api.format("INFO"))).data)
            config = {**info["config"], "max_msgs_per_subject": length}
            answer = await jetstream._nc.request(api.format("UPDATE"), json.dumps(config).encode())
            assert "error" not in json.loads(answer.data), answer.data

        self._run(change)

    def holders(self, key: str) -> dict[int, set[str]]:
        """Who held which term, by all records that are kept of a key."""

        async def read(jetstream: JetStreamContext) -> dict[int, set[str]]:
            held: dict[int, set[str]] = defaultdict(set)
            sequence = 1
            with contextlib.suppress(NotFoundError):
                while True:
                    message = await jetstream.get_msg(
                        f"KV_{self.name}", sequence, subject=f"$KV.{self.name}.{key}", next=True
                    )
                    record = json.loads(message.data or b"{}")
                    if record.get("leaderId"):
                        held[record["term"]].add(record["leaderId"])
                    sequence = (message.seq or sequence) + 1
            return held

        return self._run(read)

    def leader(self) -> str:
        """The name of the server that leads the bucket's stream, of several that hold it; "" while none does."""

        async def read(jetstream: JetStreamContext) -> str:
            info = await jetstream.stream_info(f"KV_{self.name}")
            return (info.cluster.leader if info.cluster is not None else None) or ""

        return self._run(read)

    def wait_for_renewals(self, key: str, count: int, *, timeout_s: float = 15.0) -> None:
        """Return when the record was written `count` more times, as seen by its revision."""
        for _ in range(count):
            revision, _ = self.entry(key)
            wait_until(
                lambda revision=revision: self.entry(key)[0] > revision,  # type: ignore[misc]
                f"the lease {key} is renewed",
                timeout_s=timeout_s,
            )

    def _run(self, use: Callable[[JetStreamContext], Awaitable[Result]]) -> Result:
        async def connected() -> Result:
            client = await nats.connect(self._url, connect_timeout=5, max_reconnect_attempts=5, reconnect_time_wait=0.1)
            try:
                return await use(client.jetstream())
            finally:
                await client.close()

        # A loop of its own, which the tests' framework hears nothing of.
        loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(connected())
        finally:
            loop.close()
