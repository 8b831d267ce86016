"""The port for probes and for Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from environment.ports import LOOPBACK, free_ports
from tenure.health import HealthServer
from tenure.nats.bucket import BucketSettings
from tenure.nats.settings import NatsSettings
from tenure.process import OperatorProcess
from tenure.settings import Settings


class Served:
    """A server whose answers the test decides."""

    def __init__(self) -> None:
        self.unhealthy = self.not_ready = ""
        port = free_ports(1)[0]
        self.server = HealthServer(
            LOOPBACK,
            port,
            unhealthy_because=lambda: self.unhealthy,
            not_ready_because=lambda: self.not_ready,
            render_metrics=self._render,
            report=self._report,
        )
        self._url = f"http://{LOOPBACK}:{port}"

    async def ask(self, path: str, method: str = "GET") -> tuple[int, str]:
        """Status and text of an answer."""
        async with aiohttp.ClientSession() as session, session.request(method, self._url + path) as answer:
            return answer.status, await answer.text()

    async def content_type(self, path: str) -> str:
        async with aiohttp.ClientSession() as session, session.get(self._url + path) as answer:
            return answer.headers["Content-Type"]

    async def _report(self, election: str) -> dict[str, Any]:
        return {"asked": election}

    async def _render(self) -> bytes:
        await asyncio.sleep(0)
        return b"tenure_mailbox_depth 0.0\n"


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    served = Served()
    await served.server.start()
    yield served
    await served.server.close()


async def test_probes_say_ok_or_what_is_in_the_way(served: Served) -> None:
    assert [await served.ask(path) for path in ("/healthz", "/readyz")] == [(200, "ok\n")] * 2

    served.not_ready = "waiting for NATS"
    assert await served.ask("/readyz") == (503, "waiting for NATS\n")
    assert await served.ask("/healthz") == (200, "ok\n")

    served.unhealthy = "The timers stand still."
    assert await served.ask("/healthz") == (503, "The timers stand still.\n")


async def test_metrics_have_the_content_type_that_prometheus_expects(served: Served) -> None:
    assert await served.ask("/metrics") == (200, "tenure_mailbox_depth 0.0\n")
    assert await served.content_type("/metrics") == "text/plain; version=0.0.4; charset=utf-8"


async def test_the_report_is_json_and_may_be_about_an_election(served: Served) -> None:
    assert await served.ask("/status") == (200, '{"asked": ""}')
    assert await served.ask("/status?election=shop%2Fweb") == (200, '{"asked": "shop/web"}')
    assert await served.content_type("/status") == "application/json; charset=utf-8"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/status"])
async def test_head_has_the_same_status_and_no_text(served: Served, path: str) -> None:
    assert await served.ask(path, "HEAD") == (200, "")


@pytest.mark.parametrize("path", ["/", "/healthz/", "/metricsz", "/debug/pprof", "/%2e%2e/etc/passwd"])
async def test_other_paths_are_404_with_a_sentence(served: Served, path: str) -> None:
    assert await served.ask(path) == (404, "Nothing is served here. Try /healthz, /readyz, /metrics or /status.\n")


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
async def test_nothing_can_be_sent_here(served: Served, path: str) -> None:
    status, _ = await served.ask(path, "POST")

    assert status == 405


@dataclass
class _Timers:
    late_s: float

    def overdue_s(self) -> float:
        return self.late_s


@pytest.mark.parametrize(
    ("elections_s", "operator_s", "said"),
    [
        (0.0, 0.0, ""),
        (29.0, 29.0, ""),
        (31.0, 0.0, "The timers stand still: the first was due 31 s ago."),
        (0.0, 45.0, "The timers stand still: the first was due 45 s ago."),
    ],
)
def test_an_operator_is_unhealthy_when_timers_of_the_elections_or_of_its_own_lease_stand_still(
    elections_s: float, operator_s: float, said: str
) -> None:
    process = OperatorProcess(
        Settings(),
        nats=NatsSettings(urls=("nats://127.0.0.1:1",)),
        bucket=BucketSettings(),
        kubeconfig=None,
        listen=(LOOPBACK, 1),
    )
    assert process._unhealthy_because() == "", "it has not begun to work yet"

    process._controller = _Timers(elections_s)  # type: ignore[assignment]
    process._lease = _Timers(operator_s)  # type: ignore[assignment]

    assert process._unhealthy_because() == said
