"""One listing every few minutes of all that is watched: it finds what the watches have missed, and what nobody owns."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterable

from tenure.election.inputs import SlicesListed
from tenure.election.labels import ROLE_PREFIX
from tenure.kubernetes.client import KubernetesClient
from tenure.kubernetes.errors import ApiError, NotFound
from tenure.kubernetes.metadata import Metadata, list_metadata
from tenure.kubernetes.pods import parse_pod, pod_path, pods_path
from tenure.kubernetes.resources import read_resource, resources_path
from tenure.kubernetes.slices import ELECTION, MANAGED_BY, MANAGER, slices_path
from tenure.nats.store import StoreError
from tenure.runtime.controller import Controller
from tenure.runtime.keys import Key, parse_lease_key
from tenure.runtime.leases import Leases
from tenure.runtime.watch_lag import until_watched
from tenure.settings import Settings

logger = logging.getLogger(__name__)

RETRY_S = 10.0

RELIST_SETTLES_S = 1.0
"""How long after the first object of a new list the comparison is made: by then the rest has mostly come."""

MAX_RETIRED = 200
"""Elections that are cleaned up after in one comparison; each takes up to five requests. The next one goes on."""


class Resync:
    """Compares the caches with metadata-only lists; what differs is read for itself.

    The pods are listed from the API server's own cache, but for a comparison that something may have been missed for.
    """

    def __init__(self, settings: Settings, client: KubernetesClient, controller: Controller, leases: Leases) -> None:
        self._settings = settings
        self._client = client
        self._controller = controller
        self._leases = leases
        self.has_compared = asyncio.Event()
        """Set when everything that was there at the start is known."""
        self._may_have_missed = False

    async def run(self) -> None:
        """Compare now, after each interval, and whenever something may have been missed, until cancelled."""
        while True:
            try:
                await self.compare()
            except (ApiError, StoreError) as error:
                logger.warning("The listing of all that is watched was put off: %s", error)
            except Exception:
                logger.exception("The listing of all that is watched failed")
            else:
                self.has_compared.set()
                await self._until_wanted()
                continue
            await asyncio.sleep(min(RETRY_S, self._settings.resync_interval_s))

    async def _until_wanted(self) -> None:
        try:
            async with asyncio.timeout(self._settings.resync_interval_s):
                await self._controller.wants_comparison.wait()
        except TimeoutError:
            return
        await asyncio.sleep(RELIST_SETTLES_S)

    async def compare(self) -> None:
        """Compare once. Raises ApiError or StoreError when it could not be finished."""
        wanted = self._controller.wants_comparison
        self._may_have_missed |= wanted.is_set()
        wanted.clear()
        # Elections first: whatever is listed afterwards can belong to none that is younger than this list.
        elections = await self._list_elections()
        await self._compare_elections(elections)
        # A cache of the server may be behind the new list of a watch: it would still show what that list has hidden.
        pods = await self._list_pods(from_cache=not self._may_have_missed)
        await self._compare_pods(pods)
        if self._settings.endpoint_slices:
            await self._compare_slices()
        self._may_have_missed = False
        orphans = self._find_orphans({(item.namespace, item.name) for item in elections}, pods)
        if self._controller.acts:
            # By chance: those that cannot be cleaned up must not keep the others from it for ever.
            for key in random.sample(sorted(orphans), min(len(orphans), MAX_RETIRED)):
                await self._retire(key)

    def _scopes(self) -> Iterable[str | None]:
        return self._settings.namespaces or (None,)

    async def _list_elections(self) -> list[Metadata]:
        return [item for scope in self._scopes() for item in await list_metadata(self._client, resources_path(scope))]

    async def _list_pods(self, *, from_cache: bool) -> list[Metadata]:
        return [
            item
            for scope in self._scopes()
            for item in await list_metadata(
                self._client, pods_path(scope), label_selector=self._settings.pod_selector, from_cache=from_cache
            )
        ]

    async def _compare_elections(self, listed: list[Metadata]) -> None:
        by_key = {(item.namespace, item.name): item for item in listed}
        left = await until_watched(
            listed, lambda item: self._knows((item.namespace, item.name), item), self._list_elections
        )
        for key in self._controller.keys() | {(item.namespace, item.name) for item in left}:
            item, known = by_key.get(key), self._controller.resource(key)
            if item is not None and self._knows(key, item):
                continue
            try:
                self._controller.see_resource(await read_resource(self._client, *key))
            except NotFound:
                if known is not None:
                    self._controller.lose_resource(key, known.uid)

    def _knows(self, key: Key, item: Metadata) -> bool:
        """Whether this version of an election is known, or a later one."""
        known = self._controller.resource(key)
        return known is not None and known.uid == item.uid and known.resource_version >= item.resource_version

    async def _compare_pods(self, listed: list[Metadata]) -> None:
        index = self._controller.index
        left = await until_watched(
            listed,
            lambda item: index.has_news_of(item.namespace, item.uid),
            lambda: self._list_pods(from_cache=False),
        )
        for item in left:
            await self._read_pod(item.namespace, item.name, item.uid)
        seen: set[str] = set()
        for item in listed:
            seen.add(item.uid)
            known = index.pods(item.namespace).get(item.uid)
            if known is not None and known.resource_version < item.resource_version:
                await self._read_pod(item.namespace, item.name, item.uid)
        for namespace in index.namespaces():
            for pod in [pod for pod in index.pods(namespace).values() if pod.uid not in seen]:
                await self._read_pod(namespace, pod.name, pod.uid)

    async def _compare_slices(self) -> None:
        listed: dict[Key, dict[str, int]] = {}
        for scope in self._scopes():
            for item in await list_metadata(
                self._client,
                slices_path(scope),
                label_selector=f"{MANAGED_BY}={MANAGER}",
                from_cache=not self._may_have_missed,
            ):
                slices = listed.setdefault((item.namespace, item.labels.get(ELECTION, "")), {})
                slices[f"EndpointSlice/{item.name}"] = item.resource_version
        for key in self._controller.services.concerned() | listed.keys():
            self._controller.tell(key, SlicesListed(listed.get(key, {})))

    async def _read_pod(self, namespace: str, name: str, uid: str) -> None:
        try:
            pod = parse_pod(await self._client.get(pod_path(namespace, name)))
        except NotFound:
            self._controller.lose_pod(namespace, uid)
            return
        if pod.uid != uid:
            self._controller.lose_pod(namespace, uid)
        self._controller.see_pod(namespace, pod)

    def _find_orphans(self, existing: set[Key], pods: list[Metadata]) -> set[Key]:
        """Return the elections that exist no more and have left something; forget the records of those that have not.

        They were deleted while no operator ran, or their clean-up failed.
        """
        orphans = {
            (pod.namespace, label[len(ROLE_PREFIX) :])
            for pod in pods
            for label in pod.labels
            if label.startswith(ROLE_PREFIX)
        }
        owned = existing | self._controller.keys()
        for lease, entry in list(self._leases.entries.items()):
            key = parse_lease_key(lease)
            if key is None or key in owned:
                continue
            if self._settings.watches(key[0]) and self._controller.retirement.concerns(entry):
                orphans.add(key)
            else:
                del self._leases.entries[lease]  # Should its election come (again), it reads for itself.
        return orphans - existing

    async def _retire(self, key: Key) -> None:
        """Clean up after an election, unless it was created since the elections were listed."""
        try:
            self._controller.see_resource(await read_resource(self._client, *key))
        except NotFound:
            pass
        else:
            return
        await self._controller.retirement.retire(key, is_back=lambda: self._controller.resource(key) is not None)
