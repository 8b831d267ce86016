"""`python -m selffencing`: starts a control plane, a NATS server and an operator, and prints the table."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from environment import Environment
from selffencing.figures import HEAD
from selffencing.play import Play

_CRD = Path(__file__).parents[2] / "crds" / "leaderelections.yaml"


def main() -> None:
    """Measure, and print each row when it is known."""
    parser = argparse.ArgumentParser(prog="selffencing", description=__doc__)
    parser.add_argument("--elections", type=int, default=3, help="how many are measured at once")
    parser.add_argument("--leases", type=int, nargs="+", default=[3, 5, 15], metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=1, help="of the moments at which the faults happen")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tenure-self-fencing-") as folder:
        print("Starting a control plane and a NATS server …", file=sys.stderr, flush=True)
        with Environment(Path(folder) / "environment") as environment:
            environment.kubectl("apply", "-f", str(_CRD))
            environment.kubectl("wait", "--for=condition=Established", "crd/leaderelections.tenure.dev")
            print(f"{HEAD}\n|{' --- |' * HEAD.count(' | ')} --- |", flush=True)
            play = Play(environment, Path(folder), count=arguments.elections, seed=arguments.seed)
            for row in play.rows(arguments.leases):
                print(row, flush=True)


main()
