"""Who leads, told by HTTP: for a readiness probe, or for a neighbour in the same pod."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tenure.candidate.candidate import Candidate


@asynccontextmanager
async def serve_leader(candidate: Candidate, listen: tuple[str, int] | None) -> AsyncIterator[None]:
    """Answer `GET /leader` with 200 while the candidate leads, and with 503 while it does not, as JSON in both cases.

    Does nothing when `listen` is None. Raises OSError when the address cannot be used.
    """
    if listen is None:
        yield
        return

    async def leader(_: web.Request) -> web.Response:
        remaining_s = candidate.remaining_s()
        answer = {
            "identity": candidate.identity,
            "isLeader": remaining_s > 0,
            "leader": candidate.leader,
            "term": candidate.term,
            "remainingSeconds": round(remaining_s, 3),
        }
        return web.json_response(answer, status=200 if remaining_s > 0 else 503)

    app = web.Application()
    app.router.add_get("/leader", leader)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, *listen).start()
        yield
    finally:
        await runner.cleanup()
