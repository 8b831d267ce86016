"""The simulator finds faults in the protocol: each of these, switched on, breaks a guarantee within a few seeds.

`python -m simulator.mutations` tries them all, for longer.
"""

from __future__ import annotations

import pytest

from simulator.mutations import MUTATIONS, Mutation, found_after

SEEDS = 12

FOUND_WITHIN_SECONDS = [
    "label before the status is acknowledged",
    "crown before the stamps are acknowledged",
    "take the term label off at clean-up",
    "write labels without testing the term",
    "write labels without testing the UID",
    "crown without the term",
    "call a higher label forged without reading",
    "write the status whatever its version",
    "claim the record's next term",
]


@pytest.mark.parametrize("mutation", [m for m in MUTATIONS if m.what in FOUND_WITHIN_SECONDS], ids=lambda m: m.what)
def test_a_deliberate_fault_is_found(mutation: Mutation) -> None:
    assert found_after(mutation, max_seeds=SEEDS) is not None


def test_each_name_is_a_mutation() -> None:
    assert set(FOUND_WITHIN_SECONDS) <= {mutation.what for mutation in MUTATIONS}
