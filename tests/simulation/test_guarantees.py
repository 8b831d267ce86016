"""G1 to G6 under faults drawn from seeds, on the production runtime. The command shown replays a failing seed."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from simulator.run import simulate
from simulator.seeds import content, replay_command, seeds_of

FIXED = 200
DERIVED = 50
OF_PODS = 50
OF_ROUTES = 40
FAULTS = 6
"""In each world; `make simulate` has more, and for as long as one likes."""

_TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("seed", [*range(FIXED), *islice(seeds_of(content()), DERIVED)])
def test_g1_to_g6_hold_whatever_fails(seed: int) -> None:
    _hold(seed, faults=FAULTS)


@pytest.mark.parametrize("seed", range(OF_PODS))
def test_g2_to_g5_hold_where_the_pods_campaign(seed: int) -> None:
    """Nodes run in the pods under any of their names, crash, and forget their terms when they resign."""
    _hold(seed, faults=2 * FAULTS, kind="pods")


@pytest.mark.parametrize("seed", range(OF_ROUTES))
def test_a_slice_has_the_leaders_address_and_no_other_and_no_gap_whatever_fails(seed: int) -> None:
    """The operator writes the endpoints of a Service with two families; users delete them, and forge their terms."""
    _hold(seed, faults=2 * FAULTS, kind="routes")


def _hold(seed: int, *, faults: int, kind: str = "any") -> None:
    try:
        simulate(seed, faults=faults, kind=kind)
    except AssertionError as violation:
        pytest.fail(f"{violation}\nReplay it: {replay_command(seed, kind=kind, faults=faults)}")


def test_a_seed_replays_exactly_in_another_process() -> None:
    program = "from simulator.run import simulate; print(simulate(7, faults=6), simulate(8, faults=6))"
    reports = set()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONPATH": str(_TESTS), "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", program]
        reports.add(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(reports) == 1
