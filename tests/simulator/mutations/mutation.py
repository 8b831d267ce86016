"""A deliberate fault in the protocol, and the search for a schedule that shows it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from simulator.profile import Profile
from simulator.run import simulate

SwitchOn = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True, slots=True)
class Mutation:
    """What is done wrong, how it is switched on, and where it shows.

    `breaks` is what the violation names that it leads to, such as "G1|G2". `profile` is a world in which that is
    likely: a run has `faults` faults, and so many `seeds` are tried. Where that takes long, `begin_at` is the seed that
    showed it last, and is tried first.
    """

    what: str
    breaks: str
    profile: Profile
    switch_on: SwitchOn
    faults: int = 60
    seeds: int = 40
    begin_at: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """The seed that shows a mutation and the violation; `without` is what the same seed breaks without the mutation."""

    seed: int
    violation: str
    without: str | None


def find(mutation: Mutation) -> Finding | None:
    """Return the first seed that shows a mutation, the noted one before all; None when none of its seeds does."""
    noted = () if mutation.begin_at is None else (mutation.begin_at,)
    for seed in dict.fromkeys((*noted, *range(mutation.seeds))):
        with mutation.switch_on():
            violation = _violation(mutation, seed)
        if violation is not None:
            return Finding(seed, violation, _violation(mutation, seed))
    return None


def objection(mutation: Mutation, finding: Finding | None) -> str | None:
    """Return why it is not shown that the simulator finds a mutation; None when it is.

    It is when the mutation breaks what it is said to, and its world breaks nothing without it, to the last fault.
    """
    if finding is None:
        return "not found"
    if finding.without is not None:
        return f"the mutation is not to blame: without it seed {finding.seed} ends so: {finding.without}"
    if re.search(rf"\b(?:{mutation.breaks})\b", finding.violation) is None:
        return f"seed {finding.seed} breaks something else than {mutation.breaks}: {finding.violation}"
    return None


def advice(mutation: Mutation, finding: Finding) -> str | None:
    """Return which seed to note when the noted one no longer shows a mutation."""
    if mutation.begin_at in (None, finding.seed):
        return None
    return f"seed {mutation.begin_at} no longer shows {mutation.what!r}: note begin_at={finding.seed}"


def _violation(mutation: Mutation, seed: int) -> str | None:
    try:
        simulate(seed, faults=mutation.faults, profile=mutation.profile)
    except AssertionError as violation:
        return str(violation) or repr(violation)
    return None


def put(owner: Any, name: str, new: Any) -> SwitchOn:
    """Return how `new` is put in the place of an attribute, for a while."""
    return lambda: patch.object(owner, name, new)
