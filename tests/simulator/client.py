"""A process's requests to the modelled API server: the production client over a simulated link."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from model.api_server import SLICES, Answer, ApiServer
from model.served_client import ServedClient
from simulator.link import Link
from simulator.loop import Loop
from simulator.world import World

_BUSY: tuple[Answer, ...] = (
    (409, b'{"message": "the object has been modified"}'),
    (429, b'{"message": "too many requests"}'),
    (500, b'{"message": "etcdserver: request timed out"}'),
    (503, b"no healthy upstream"),
)


class SimulatedClient(ServedClient):
    """Its requests and their answers go by a link, which may lose, delay and refuse them."""

    def __init__(self, world: World, loop: Loop, link: Link, server: ApiServer) -> None:
        super().__init__(server)
        self._world = world
        self._loop = loop
        self._link = link

    async def _exchange(
        self, method: str, path: str, body: Any, headers: dict[str, str] | None, *, timeout_s: float
    ) -> Answer:
        del headers, timeout_s
        routes = isinstance(body, list) or (body is not None and SLICES in urlsplit(path).path)
        return await self._link.ask(
            self._loop,
            lambda: self._serve(method, path, body),
            refused=lambda: self._world.random.choice(_BUSY),
            late=self._link.trouble.late_labels if routes else 0.0,
        )
