"""What must be known of a namespace before anything is decided in it: its UID, and all of its pods."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from tenure.kubernetes.client import KubernetesClient
from tenure.kubernetes.errors import ApiError, NotFound
from tenure.kubernetes.metadata import Metadata, list_metadata, read_namespace_uid
from tenure.kubernetes.pods import parse_pod, pod_path, pods_path
from tenure.runtime.pods import PodIndex
from tenure.runtime.tasks import Tasks
from tenure.runtime.watch_lag import until_watched

logger = logging.getLogger(__name__)

RETRY_MAX_S = 10.0

Result = TypeVar("Result")


class Namespaces:
    """Opens each namespace once: `open` returns its UID when every pod of a consistent list is in the index."""

    def __init__(self, client: KubernetesClient, index: PodIndex, *, pod_selector: str) -> None:
        self._client = client
        self._index = index
        self._pod_selector = pod_selector
        self._opening: dict[str, asyncio.Task[str]] = {}
        self._tasks = Tasks()

    async def open(self, namespace: str) -> str:
        """Return the namespace's UID once its pods are known. Tries until it can; the caller may give up.

        Raises CancelledError when the namespace is forgotten meanwhile, and after `close`.
        """
        opening = self._opening.get(namespace)
        if opening is None:
            opening = self._tasks.start(self._open(namespace), name=f"opening of namespace {namespace}")
            if opening is None:
                raise asyncio.CancelledError
            self._opening[namespace] = opening
        return await asyncio.shield(opening)

    async def is_another(self, namespace: str, uid: str) -> bool:
        """Whether a namespace is there under this name that is not the one with this UID. Tries until it can tell."""
        return await _insist(lambda: self._read_uid(namespace), f"namespace {namespace}") not in ("", uid)

    async def _read_uid(self, namespace: str) -> str:
        try:
            return await read_namespace_uid(self._client, namespace)
        except NotFound:
            return ""

    def forget(self, namespace: str) -> None:
        """Forget a namespace without elections: one that comes back under its name is another."""
        opening = self._opening.pop(namespace, None)
        if opening is not None:
            opening.cancel()

    async def close(self) -> None:
        """Stop what is under way, and wait for its end."""
        await self._tasks.close()

    async def _open(self, namespace: str) -> str:
        uid = await _insist(lambda: read_namespace_uid(self._client, namespace), f"namespace {namespace}")
        await _insist(lambda: self._await_pods(namespace), f"the pods of {namespace}")
        return uid

    async def _await_pods(self, namespace: str) -> None:
        def list_pods() -> Awaitable[Sequence[Metadata]]:
            return list_metadata(self._client, pods_path(namespace), label_selector=self._pod_selector)

        def is_known(item: Metadata) -> bool:
            return self._index.has_news_of(namespace, item.uid)

        for item in await until_watched(await list_pods(), is_known, list_pods):
            try:
                pod = parse_pod(await self._client.get(pod_path(namespace, item.name)))
            except NotFound:
                continue
            if pod.uid == item.uid:
                self._index.see(namespace, pod)


async def _insist(attempt: Callable[[], Awaitable[Result]], what: str) -> Result:
    retry_s = 0.2
    while True:
        try:
            return await attempt()
        except ApiError as error:
            logger.warning("Cannot read %s yet: %s", what, error)
        except Exception:
            logger.exception("Reading %s failed", what)
        await asyncio.sleep(retry_s)
        retry_s = min(2 * retry_s, RETRY_MAX_S)
