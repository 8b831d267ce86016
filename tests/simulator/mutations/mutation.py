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
    likely: a run has `faults` faults, and so many `seeds` are tried.
    """

    what: str
    breaks: str
    profile: Profile
    switch_on: SwitchOn
    faults: int = 60
    seeds: int = 40


def find(mutation: Mutation) -> tuple[int, str] | None:
    """Return the first seed that shows a mutation, and how; None when none of its seeds does."""
    with mutation.switch_on():
        for seed in range(mutation.seeds):
            try:
                simulate(seed, faults=mutation.faults, profile=mutation.profile)
            except AssertionError as violation:
                return seed, str(violation) or repr(violation)
    return None


def breaks_as_said(mutation: Mutation, violation: str) -> bool:
    """Whether a violation is of the kind that the mutation is expected to lead to."""
    return re.search(rf"\b(?:{mutation.breaks})\b", violation) is not None


def put(owner: Any, name: str, new: Any) -> SwitchOn:
    """Return how `new` is put in the place of an attribute, for a while."""
    return lambda: patch.object(owner, name, new)
