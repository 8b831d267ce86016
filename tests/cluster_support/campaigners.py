"""Programs that campaign for themselves, as they would in pods: the library's candidates, and nodes in Go."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from model.go_node import GoNode
from tenure.candidate import Candidate, ElectionConfig
from tenure.nats.settings import NatsSettings

LEASE = ElectionConfig(lease_timeout_s=3, heartbeat_interval_s=1, election_timeout_s=0.5)
"""The shortest lease, for tests that wait for its end."""

_TIMEOUT_S = 10.0

Result = TypeVar("Result")


Ending = Callable[[], Coroutine[Any, Any, None]]


class Campaigner:
    """One of them, at work. It is ended in order, or killed, from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, stop: Ending, kill: Ending) -> None:
        self._loop = loop
        self._stop = stop
        self._kill = kill
        self.ended = False

    def stop(self) -> None:
        """End it in order: it gives the lease up."""
        self._end(self._stop)

    def kill(self) -> None:
        """End it without a word: its lease must run out."""
        self._end(self._kill)

    def _end(self, how: Ending) -> None:
        if not self.ended:
            self.ended = True
            _run(self._loop, how())


class Campaigners:
    """Those of one test, on an event loop in a thread of its own. `close` ends those that are left."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="campaigners", daemon=True)
        self._thread.start()
        self._running: list[Campaigner] = []

    def candidate(self, identity: str, *, bucket: str, key: str) -> Campaigner:
        """Start a candidate of the library, and return when it has looked at the record."""

        async def start() -> Candidate:
            nats = NatsSettings(urls=(self._url,))
            candidate = Candidate(identity, key=key, bucket=bucket, nats=nats, config=LEASE)
            await candidate.start()
            while candidate._candidacy._state.lease is None:
                await asyncio.sleep(0.01)
            return candidate

        async def kill() -> None:
            await candidate._campaign.close()  # It writes nothing any more.
            await candidate.stop()

        candidate = _run(self._loop, start())
        return self._add(stop=candidate.stop, kill=kill)

    def go_node(self, identity: str) -> Campaigner:
        """Start a node in Go, in the bucket of its own library."""

        async def start() -> GoNode:
            node = GoNode(identity, self._url, lease_timeout_s=LEASE.lease_timeout_s)
            await node.start()
            return node

        node = _run(self._loop, start())
        return self._add(stop=node.stop, kill=node.kill)

    def close(self) -> None:
        """End all that still run, and the loop."""
        for one in self._running:
            one.kill()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _add(self, *, stop: Ending, kill: Ending) -> Campaigner:
        self._running.append(Campaigner(self._loop, stop=stop, kill=kill))
        return self._running[-1]


def _run(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run_coroutine_threadsafe(work, loop).result(_TIMEOUT_S)
