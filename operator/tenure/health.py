"""The port for probes: `/healthz` and `/readyz`."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web


class HealthServer:
    """Serves the probes. `not_ready_because` returns "" when the operator works, or what it still waits for."""

    def __init__(self, address: str, port: int, not_ready_because: Callable[[], str]) -> None:
        self._address = address
        self._port = port
        self._not_ready_because = not_ready_because
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises OSError when the address cannot be used."""
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._address, self._port).start()

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")  # An event loop that is stuck answers nothing.

    async def _readyz(self, _: web.Request) -> web.Response:
        reason = self._not_ready_because()
        return web.Response(text=f"{reason or 'ok'}\n", status=503 if reason else 200)
