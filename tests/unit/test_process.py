"""How the operator's process ends: when it is told to, and when a part of it has failed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any, cast

import kopf
import pytest
from kubernetes.aio.client import Configuration

from tenure import process
from tenure.kubernetes.client import KubernetesClient
from tenure.nats.bucket import BucketSettings
from tenure.nats.settings import NatsSettings
from tenure.process import OperatorFailed, OperatorProcess
from tenure.runtime.controller import Controller
from tenure.runtime.operator_lease import OperatorLease
from tenure.runtime.resync import Resync
from tenure.settings import Settings
from unit.virtual_time import run

_STUBBORN = """
import asyncio, time
from tenure.nats.bucket import BucketSettings
from tenure.nats.settings import NatsSettings
from tenure.process import OperatorProcess
from tenure.settings import Settings

class Stubborn(OperatorProcess):
    async def _work_on(self):
        asyncio.get_running_loop().run_in_executor(None, time.sleep, 3600)
        print("works", flush=True)
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                pass

nats = NatsSettings(urls=("nats://nats:4222",))
process = Stubborn(Settings(), nats=nats, bucket=BucketSettings(), kubeconfig=None, listen=("127.0.0.1", 0))
asyncio.run(process.run())
"""


def test_an_operator_ends_when_it_is_told_to_whatever_hangs() -> None:
    """A task that goes on when it is cancelled, and a thread, for which the event loop would wait at its end."""
    with subprocess.Popen([sys.executable, "-c", _STUBBORN], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "works\n"
        process.terminate()
        try:
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()


@pytest.mark.parametrize("obstacle", ["", "The CRD is not there."])
def test_a_defect_is_logged_with_its_traceback_and_what_only_waits_is_not(
    obstacle: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Defective(OperatorProcess):
        attempts = 0

        async def _work(self, _: object) -> None:
            self.attempts += 1
            if self.attempts > 1:
                raise OperatorFailed("enough")
            raise OperatorFailed("Nothing can be watched any more.") from KeyError("defect")

        async def _find_obstacle(self, _: object) -> str:
            return obstacle if self.attempts == 1 else ""

    async def load(_: str | None) -> Any:
        return Configuration()

    monkeypatch.setattr(process, "load_configuration", load)
    nats = NatsSettings(urls=("nats://nats:4222",))
    operator = Defective(Settings(), nats=nats, bucket=BucketSettings(), kubeconfig=None, listen=("127.0.0.1", 0))
    with pytest.raises(OperatorFailed):
        asyncio.run(operator._work_on())
    assert ("KeyError: 'defect'" in caplog.text) is (not obstacle)


class _Parts:
    """Stands for each part of an operator that has begun to work. The part `failing` fails after a second."""

    def __init__(self, failing: str = "") -> None:
        self.has_compared = asyncio.Event()
        self.has_compared.set()
        self.has_failed = asyncio.Event()
        self.ended: list[str] = []
        self._failing = failing

    async def run(self) -> None:
        await self._work("resync")

    async def watch_api(self, _: object) -> None:
        await self._work("watch of the API")

    async def _work(self, part: str) -> None:
        try:
            await asyncio.sleep(1)
            if part == self._failing:
                raise KeyError("defect")
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await asyncio.sleep(0.5)
            self.ended.append(part)
            raise

    def campaign(self) -> None:
        pass

    async def resign(self) -> None:
        pass

    async def close(self) -> None:
        pass


async def _watch(parts: Any) -> None:
    nats = NatsSettings(urls=("nats://nats:4222",))
    operator = OperatorProcess(Settings(), nats=nats, bucket=BucketSettings(), kubeconfig=None, listen=("::1", 0))
    await operator._watch(
        cast(KubernetesClient, parts), cast(Controller, parts), cast(Resync, parts), cast(OperatorLease, parts)
    )


@pytest.fixture
def without_kopf(monkeypatch: pytest.MonkeyPatch) -> None:
    async def spawn(*, ready_flag: asyncio.Event, **_: object) -> list[asyncio.Task[None]]:
        ready_flag.set()
        return []

    monkeypatch.setattr(kopf, "spawn_tasks", spawn)
    monkeypatch.setattr(process, "build_registry", lambda *_, **__: None)
    monkeypatch.setattr(process, "catch_stop_signals", lambda _: None)


@pytest.mark.usefixtures("without_kopf")
@pytest.mark.parametrize("part", ["resync", "watch of the API"])
def test_an_operator_does_not_go_on_without_a_part_that_failed_as_nobody_foresaw(part: str) -> None:
    async def scenario() -> None:
        with pytest.raises(OperatorFailed, match="KeyError\\('defect'\\)"):
            async with asyncio.timeout(60):
                await _watch(_Parts(failing=part))

    run(scenario())


@pytest.mark.usefixtures("without_kopf")
def test_what_an_operator_compares_and_watches_has_ended_when_it_ends() -> None:
    """What the parts use is closed next."""
    parts = _Parts()

    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await _watch(parts)
        assert sorted(parts.ended) == ["resync", "watch of the API"]

    run(scenario())
