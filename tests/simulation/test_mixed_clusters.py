"""One key, contended for by candidates of ours and by nodes in Go, under faults drawn from seeds.

The module `simulator.mixed_cluster` says which faults nodes in Go cannot stand, and are spared.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from simulator.mixed_cluster import MixedCluster
from simulator.seeds import content, seeds_of

FIXED = 200
DERIVED = 50
FAULTS = 8


@pytest.mark.parametrize("seed", [*range(FIXED), *islice(seeds_of(content()), DERIVED)])
def test_one_leads_at_a_time_and_no_candidate_of_ours_claims_a_term_that_it_has_seen(seed: int) -> None:
    """And none puts a lower term over a higher one, or a marker over a record; and in the end there is a leader."""
    MixedCluster(seed).play(FAULTS)


def test_leadership_goes_both_ways_on_resignation_and_when_the_leader_is_killed() -> None:
    handovers: Counter[tuple[str, str, str]] = Counter()
    for seed in range(20):
        cluster = MixedCluster(seed)
        cluster.play(0)
        handovers += cluster.handovers

    ways = [
        (one, how, other) for one, other in (("python", "go"), ("go", "python")) for how in ("resigns", "is killed")
    ]
    assert {way: handovers[way] for way in ways if handovers[way] < 2} == {}
