"""Consistent lists of pods, one for all who ask at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field

from tenure.election.labels import ROLE_PREFIX, TERM_PREFIX, role_key, term_key
from tenure.election.pod import PodRef
from tenure.election.selector import Selector
from tenure.kubernetes.client import KubernetesClient
from tenure.kubernetes.errors import ApiError
from tenure.kubernetes.metadata import Metadata, list_metadata
from tenure.kubernetes.pods import pods_path


class PodList:
    """One list, looked through once, however many elections ask for their part of it."""

    def __init__(self, items: Iterable[Metadata] = ()) -> None:
        self.items = tuple(items)
        self._by_value: dict[str, dict[str, list[Metadata]]] = {}
        """By key and value of a label: of the keys that somebody has asked for."""
        self._by_own_key: dict[str, list[Metadata]] = {}
        for item in self.items:
            for key in item.labels:
                if key.startswith((ROLE_PREFIX, TERM_PREFIX)):
                    self._by_own_key.setdefault(key, []).append(item)

    def concerning(self, election: str, selector: Selector | None) -> tuple[PodRef, ...]:
        """Return the pods that a selector finds or that carry a label of the election."""
        pair = selector.required_pair() if selector is not None else None
        selected = self.items if pair is None else self._with(*pair)
        found = {item.ref: None for item in selected if selector is not None and selector.matches(item.labels)}
        for key in (role_key(election), term_key(election)):
            found |= {item.ref: None for item in self._by_own_key.get(key, ())}
        return tuple(found)

    def _with(self, key: str, value: str) -> Iterable[Metadata]:
        if key not in self._by_value:
            by_value = self._by_value[key] = {}
            for item in self.items:
                if key in item.labels:
                    by_value.setdefault(item.labels[key], []).append(item)
        return self._by_value[key].get(value, ())


REST = 2.0
"""While elections ask without end, as at the start of thousands, the time between two lists is so many times what the
last one took: lists take a third of the time then, and each serves more of those who ask."""

LONGEST_REST_S = 5.0


@dataclass(slots=True)
class _Listing:
    """`begun` and `finished` are numbers of lists; `outcome` is what became of the last that is finished."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    asking: int = 0
    begun: int = 0
    finished: int = 0
    outcome: PodList | ApiError = field(default_factory=PodList)
    rest_s: float = 0.0


class PodListings:
    """Lists a namespace's pods as the API has them now; who asks gets a list that was begun after the question.

    A thousand elections of one namespace that ask at once cost two lists, not a thousand. A list that fails does so for
    all who wait for it: they do not try one after another.
    """

    def __init__(self, client: KubernetesClient) -> None:
        self._client = client
        self._listings: dict[str, _Listing] = {}

    async def list(self, namespace: str) -> PodList:
        """Return the metadata of all pods of a namespace. Raises ApiError."""
        listing = self._listings.setdefault(namespace, _Listing())
        wanted = listing.begun + 1
        listing.asking += 1
        try:
            async with listing.lock:
                if listing.finished < wanted:
                    await self._list(namespace, listing)
                outcome = listing.outcome
        finally:
            listing.asking -= 1
            if not listing.asking:
                del self._listings[namespace]
        if isinstance(outcome, ApiError):
            raise copy(outcome) from outcome  # Each has its own: one for all would grow by each one's traceback.
        return outcome

    async def _list(self, namespace: str, listing: _Listing) -> None:
        await asyncio.sleep(listing.rest_s)
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        listing.begun += 1
        number = listing.begun
        try:
            listing.outcome = PodList(await list_metadata(self._client, pods_path(namespace)))
        except ApiError as error:
            listing.outcome = error
        listing.finished = number
        listing.rest_s = min(REST * (loop.time() - begun_s), LONGEST_REST_S)
