"""Objects of the core as values: compared by all that is in them, and copied, whatever fields they have or will get."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Generic, TypeVar

from tenure.election.alarm import FOREVER_S
from tenure.election.lease import Lease
from tenure.election.operations import LeaseOperation

T = TypeVar("T")

FIRST_S = 1e6
"""When clocks begin. A number that is so high is a time: nothing else that the core knows is."""

_GRAIN_S = 0.01
"""Two times that are nearer than this differ only in what was before what."""

_OLD_S = 100.0
"""An age at which nothing changes any more."""

_PLAIN = frozenset({bool, int, str, bytes, type(None)})


class Catalogue(Generic[T]):
    """Gives things numbers in the order in which they are first seen, and the same number to those of the same key.

    Of keys only the hashes are kept: of a million things, two that differ share one with a probability of 1 to 10⁷.
    """

    def __init__(self, key: Callable[[T], Hashable]) -> None:
        self._key = key
        self._numbers: dict[int, int] = {}
        self._things: list[T] = []

    def number(self, thing: T) -> int:
        """Return the thing's number."""
        number = self._numbers.setdefault(hash(self._key(thing)), len(self._things))
        if number == len(self._things):
            self._things.append(thing)
        return number

    def __getitem__(self, number: int) -> T:
        """Return the thing that was the first to get a number."""
        return self._things[number]


class Fingerprints:
    """Says what is equal for two objects that cannot be told apart."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, Hashable]] = {}

    def of(self, thing: object, now_s: float = FIRST_S) -> Hashable:
        """Return the fingerprint of an object. Of times only the age counts, or what is left until then, at `now_s`."""
        return self._read(thing, now_s, {})

    def _read(self, thing: Any, now_s: float, met: dict[int, int]) -> Hashable:
        kind: Any = type(thing)
        if kind in _PLAIN:
            return thing  # type: ignore[no-any-return]
        if kind is float:
            is_time = FIRST_S <= thing < FOREVER_S
            return ("time", round(max(thing - now_s, -_OLD_S) / _GRAIN_S)) if is_time else thing
        if kind is dict:
            return tuple([(key, self._read(thing[key], now_s, met)) for key in sorted(thing)])
        if kind is tuple:
            return tuple([self._read(one, now_s, met) for one in thing])
        if not _is_value(kind):
            if id(thing) in met:
                return "met", met[id(thing)]
            met[id(thing)] = len(met)
        elif not is_dataclass(kind):
            return thing  # type: ignore[no-any-return]
        elif kind is not Lease:  # There are times in it.
            known = self._known.get(id(thing))
            if known is None:
                known = self._known[id(thing)] = thing, self._read_parts(thing, now_s, met)
            return known[1]
        return self._read_parts(thing, now_s, met)

    def _read_parts(self, thing: Any, now_s: float, met: dict[int, int]) -> Hashable:
        parts = [getattr(thing, name) for name in _names(thing)]
        return type(thing), *[part if type(part) in _PLAIN else self._read(part, now_s, met) for part in parts]


def copied(thing: T, copies: dict[int, Any] | None = None) -> T:
    """Return a copy that changes on its own. What cannot change is shared."""
    kind: Any = type(thing)
    copies = {} if copies is None else copies
    if _is_value(kind):
        return thing
    if kind is dict:
        return {key: copied(value, copies) for key, value in thing.items()}  # type: ignore[attr-defined, return-value]
    copy = copies.get(id(thing))
    if copy is None:
        copy = copies[id(thing)] = object.__new__(kind)
        for name in _names(thing):
            part = getattr(thing, name)
            object.__setattr__(copy, name, part if type(part) in _PLAIN else copied(part, copies))
    return copy  # type: ignore[no-any-return]


@cache
def _is_value(kind: Any) -> bool:
    """Whether objects of this class cannot change, nor anything in them."""
    if hasattr(kind, "__dataclass_params__"):
        return kind.__dataclass_params__.frozen and kind is not LeaseOperation  # That one has its elector in it.
    return kind in _PLAIN or issubclass(kind, Enum | float | tuple | frozenset)


def _names(thing: Any) -> tuple[str, ...]:
    """Return the names of what an object consists of."""
    kind: Any = type(thing)
    return _slots(kind) or tuple(getattr(thing, "__dict__", ()))


@cache
def _slots(kind: Any) -> tuple[str, ...]:
    if is_dataclass(kind):
        return tuple(field.name for field in fields(kind))
    return tuple(name for part in kind.__mro__ for name in getattr(part, "__slots__", ()))
