"""Many requests at a time to the API server, and watches, from one event loop."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import Any, Self

import aiohttp

from cluster_support.kubernetes import Object, Refused
from environment import ControlPlane

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"

AT_A_TIME = 48
"""Requests of a bulk that are on their way: more only wait in the API server."""

_TIMEOUT_S = 60.0
_BUFFER_BYTES = 2**20  # an event is a line, and must fit

OnEvent = Callable[[str, Object, float], None]
"""Told type and object of an event, and the monotonic time at which it came."""


class Api:
    """Requests as the API server's administrator. A context: its connections are closed at the end."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self._url = control_plane.api.url
        self._tls = ssl.create_default_context(cafile=control_plane.api.authority)
        client = control_plane.api.client
        self._tls.load_cert_chain(client.certificate, client.key)
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            self._url,
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=AT_A_TIME + 8),
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S),
            read_bufsize=_BUFFER_BYTES,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def request(self, method: str, path: str, body: object = None, *, content: str = "application/json") -> Any:
        """Return the JSON of the answer. Raises Refused."""
        data = None if body is None else json.dumps(body).encode()
        async with self._session.request(method, path, data=data, headers={"Content-Type": content}) as answer:
            text = await answer.read()
        if answer.status >= 400:
            raise Refused(answer.status, text.decode(errors="replace"))
        return json.loads(text)

    async def text(self, path: str) -> str:
        """Return an answer that is no JSON."""
        async with self._session.get(path) as answer:
            return await answer.text()

    async def watch(self, path: str, on_event: OnEvent) -> asyncio.Task[None]:
        """List a collection, and tell of each object and then of each change until the task is cancelled.

        When the API server ends the watch, as it does when it is overloaded, another list tells what has changed.
        """
        known: dict[str, Object] = {}
        version = await self._list(path, known, on_event)
        return asyncio.create_task(self._follow(path, version, known, on_event), name=f"watch of {path}")

    async def _follow(self, path: str, version: str, known: dict[str, Object], on_event: OnEvent) -> None:
        while True:
            query = {"watch": "1", "resourceVersion": version}
            async with self._session.get(path, params=query, timeout=aiohttp.ClientTimeout(total=None)) as answer:
                async for line in answer.content:
                    now_s = time.monotonic()
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        break
                    _note(known, event["type"], event["object"])
                    on_event(event["type"], event["object"], now_s)
            version = await self._list(path, known, on_event)

    async def _list(self, path: str, known: dict[str, Object], on_event: OnEvent) -> str:
        """Tell of what is there and of what has gone, and return the list's version."""
        listed = await self.request("GET", path)
        now_s = time.monotonic()
        present = {item["metadata"]["uid"] for item in listed["items"]}
        events = [("DELETED", item) for uid, item in known.items() if uid not in present]
        events += [("MODIFIED", item) for item in listed["items"]]
        for kind, item in events:
            _note(known, kind, item)
            on_event(kind, item, now_s)
        return str(listed["metadata"]["resourceVersion"])


def _note(known: dict[str, Object], kind: str, item: Object) -> None:
    uid = item["metadata"]["uid"]
    if kind == "DELETED":
        known.pop(uid, None)
    else:
        known[uid] = item


async def in_bulk(work: Iterable[Callable[[], Awaitable[object]]]) -> None:
    """Do all of it, some at a time. The first failure ends it."""
    remaining = iter(work)

    async def worker() -> None:
        for one in remaining:
            await one()

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_A_TIME):
            group.create_task(worker())
