"""Break what the operator relies on, from a seed, and judge what the outside saw.

The exit status is 0 when nothing was violated, 1 when the run could not be made or something may have been missed, 2
when a guarantee was violated, and what a shell expects when it was interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from chaos.history import History
from chaos.judge import judge
from chaos.observers import ObserverFailed
from chaos.report import Report, summarize
from chaos.run import Outcome, Run
from demo.terminal import Terminal
from environment import EnvironmentFailed

_FAILURES = (EnvironmentFailed, ObserverFailed, TimeoutError)
_UNITS_S = {"s": 1, "m": 60, "h": 3600}
_LONGEST_S = 24 * 3600


def main() -> int:
    """Do what the arguments say, and return the exit status."""
    arguments = _parser().parse_args()
    if arguments.judge is not None:
        return _judge_again(arguments.judge)
    for name in [name for name in os.environ if name.startswith("TENURE_")]:
        del os.environ[name]  # The operators get options, and nothing else.
    terminal = Terminal()
    seed = arguments.seed
    terminal.say(f"Seed {seed}. The same faults again: make chaos FOR={arguments.for_s:.0f}s SEED={seed}")
    folder = Path(tempfile.mkdtemp(prefix="tenure-chaos-"))
    status = 1
    try:
        outcome = asyncio.run(_run(folder, terminal, arguments))
        status = _tell(outcome, terminal, arguments, folder)
    except BaseExceptionGroup as group:
        for failure in _leaves(group):
            if not isinstance(failure, _FAILURES):
                raise
            terminal.say(terminal.bad(f"Nothing can be said of this run. {failure}"))
    except _FAILURES as failure:
        terminal.say(terminal.bad(f"Nothing can be said of this run. {failure}"))
    except (KeyboardInterrupt, asyncio.CancelledError) as interruption:
        terminal.say("Interrupted. What was started has ended.")
        status = 128 + (signal.SIGINT if isinstance(interruption, KeyboardInterrupt) else signal.SIGTERM)
    if status in (1, 2):
        terminal.say(f"All logs are in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return status


async def _run(folder: Path, terminal: Terminal, arguments: argparse.Namespace) -> Outcome:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await Run(folder, terminal).run(arguments.seed, for_s=arguments.for_s)


def _tell(outcome: Outcome, terminal: Terminal, arguments: argparse.Namespace, folder: Path) -> int:
    """Print the report, write the files, and return the exit status."""
    report = summarize(outcome.history, outcome.violations, seed=arguments.seed, facts=outcome.facts)
    terminal.say(f"\n{report}")
    if arguments.report is not None:
        _write(report, arguments.report)
        terminal.say(f"The report is in {arguments.report}")
    if not outcome.violations:
        return 0
    file = folder / "history.json"
    outcome.history.save(file)
    terminal.say(terminal.bad(report.verdict))
    terminal.say(f"To judge this history again: PYTHONPATH=tests .venv/bin/python -m chaos --judge {file}")
    return 2


def _judge_again(file: Path) -> int:
    try:
        history = History.load(file)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{file} is no history of a run: {error!r}", file=sys.stderr)
        return 1
    violations = judge(history)
    print(summarize(history, violations, seed=None, facts={}))
    return 2 if violations else 0


def _write(report: Report, file: Path) -> None:
    if file.suffix == ".json":
        file.write_text(json.dumps(report.as_json(), indent=2) + "\n")
    else:
        file.write_text(f"# Chaos\n\n{report}\n")


def _leaves(group: BaseExceptionGroup) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument(
        "--for", dest="for_s", type=_seconds, default="10m", metavar="LENGTH",
        help="how long things are broken, such as 90s, 10m or 1h; start and end come on top (default: 10m)",
    )  # fmt: skip
    parser.add_argument(
        "--seed",
        type=int,
        default=random.SystemRandom().randrange(10**6),
        help="whose faults to inject (default: drawn)",
    )
    parser.add_argument(
        "--report",
        type=_new_file,
        metavar="FILE",
        help="write the report there: as JSON if it ends in .json, else Markdown",
    )
    parser.add_argument("--judge", type=Path, metavar="FILE", help="only judge a history that an earlier run has kept")
    return parser


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d{1,6})([smh]?)", text)
    length_s = int(match[1]) * _UNITS_S[match[2] or "s"] if match else 0
    if not 0 < length_s <= _LONGEST_S:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no length of time up to a day: write for instance 90s, 10m or 1h"
        )
    return float(length_s)


def _new_file(text: str) -> Path:
    file = Path(text).absolute()
    if not file.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {file.parent}: make it first")
    return file


if __name__ == "__main__":
    sys.exit(main())
