"""A process's requests to the modelled API server: the production client over a simulated link."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from model.api_server import SLICES, Answer, ApiServer
from simulator.link import Link
from simulator.loop import Loop
from simulator.world import World
from tenure.kubernetes.client import FIELD_MANAGER, MAX_CONCURRENT_REQUESTS, KubernetesClient

_BUSY: tuple[Answer, ...] = (
    (409, b'{"message": "the object has been modified"}'),
    (429, b'{"message": "too many requests"}'),
    (500, b'{"message": "etcdserver: request timed out"}'),
    (503, b"no healthy upstream"),
)


class SimulatedClient(KubernetesClient):
    """All of the client but for HTTP itself."""

    def __init__(self, world: World, loop: Loop, link: Link, server: ApiServer) -> None:
        self._world = world
        self._loop = loop
        self._link = link
        self._api = server
        self._field_manager = FIELD_MANAGER
        self._lanes = {lane: asyncio.Semaphore(most) for lane, most in MAX_CONCURRENT_REQUESTS.items()}
        self._answered_at_s = float("-inf")

    async def _exchange(
        self, method: str, path: str, body: Any, headers: dict[str, str] | None, *, timeout_s: float
    ) -> Answer:
        del headers, timeout_s
        where = urlsplit(path)
        routes = isinstance(body, list) or (body is not None and SLICES in where.path)
        return await self._link.ask(
            self._loop,
            lambda: self._api.serve(method, unquote(where.path), dict(parse_qsl(where.query)), body),
            refused=lambda: self._world.random.choice(_BUSY),
            late=self._link.trouble.late_labels if routes else 0.0,
        )
