"""What is used in a while: processor time of each process, and requests to the API server."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.api import Api
from bench.processes import cpu_s

_SERIES = re.compile(r"^apiserver_request_total\{(.*)\} (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass
class Usage:
    """By process, shares of one core; by verb and resource, requests a second."""

    cores: dict[str, float] = field(default_factory=dict)
    requests: dict[str, float] = field(default_factory=dict)

    @property
    def all_cores(self) -> float:
        """Of all processes together."""
        return sum(self.cores.values())

    @property
    def all_requests(self) -> float:
        """A second."""
        return sum(self.requests.values())


def mean(windows: Sequence[Usage]) -> Usage:
    """Return what was used in several windows of one length."""

    def of(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
        return {name: sum(part.get(name, 0.0) for part in parts) / len(parts) for part in parts for name in part}

    return Usage(of([one.cores for one in windows]), of([one.requests for one in windows]))


class Meter:
    """Measures from `begin` on. The processes must run all the time."""

    def __init__(self, api: Api, pids: Mapping[str, int]) -> None:
        self._api = api
        self._pids = pids

    async def begin(self) -> None:
        """Begin."""
        self._requests = await requests_made(self._api)
        self._cpu_s = cpu_s(self._pids)
        self._began_s = time.monotonic()

    async def end(self) -> Usage:
        """Return what was used since."""
        took_s = time.monotonic() - self._began_s
        cores = {name: (used_s - self._cpu_s[name]) / took_s for name, used_s in cpu_s(self._pids).items()}
        made = await requests_made(self._api) - self._requests
        return Usage(cores, {what: count / took_s for what, count in sorted(made.items())})


async def measure(api: Api, pids: Mapping[str, int], *, for_s: float) -> Usage:
    """Do nothing for a while, and return what was used in it."""
    meter = Meter(api, pids)
    await meter.begin()
    await asyncio.sleep(for_s)
    return await meter.end()


async def requests_made(api: Api) -> Counter[str]:
    """Return how many requests for resources the API server has answered; a watch counts when it ends."""
    counts: Counter[str] = Counter()
    for series in _SERIES.finditer(await api.text("/metrics")):
        labels = dict(_LABEL.findall(series[1]))
        if labels["resource"]:
            part = f"/{labels['subresource']}" if labels["subresource"] else ""
            counts[f"{labels['verb']} {labels['resource']}{part}"] += int(float(series[2]))
    return counts
