"""The simulator finds mistakes in the protocol: each of these, switched on, breaks a guarantee, and nothing else does.

`make mutations` says which seed shows each, and how.
"""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import pytest

from simulator.mutations import MUTATIONS, Finding, Mutation, advice, find, mutation, objection
from simulator.mutations.worlds import CALM


@pytest.mark.filterwarnings("default::UserWarning")
@pytest.mark.parametrize("mistake", MUTATIONS, ids=lambda mistake: mistake.what)
def test_a_deliberate_fault_is_found_and_its_world_breaks_nothing_without_it(mistake: Mutation) -> None:
    finding = find(mistake)
    assert objection(mistake, finding) is None
    assert finding is not None
    if remark := advice(mistake, finding):
        warnings.warn(remark, stacklevel=1)


# The search itself, with a simulator that only pretends.

SWITCH = SimpleNamespace(on=False)
PRETENDED = Mutation("pretend", "G3", CALM, mutation.put(SWITCH, "on", True), seeds=10, begin_at=7)


def pretend(monkeypatch: pytest.MonkeyPatch, violation: str, *seeds: int, always: bool = False) -> Finding | None:
    """Search where these seeds break something with the mutation, or always."""

    def simulate(seed: int, **_: object) -> None:
        if seed in seeds and (SWITCH.on or always):
            raise AssertionError(violation)

    monkeypatch.setattr(mutation, "simulate", simulate)
    return find(PRETENDED)


def test_the_noted_seed_is_tried_first(monkeypatch: pytest.MonkeyPatch) -> None:
    found = pretend(monkeypatch, "G3: two leaders", 3, 7)

    assert found == Finding(7, "G3: two leaders", None)
    assert objection(PRETENDED, found) is None
    assert advice(PRETENDED, found) is None


def test_where_the_noted_seed_shows_nothing_the_search_goes_on_and_says_which_to_note(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = pretend(monkeypatch, "G3: two leaders", 3)

    assert found == Finding(3, "G3: two leaders", None)
    assert objection(PRETENDED, found) is None
    assert advice(PRETENDED, found) == "seed 7 no longer shows 'pretend': note begin_at=3"


def test_what_breaks_without_the_mutation_too_is_not_a_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    found = pretend(monkeypatch, "G3: two leaders", 7, always=True)

    assert "not to blame" in str(objection(PRETENDED, found))


def test_what_breaks_something_else_is_not_a_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    found = pretend(monkeypatch, "G5: no leader", 7)

    assert "something else than G3" in str(objection(PRETENDED, found))


def test_what_no_seed_shows_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    found = pretend(monkeypatch, "G3: two leaders", 11)

    assert found is None
    assert objection(PRETENDED, found) == "not found"
