"""How the operator's process ends."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from kubernetes.aio.client import Configuration

from tenure import process
from tenure.nats.bucket import BucketSettings
from tenure.nats.settings import NatsSettings
from tenure.process import OperatorFailed, OperatorProcess
from tenure.settings import Settings

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
