"""Consistent lists of pods, one for all who ask at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from tenure.kubernetes.client import ApiError, KubernetesClient
from tenure.kubernetes.metadata import Metadata, list_metadata
from tenure.kubernetes.pods import pods_path


@dataclass(slots=True)
class _Listing:
    """`begun` and `finished` are numbers of lists; `outcome` is what became of the last that is finished."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    asking: int = 0
    begun: int = 0
    finished: int = 0
    outcome: tuple[Metadata, ...] | ApiError = ()


class PodListings:
    """Lists a namespace's pods as the API has them now; who asks gets a list that was begun after the question.

    A thousand elections of one namespace that ask at once cost two lists, not a thousand. A list that fails does so for
    all who wait for it: they do not try one after another.
    """

    def __init__(self, client: KubernetesClient) -> None:
        self._client = client
        self._listings: dict[str, _Listing] = {}

    async def list(self, namespace: str) -> tuple[Metadata, ...]:
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
            raise outcome
        return outcome

    async def _list(self, namespace: str, listing: _Listing) -> None:
        listing.begun += 1
        number = listing.begun
        try:
            listing.outcome = await list_metadata(self._client, pods_path(namespace))
        except ApiError as error:
            listing.outcome = error
        listing.finished = number
