"""`python -m explorer`: go through the small worlds of `explorer.scenarios`, all or some."""

from __future__ import annotations

import argparse
import sys
import time

from explorer.scenarios import MIN_STATES, SCENARIOS, Scenario
from explorer.schedule import narrate
from explorer.search import Search


def main() -> int:
    """Explore; the status is 1 when a guarantee can be broken, and when all worlds together are too few states."""
    parser = argparse.ArgumentParser(prog="python -m explorer", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="the worlds to explore (default: all)")
    parser.add_argument("--list", action="store_true", help="show the worlds and what may happen in each, and end")
    parser.add_argument("--states", type=int, metavar="N", help="visit at most so many states of each world")
    parser.add_argument("--depth", type=int, metavar="N", help="look at most so many moves ahead")
    arguments = parser.parse_args()
    names = [scenario.name for scenario in SCENARIOS]
    if unknown := set(arguments.names) - set(names):
        parser.error(f"there is no world {', '.join(sorted(unknown))}: --list shows those that there are")
    chosen = [scenario for scenario in SCENARIOS if not arguments.names or scenario.name in arguments.names]
    if arguments.list:
        print("\n".join(map(_described, chosen)))
        return 0
    started_s = time.monotonic()
    visited = moves = 0
    for scenario in chosen:
        search = scenario.search()
        search.run(
            states=arguments.states or scenario.states,
            depth=arguments.depth or scenario.depth,
            progress=_show_progress if sys.stderr.isatty() else lambda _: None,
        )
        visited, moves = visited + search.visited, moves + search.moves
        print(f"{_described(scenario)} {_result(search)}", flush=True)
        if search.broken is not None:
            print("\nA guarantee can be broken, and by no shorter schedule than this:\n")
            print("\n".join(narrate(search.dynamics, search.first, search.broken)))
            return 1
    took_s = time.monotonic() - started_s
    print(f"{visited:,} states, {moves:,} moves, no guarantee broken; {took_s:.0f} s, {visited / took_s:,.0f} states/s")
    in_full = not (arguments.names or arguments.states or arguments.depth)
    if in_full and visited < MIN_STATES:
        print(f"These are fewer than {MIN_STATES:,} states: something that may happen is no longer looked at.")
        return 1
    return 0


def _described(scenario: Scenario) -> str:
    faults = ", ".join(f"{what} {count}" for what, count in scenario.left._asdict().items() if count)
    return f"{scenario.name:24} {scenario.processes} x {len(scenario.pods)} pods  {faults or '-':22}"


def _result(search: Search) -> str:
    extent = "all of it" if search.is_complete else f"all to depth {search.depth}"
    return f"{search.visited:9,} states, {search.moves:10,} moves, {extent:15} {search.cpu_s:5.0f} s"


def _show_progress(search: Search) -> None:
    print(f"\x1b[K{search.visited:,} states, depth {search.depth}", end="\r", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
