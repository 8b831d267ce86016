"""Who leads many elections, as a watch of them tells."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bench.api import Api
from bench.moments import Moment, Moments
from cluster_support.kubernetes import Object, elections_path


class Elections:
    """Those of one namespace. One is settled while its status says that a pod leads and has the label (`Ready`)."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._moments = Moments()
        self._settled: dict[str, str] = {}
        self._said: dict[str, str] = {}
        self._lost: dict[str, str] = {}
        self._watch: asyncio.Task[None]
        self.replaced_at_s: dict[str, float] = {}
        """When each of those that were awaited last got its new leader."""

    async def start(self, api: Api) -> None:
        """Look from now on."""
        self._watch = await api.watch(elections_path(self._namespace), self._see)
        self._moments.rely_on(self._watch)

    async def stop(self) -> None:
        """Look no longer. Raises what ended the watch before."""
        self._watch.cancel()
        (result,) = await asyncio.gather(self._watch, return_exceptions=True)
        if isinstance(result, Exception):
            raise result

    @property
    def leaders(self) -> Mapping[str, str]:
        """The names of the pods that lead, by election."""
        return self._settled

    async def settle(self, count: int, *, timeout_s: float) -> float:
        """Return the monotonic time at which so many were settled. Raises TimeoutError, naming some that are not."""
        try:
            return await self._moments.begin(lambda: len(self._settled) == count, "all are led").wait(timeout_s)
        except TimeoutError:
            others = [f"{name}: {said}" for name, said in self._said.items() if name not in self._settled]
            raise TimeoutError(
                f"Within {timeout_s:g} seconds, {len(self._settled)} of {count} elections were led. {others[:3]}"
            ) from None

    def all_replaced(self, leaders: Mapping[str, str]) -> Moment:
        """When each of these elections is settled with another leader."""
        self._lost = dict(leaders)
        self.replaced_at_s = {}
        return self._moments.begin(lambda: not self._lost, f"{len(leaders)} elections have new leaders")

    def _see(self, _: str, body: Object, now_s: float) -> None:
        name, status = body["metadata"]["name"], body.get("status") or {}
        leader = (status.get("leader") or {}).get("podName")
        ready = next((one for one in status.get("conditions") or () if one["type"] == "Ready"), None)
        is_ready = ready is not None and ready["status"] == "True"
        self._said[name] = ready["message"] if ready is not None else "nothing is said of it yet"
        if leader is None or not is_ready:
            self._settled.pop(name, None)
        else:
            self._settled[name] = leader
            if self._lost.get(name, leader) != leader:
                del self._lost[name]
                self.replaced_at_s[name] = now_s
        self._moments.look(now_s)
