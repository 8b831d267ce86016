"""Take one thing after another away from many elections, and measure what that costs.

The exit status is 0 when no leader changed but those that were lost on purpose, 2 when one did, and 1 when the run
could not be made.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from chaos.machine import describe
from chaos.stage import NAMESPACE, Stage
from cluster_support.kubernetes import Refused
from demo.terminal import Terminal
from environment import EnvironmentFailed, wait_until
from outages.leaders import Leaders
from outages.measurement import Measurement, table
from outages.outage import OUTAGES, Outage, acting

PODS = 3
_START_TIMEOUT_S = 600.0
_REPLACED_TIMEOUT_S = 180.0
_SETTLED_TIMEOUT_S = 180.0
_ASK_AGAIN_S = 0.1


class Run:
    """All that runs, and what was measured by now."""

    def __init__(self, folder: Path, terminal: Terminal, *, elections: int, times: int) -> None:
        self._terminal = terminal
        self._elections = {f"e{number:04}": PODS for number in range(1, elections + 1)}
        self._times = times
        self._stage = Stage(folder)
        self._leaders: Leaders

    async def run(self) -> tuple[list[Measurement], dict[str, str]]:
        """Return the measurements, and what they were made on."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._stage.stop)
            await self._start(stack)
            victims = self._victims()
            measurements = [Measurement(outage.name) for outage in OUTAGES]
            for outage, measurement in zip(OUTAGES, measurements, strict=True):
                with self._terminal.step(outage.name, lambda: str(measurement)):  # noqa: B023 - called at once
                    for _ in range(self._times):
                        await self._measure(outage, next(victims), measurement)
            return measurements, describe(self._stage.kubernetes)

    async def _start(self, stack: AsyncExitStack) -> None:
        with self._terminal.step("Starting a control plane and three NATS servers", "Started"):
            await self._stage.start()
        self._leaders = await asyncio.to_thread(Leaders, self._stage.kubernetes, NAMESPACE)
        stack.callback(self._leaders.stop)
        count = len(self._elections)
        with self._terminal.step(f"Making {count} elections", f"{count} elections have leaders"):
            for operator in self._stage.operators.values():
                operator.start(wait=False)
            await asyncio.to_thread(self._stage.populate, self._elections, ({},))
            await asyncio.to_thread(self._leaders.wait_for, count, timeout_s=_START_TIMEOUT_S)
        await self._settle()

    def _victims(self) -> Iterator[str]:
        while True:
            yield from self._elections

    async def _measure(self, outage: Outage, victim: str, measurement: Measurement) -> None:
        before = self._leaders.counts()
        async with outage.broken(self._stage):
            lost = self._leaders.now()[victim]
            await asyncio.to_thread(_insist_on_deletion, self._stage, lost.rpartition("_")[0])
            lost_at_s = time.monotonic()
            if outage.lasts_s:
                await asyncio.sleep(outage.lasts_s)
            else:
                await self._replaced(victim, lost)
        measurement.replaced_after_s.append(await self._replaced(victim, lost) - lost_at_s)
        await self._settle()
        after = self._leaders.counts()
        measurement.changed += sum(after[election] - before[election] for election in before.keys() - {victim})

    async def _replaced(self, victim: str, lost: str) -> float:
        return await asyncio.to_thread(self._leaders.wait_for_another, victim, but=lost, timeout_s=_REPLACED_TIMEOUT_S)

    async def _settle(self) -> None:
        """Return when both operators are ready, one of them acts, and all elections have their pods and a leader."""

        def is_settled() -> bool:
            try:
                acting(self._stage)
            except EnvironmentFailed:
                return False
            ready = all(operator.readiness()[0] == 200 for operator in self._stage.operators.values())
            return ready and not self._leaders.unsettled(PODS)

        await asyncio.to_thread(
            wait_until, is_settled, "all is as it was before", timeout_s=_SETTLED_TIMEOUT_S, every_s=0.2
        )


def _insist_on_deletion(stage: Stage, pod: str) -> None:
    """Delete it, and return when that is acknowledged: the API server may have just been restarted."""

    def is_deleted() -> bool:
        try:
            stage.delete_pod(pod)
        except (OSError, Refused):
            return False
        return True

    wait_until(is_deleted, f"the API server deletes {pod}", timeout_s=30.0, every_s=_ASK_AGAIN_S)


async def _until_terminated(run: Run) -> tuple[list[Measurement], dict[str, str]]:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run.run()


def main() -> int:
    """Do what the arguments say, and return the exit status."""
    arguments = _parser().parse_args()
    for name in [name for name in os.environ if name.startswith("TENURE_")]:
        del os.environ[name]  # The operators get options, and nothing else.
    terminal = Terminal()
    folder = Path(tempfile.mkdtemp(prefix="tenure-outages-"))
    try:
        run = Run(folder, terminal, elections=arguments.elections, times=arguments.times)
        measurements, facts = asyncio.run(_until_terminated(run))
    except (AssertionError, EnvironmentFailed, TimeoutError) as failure:
        terminal.say(terminal.bad(f"The run could not be made. {failure}"))
        terminal.say(f"All logs are in {folder}")
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError) as interruption:
        terminal.say("Interrupted. What was started has ended.")
        return 128 + (signal.SIGINT if isinstance(interruption, KeyboardInterrupt) else signal.SIGTERM)
    shutil.rmtree(folder, ignore_errors=True)
    terminal.say()
    terminal.say(table(measurements))
    terminal.say()
    terminal.say("\n".join(f"* {name}: {fact}" for name, fact in facts.items()))
    return 2 if any(one.changed for one in measurements) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m outages", description=__doc__)
    parser.add_argument("--elections", type=int, default=200, help="how many elections of three pods (default: 200)")
    parser.add_argument("--times", type=int, default=3, help="how often each outage is measured (default: 3)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
