"""`python -m simulator.mutations`: switch on each mutation; the status is 1 when one is not shown to be found."""

from __future__ import annotations

import argparse
import sys
import time
import warnings

from simulator.mutations import MUTATIONS, advice, find, objection


def main() -> int:
    """Try the mutations whose names have the word that is given, or all."""
    parser = argparse.ArgumentParser(prog="python -m simulator.mutations", description=__doc__)
    parser.add_argument("word", nargs="?", default="", help="only the mutations with this in their name")
    word = parser.parse_args().word
    # A violation ends a world in the middle: what it was about to do is never done.
    warnings.simplefilter("ignore", RuntimeWarning)
    tried = missed = 0
    for mutation in MUTATIONS:
        if word not in mutation.what:
            continue
        began_s = time.process_time()
        finding = find(mutation)
        wrong = objection(mutation, finding)
        tried, missed = tried + 1, missed + (wrong is not None)
        verdict = f"seed {finding.seed}: {finding.violation[:100]}" if finding is not None else "NOT FOUND"
        print(f"{mutation.what:56} {time.process_time() - began_s:5.1f} s  {verdict}", flush=True)
        for remark in (wrong, finding and advice(mutation, finding)):
            if remark is not None:
                print(f"  !! {remark}", flush=True)
    print(f"{tried} mutations, {missed} of them not found; {time.process_time():.0f} s")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
