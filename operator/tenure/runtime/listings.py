"""Consistent lists of pods, one for all who ask at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from tenure.kubernetes.client import KubernetesClient
from tenure.kubernetes.metadata import Metadata, list_metadata
from tenure.kubernetes.pods import pods_path


@dataclass(slots=True)
class _Listing:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    begun: int = 0
    finished: int = 0
    items: tuple[Metadata, ...] = ()


class PodListings:
    """Lists a namespace's pods as the API has them now; who asks gets a list that was begun after the question.

    A thousand elections of one namespace that ask at once cost two lists, not a thousand.
    """

    def __init__(self, client: KubernetesClient) -> None:
        self._client = client
        self._listings: dict[str, _Listing] = {}

    async def list(self, namespace: str) -> tuple[Metadata, ...]:
        """Return the metadata of all pods of a namespace. Raises ApiError."""
        listing = self._listings.setdefault(namespace, _Listing())
        wanted = listing.begun + 1
        async with listing.lock:
            if listing.finished >= wanted:
                return listing.items
            listing.begun += 1
            number = listing.begun
            items = await list_metadata(self._client, pods_path(namespace))
            listing.items, listing.finished = items, number
            return items
