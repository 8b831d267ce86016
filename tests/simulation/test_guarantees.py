"""G1 to G6 under faults drawn from seeds, on the production core. A failing seed is replayed by the command shown."""

from __future__ import annotations

import pytest

from simulator.invariants import Violation
from simulator.run import simulate, simulate_short_faults


@pytest.mark.parametrize("seed", range(60))
def test_g1_to_g5_hold_whatever_fails(seed: int) -> None:
    try:
        report = simulate(seed, leases=15)
    except Violation as violation:
        pytest.fail(f"{violation}\nReplay it: PYTHONPATH=tests python -m simulator --seed {seed} --leases 15")
    assert report.leader_changes > 0


@pytest.mark.parametrize("seed", range(20))
def test_g6_short_faults_change_no_leader(seed: int) -> None:
    try:
        report = simulate_short_faults(seed, leases=40)
    except Violation as violation:
        pytest.fail(f"{violation}\nReplay it: PYTHONPATH=tests python -m simulator --calm --seed {seed} --leases 40")
    assert report.leader_changes == 1
    assert report.faults > 5


def test_a_seed_replays_exactly() -> None:
    assert simulate(7, leases=15) == simulate(7, leases=15)
