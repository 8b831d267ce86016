"""The port for probes, for Prometheus and for people: `/healthz`, `/readyz`, `/metrics` and `/status`."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

Obstacle = Callable[[], str]
"""Returns what is in the way, in a sentence, or "" when nothing is."""


class HealthServer:
    """Serves the probes, the metrics and what the operator says of itself, to GET and HEAD.

    `unhealthy_because` names a defect that a restart mends, `not_ready_because` what the operator still waits for.
    `report` gets the election that is asked for, as NAMESPACE/NAME, or "".
    """

    def __init__(
        self,
        address: str,
        port: int,
        *,
        unhealthy_because: Obstacle,
        not_ready_because: Obstacle,
        render_metrics: Callable[[], Awaitable[bytes]],
        report: Callable[[str], Awaitable[dict[str, Any]]],
    ) -> None:
        self._address = address
        self._port = port
        self._probes = {"/healthz": unhealthy_because, "/readyz": not_ready_because}
        self._render_metrics = render_metrics
        self._report = report
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises OSError, with a sentence, when the address cannot be used."""
        app = web.Application()
        for path in self._probes:
            app.router.add_get(path, self._probe)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/status", self._status)
        app.router.add_get("/{path:.*}", self._nothing)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._address, self._port).start()
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise OSError(f"--listen {self._address}:{self._port} cannot be used: {reason}.") from error

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _probe(self, request: web.Request) -> web.Response:
        obstacle = self._probes[request.path]()
        return web.Response(text=f"{obstacle or 'ok'}\n", status=503 if obstacle else 200)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=await self._render_metrics(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    async def _status(self, request: web.Request) -> web.Response:
        return web.json_response(await self._report(request.query.get("election", "")))

    async def _nothing(self, _: web.Request) -> web.Response:
        return web.Response(text="Nothing is served here. Try /healthz, /readyz, /metrics or /status.\n", status=404)
