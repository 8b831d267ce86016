"""The simulator finds mistakes in the protocol: each of these, switched on, breaks a guarantee within a few seeds.

`make mutations` tries all of them, and says which seed shows each, and how.
"""

from __future__ import annotations

import pytest

from simulator.mutations import MUTATIONS, Mutation, breaks_as_said, find
from simulator.run import simulate

TAKE_LONGER = {
    "skip a stamp",
    "call a higher term forged because a renewal succeeded",
    "adopt a record below the status",
    "read nothing after a wrong revision",
    "act after the operator's own deadline",
}
"""What is found as well, but not in the time that the tests have: seconds to half a minute each."""

QUICK = [mutation for mutation in MUTATIONS if mutation.what not in TAKE_LONGER]
WORLDS = list({id(mutation.profile): mutation for mutation in MUTATIONS}.values())


@pytest.mark.parametrize("mutation", QUICK, ids=lambda mutation: mutation.what)
def test_a_deliberate_fault_is_found(mutation: Mutation) -> None:
    found = find(mutation)
    assert found is not None
    assert breaks_as_said(mutation, found[1]), found


@pytest.mark.parametrize("mutation", WORLDS, ids=lambda mutation: mutation.what)
def test_without_the_fault_the_same_world_breaks_nothing(mutation: Mutation) -> None:
    simulate(0, faults=10, profile=mutation.profile)


def test_what_takes_longer_is_a_mutation() -> None:
    assert {mutation.what for mutation in MUTATIONS} >= TAKE_LONGER
