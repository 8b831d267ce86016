"""`python -m simulator --seed 42`: run or replay worlds, a few, for a time, or for so many simulated hours."""

from __future__ import annotations

import argparse
import gc
import itertools
import re
import sys
import time
from collections.abc import Iterator

from simulator.profile import KINDS
from simulator.run import simulate
from simulator.seeds import FAULTS, content, replay_command, seeds_of
from simulator.tally import Tally

_PROGRESS_S = 10.0


def main() -> int:
    """Run the worlds asked for; the status is 1 when a guarantee did not hold in one."""
    options = _parse()
    gc.set_threshold(100_000)  # A tenth of the time otherwise, for the little garbage that goes round in circles.
    tally = Tally()
    told_at_s = time.monotonic()
    for seed in _seeds(options):
        if options.lasts_s and tally.lasted_s >= options.lasts_s:
            break
        if options.hours and tally.simulated_s >= options.hours * 3600:
            break
        try:
            tally.add(simulate(seed, faults=options.faults, kind=options.world, traced=options.trace))
        except Exception as error:
            if not isinstance(error, AssertionError) and options.runs == 1:
                raise
            tally.fail()
            print(f"{error}\n  {replay_command(seed, kind=options.world, faults=options.faults)}", flush=True)
        if time.monotonic() >= told_at_s + _PROGRESS_S:
            told_at_s = time.monotonic()
            print(tally, file=sys.stderr, flush=True)
    print(tally)
    return 1 if tally.failed else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument(
        "--seed", type=int, help="the first seed (default: 0; with --for: one drawn from what is committed)"
    )
    parser.add_argument("--runs", type=int, default=1, help="how many seeds, one after another (default: 1)")
    parser.add_argument("--for", dest="lasts_s", type=_duration_s, help="as many seeds as fit into a time, such as 10m")
    parser.add_argument("--hours", type=float, help="as many seeds as make up so many simulated hours")
    parser.add_argument("--world", choices=KINDS, default="any", help="the kind of world (default: any)")
    parser.add_argument("--faults", type=int, default=FAULTS, help=f"faults in each world (default: {FAULTS})")
    parser.add_argument("--trace", action="store_true", help="print what happens")
    return parser.parse_args()


def _seeds(options: argparse.Namespace) -> Iterator[int]:
    if options.lasts_s and options.seed is None:
        return seeds_of(content())
    first = options.seed or 0
    return itertools.count(first) if options.lasts_s or options.hours else iter(range(first, first + options.runs))


def _duration_s(text: str) -> float:
    match = re.fullmatch(r"(\d+)([smh]?)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: write for instance 90s, 10m or 8h")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


if __name__ == "__main__":
    sys.exit(main())
