"""Which elections name a Service, and which EndpointSlices were written for an election, as the watches show it."""

from __future__ import annotations

from collections.abc import Iterable

from tenure.election.inputs import RouteSeen
from tenure.runtime.keys import Key


class ServiceIndex:
    """Services by the elections that name them, and slices by the election that they say they belong to."""

    def __init__(self) -> None:
        self._named: dict[Key, frozenset[str]] = {}
        self._naming: dict[tuple[str, str], set[str]] = {}
        self._slices: dict[Key, dict[str, int]] = {}

    def select(self, key: Key, services: Iterable[str]) -> None:
        """Note which Services an election names; none forgets it."""
        namespace, election = key
        for service in self._named.pop(key, ()):
            naming = self._naming[namespace, service]
            naming.discard(election)
            if not naming:
                del self._naming[namespace, service]
        if named := frozenset(services):
            self._named[key] = named
            for service in named:
                self._naming.setdefault((namespace, service), set()).add(election)

    def naming(self, namespace: str, service: str) -> frozenset[str]:
        """The elections, by name, that name a Service."""
        return frozenset(self._naming.get((namespace, service), ()))

    def concerned(self) -> set[Key]:
        """The elections that name a Service, or that a slice was written for."""
        return self._named.keys() | self._slices.keys()

    def see_slice(self, key: Key, name: str, version: int, *, deleted: bool) -> None:
        """Take a version of a slice."""
        slices = self._slices.setdefault(key, {})
        if deleted:
            slices.pop(name, None)
        else:
            slices[name] = version
        if not slices:
            del self._slices[key]

    def seen(self, key: Key) -> list[RouteSeen]:
        """The slices of an election that are there."""
        return [RouteSeen(f"EndpointSlice/{name}", version) for name, version in self._slices.get(key, {}).items()]
