"""`python -m simulator --seed 42`: run or replay seeds."""

from __future__ import annotations

import argparse
import sys
import time

from simulator.invariants import Violation
from simulator.run import simulate, simulate_short_faults


def main() -> int:
    """Run the seeds asked for; the status is 1 when a guarantee did not hold."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--runs", type=int, default=1, help="how many seeds, one after another (default: 1)")
    parser.add_argument("--leases", type=float, default=400.0, help="length of a run in lease durations (default: 400)")
    parser.add_argument(
        "--calm", action="store_true", help="only short faults, and no pod that fails: no leader may change"
    )
    arguments = parser.parse_args()
    run = simulate_short_faults if arguments.calm else simulate
    started_s, simulated_s, changes, failed = time.monotonic(), 0.0, 0, 0
    for seed in range(arguments.seed, arguments.seed + arguments.runs):
        try:
            report = run(seed, leases=arguments.leases)
        except Violation as violation:
            failed += 1
            print(f"seed {seed}: {violation}")
            continue
        except Exception as error:
            failed += 1
            print(f"seed {seed}: {error!r}")
            if arguments.runs == 1:
                raise
            continue
        simulated_s += report.simulated_s
        changes += report.leader_changes
    print(
        f"{arguments.runs} runs, {failed} failed, {simulated_s / 3600:.0f} simulated hours, {changes} leader changes, "
        f"{time.monotonic() - started_s:.1f} s"
    )
    return 1 if failed else 0


sys.exit(main())
