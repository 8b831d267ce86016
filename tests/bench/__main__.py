"""Measure hand-overs, the cost of elections at rest, and how both grow, with client-go's leader election beside them.

The exit status is 0 when everything was measured, whatever the figures, and 1 when it could not be.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp

from bench import handover, plots
from bench.rest import measure_rest
from bench.results import Results
from bench.scale import CALM_S, Size, measure_size
from bench.stage import Stage
from chaos.machine import describe
from cluster_support.kubernetes import Refused
from demo.terminal import Terminal
from environment import EnvironmentFailed
from environment.binaries import control_plane_binaries, peer_binary

_FAILURES = (AssertionError, EnvironmentFailed, TimeoutError, OSError, Refused, aiohttp.ClientError)

HANDOVER, REST, SCALE = "handover", "rest", "scale"
PARTS = (HANDOVER, REST, SCALE)
SIZES = (100, 1000, 3000, 10_000)
LOSSES = (100, 1000)


async def _run(results: Results, folder: Path, terminal: Terminal, arguments: argparse.Namespace) -> None:
    """Fill the results part by part, so that those of a run that fails in the middle are not lost."""
    began_s = time.monotonic()
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with AsyncExitStack() as stack:
        stage = Stage(folder)
        stack.push_async_callback(asyncio.to_thread, stage.stop)
        with terminal.step("Starting a control plane and a NATS server", "Started a control plane and a NATS server"):
            await asyncio.to_thread(stage.start)
        await stack.enter_async_context(stage.api)
        results.facts = describe(stage.kubernetes, nats_servers=1)
        if HANDOVER in arguments.parts:
            results.hand_overs = await handover.measure(
                stage, terminal, runs=arguments.runs, elections=arguments.hand_over_elections
            )
        await asyncio.to_thread(stage.environment.nodes.kwok.stop)  # From here on pods are objects, and nothing else.
        if REST in arguments.parts:
            results.rest = await measure_rest(
                stage, terminal, elections=arguments.rest_elections, window_s=arguments.window
            )
        if SCALE in arguments.parts:
            await _measure_sizes(stage, terminal, arguments, results, until_s=began_s + 60 * arguments.minutes)
        results.facts = describe(stage.kubernetes, nats_servers=1)  # with the load as it is now


async def _measure_sizes(
    stage: Stage, terminal: Terminal, arguments: argparse.Namespace, results: Results, *, until_s: float
) -> None:
    """Measure one size after another; none is begun that would not be done in time, by what the last one took."""
    took_s, last = 0.0, 0
    for elections in sorted(arguments.sizes):
        began_s = time.monotonic()
        fixed_s = min(arguments.size_window + CALM_S, took_s)
        will_take_s = fixed_s + (took_s - fixed_s) * elections / last if last else 0.0
        if began_s + will_take_s > until_s:
            minutes = f"{will_take_s / 60:.0f} minutes"
            terminal.say(f"{elections} elections are left out: they would take {minutes}. --minutes gives them time.")
            return
        size = Size(elections)
        results.sizes.append(size)
        try:
            await measure_size(stage, terminal, size, window_s=arguments.size_window, losses=sorted(arguments.losses))
        except Exception as failure:
            size.failure = str(_first(failure))
            raise
        took_s, last = time.monotonic() - began_s, elections


def main() -> int:
    """Do what the arguments say, and return the exit status."""
    arguments = _parser().parse_args()
    for name in [name for name in os.environ if name.startswith("TENURE_")]:
        del os.environ[name]  # The operators get options, and nothing else.
    terminal = Terminal()
    results = Results()
    folder = Path(tempfile.mkdtemp(prefix="tenure-bench-"))
    status = 1
    try:
        control_plane_binaries()
        peer_binary()
        asyncio.run(_run(results, folder, terminal, arguments))
        status = 0
    except ExceptionGroup as group:  # of what was done at the same time
        if group.split(_FAILURES)[1] is not None:
            raise
        terminal.say(terminal.bad(f"Not everything could be measured. {_first(group)}"))
    except _FAILURES as failure:
        terminal.say(terminal.bad(f"Not everything could be measured. {failure}"))
    except (KeyboardInterrupt, asyncio.CancelledError) as interruption:
        terminal.say("Interrupted. What was started has ended.")
        status = 128 + (signal.SIGINT if isinstance(interruption, KeyboardInterrupt) else signal.SIGTERM)
    if status == 1:
        terminal.say(f"All logs are in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    try:
        _tell(results, terminal, arguments)
    except OSError as failure:
        terminal.say(terminal.bad(f"The results could not be written: {failure}"))
        return 1
    return status


def _first(failure: Exception) -> Exception:
    return _first(failure.exceptions[0]) if isinstance(failure, ExceptionGroup) else failure


def _tell(results: Results, terminal: Terminal, arguments: argparse.Namespace) -> None:
    """Print the tables, and write the files that were asked for."""
    terminal.say(f"\n{results}")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(results.as_json(), indent=1) + "\n")
    if arguments.report is not None:
        arguments.report.mkdir(parents=True, exist_ok=True)
        (arguments.report / "tables.md").write_text(f"{results}\n")
        if results.hand_overs is not None:
            (arguments.report / "hand-overs.svg").write_text(plots.hand_overs(results.hand_overs))
        if results.sizes:
            (arguments.report / "growth.svg").write_text(plots.growth(results.sizes))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "parts",
        nargs="*",
        type=_part,
        metavar="PART",
        default=PARTS,
        help=f"which of {', '.join(PARTS)}; all by default",
    )
    parser.add_argument("--runs", type=_count, default=100, help="hand-overs of each cause (default: 100)")
    parser.add_argument(
        "--hand-over-elections",
        type=_count,
        default=25,
        metavar="N",
        help="elections that the hand-overs go round, and as many of the peer's (default: 25)",
    )
    parser.add_argument(
        "--rest-elections", type=_count, default=1000, metavar="N", help="elections of the part `rest` (default: 1000)"
    )
    parser.add_argument(
        "--sizes",
        type=_count,
        nargs="+",
        default=SIZES,
        metavar="N",
        help=f"elections of the part `scale` (default: {' '.join(map(str, SIZES))})",
    )
    parser.add_argument(
        "--losses",
        type=_count,
        nargs="+",
        default=LOSSES,
        metavar="N",
        help=f"leaders lost at once, where there are so many (default: {' '.join(map(str, LOSSES))})",
    )
    parser.add_argument(
        "--window",
        type=_count,
        default=60,
        metavar="SECONDS",
        help="how long `rest` looks at each in all (default: 60)",
    )
    parser.add_argument(
        "--size-window",
        type=_count,
        default=30,
        metavar="SECONDS",
        help="how long `scale` looks at each size at rest (default: 30)",
    )
    parser.add_argument(
        "--minutes",
        type=_count,
        default=20,
        metavar="N",
        help="leave sizes out that would not be measured so long after the start (default: 20)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single run there")
    parser.add_argument("--report", type=Path, metavar="DIR", help="write the tables and the plots there")
    return parser


def _part(text: str) -> str:
    if text not in PARTS:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(PARTS)}")
    return text


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 100000")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
