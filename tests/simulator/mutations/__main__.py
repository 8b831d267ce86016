"""`python -m simulator.mutations`: switch on each mutation; the status is 1 when one is not found."""

from __future__ import annotations

import argparse
import sys
import time
import warnings

from simulator.mutations import MUTATIONS, breaks_as_said, find


def main() -> int:
    """Try the mutations whose names have the word that is given, or all."""
    parser = argparse.ArgumentParser(prog="python -m simulator.mutations", description=__doc__)
    parser.add_argument("word", nargs="?", default="", help="only the mutations with this in their name")
    word = parser.parse_args().word
    # A violation ends a world in the middle: what it was about to do is never done.
    warnings.simplefilter("ignore", RuntimeWarning)
    missed = 0
    for mutation in MUTATIONS:
        if word not in mutation.what:
            continue
        began_s = time.process_time()
        found = find(mutation)
        is_right = found is not None and breaks_as_said(mutation, found[1])
        missed += not is_right
        verdict = f"seed {found[0]}: {found[1][:100]}" if found else "NOT FOUND"
        print(
            f"{mutation.what:56} {time.process_time() - began_s:5.1f} s  {'' if is_right else '!! '}{verdict}",
            flush=True,
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
