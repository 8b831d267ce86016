"""The production client of the Kubernetes API, all of it but HTTP itself."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from weakref import WeakValueDictionary

from model.api_server import Answer, ApiServer
from tenure.kubernetes.client import FIELD_MANAGER, MAX_CONCURRENT_REQUESTS, KubernetesClient


class ServedClient(KubernetesClient):
    """Its requests are answered by a modelled API server, at once."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._field_manager = FIELD_MANAGER
        self._lanes = {lane: asyncio.Semaphore(most) for lane, most in MAX_CONCURRENT_REQUESTS.items()}
        self._patches = WeakValueDictionary()
        self._answered_at_s = float("-inf")

    async def _exchange(
        self, method: str, path: str, body: Any, headers: dict[str, str] | None, *, timeout_s: float
    ) -> Answer:
        del headers, timeout_s
        return self._serve(method, path, body)

    def _serve(self, method: str, path: str, body: Any) -> Answer:
        where = urlsplit(path)
        return self._server.serve(method, unquote(where.path), dict(parse_qsl(where.query)), body)
