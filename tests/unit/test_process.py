"""How the operator's process ends."""

from __future__ import annotations

import subprocess
import sys

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
