"""What a deleted election leaves behind: role labels on pods, and a lease that somebody seems to hold.

The term labels stay, as tombstones: an election that is created again under the same name goes on above them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from tenure.election import record as records
from tenure.election.clock import Instant, rfc3339
from tenure.election.effects import WriteLabels
from tenure.election.entry import Entry
from tenure.election.labels import role_key, term_key
from tenure.election.record import LeaseRecord, Signature
from tenure.kubernetes.client import KubernetesClient
from tenure.kubernetes.errors import ApiError, NotFound
from tenure.kubernetes.metadata import Metadata, list_metadata, read_namespace_uid
from tenure.kubernetes.pods import pods_path, write_labels
from tenure.metrics import Metrics
from tenure.nats.store import LeaseStore, StoreError
from tenure.runtime.keys import Key, lease_key
from tenure.settings import Settings

logger = logging.getLogger(__name__)

READ_TIMEOUT_S = 2.0

RETIRED_AT = "retiredAt"
"""A field that only a record of a deleted election has: whoever finds it need not write it again. A claim drops it."""

MAX_ELSEWHERE = 10_000


class Retirement:
    """Cleans up after elections whose resource is gone. What fails is found again by the next listing."""

    def __init__(
        self,
        client: KubernetesClient,
        store: LeaseStore,
        *,
        writer: str,
        read_clock: Callable[[], Instant],
        settings: Settings,
        metrics: Metrics,
    ) -> None:
        self._client = client
        self._store = store
        self._writer = writer
        self._read_clock = read_clock
        self._retention_s = settings.record_retention_s
        self._metrics = metrics
        self._elsewhere: set[str | None] = set()
        """UIDs of namespaces that are not here: they never will be, but may be in another cluster."""

    async def retire(self, key: Key, *, is_back: Callable[[], bool], namespace_uid: str | None = None) -> None:
        """Take the role labels off all pods and release the lease, unless the election `is_back` meanwhile.

        `namespace_uid` is that of the election's namespace, which may be gone by now; None when it was never known.
        """
        namespace, name = key
        try:
            pods = await list_metadata(self._client, pods_path(namespace), label_selector=role_key(name))
            for pod in pods:
                if is_back():
                    return
                await self.strip(key, pod)
            if not is_back():
                await self._release(key, namespace_uid)
        except (ApiError, StoreError) as error:
            logger.warning("Clean-up put off", extra={"election": "/".join(key), "error": str(error)})

    async def strip(self, key: Key, pod: Metadata) -> None:
        """Take the role label off one pod."""
        namespace, name = key
        labels = pod.labels
        write = WriteLabels(
            pod.ref, labels.get(term_key(name)), expected_role=labels.get(role_key(name)), role=None, term=None
        )
        result = await write_labels(self._client, namespace, name, write)
        self._metrics.label_writes[result.outcome].inc()
        logger.info(
            "Role label taken off", extra={"election": "/".join(key), "pod": pod.name, "outcome": result.outcome}
        )

    def concerns(self, entry: Entry) -> bool:
        """Whether something may be left to do about a record whose election exists no more.

        It is not when the record is no operator's, when that was done before, and when its namespace is not here.
        """
        record = _parse(entry)
        return (
            record is not None
            and record.by_operator
            and RETIRED_AT not in record.unknown
            and record.namespace_uid not in self._elsewhere
        )

    async def _release(self, key: Key, namespace_uid: str | None) -> None:
        """Release the lease, whether somebody holds it or not, if an operator of this cluster wrote it.

        The record keeps its term for the retention time, so that an election that comes back goes on counting.
        """
        connection = self._store.connection
        entry = await self._store.read(lease_key(key), timeout_s=READ_TIMEOUT_S)
        record = _parse(entry)
        if record is None or not self.concerns(entry):
            return
        if record.namespace_uid != (namespace_uid or await self._read_uid(key[0])):
            if len(self._elsewhere) >= MAX_ELSEWHERE:
                self._elsewhere.clear()
            self._elsewhere.add(record.namespace_uid)
            return
        wall_s = self._read_clock().wall_s
        signature = Signature(
            wall_s, record.duration_s or 1, self._writer, f"{self._writer}#{wall_s}", record.namespace_uid
        )
        retired = replace(records.release(record, signature), unknown={RETIRED_AT: rfc3339(wall_s)})
        await self._store.write(
            lease_key(key),
            records.render(retired),
            expected_revision=entry.revision,
            connection=connection,
            timeout_s=READ_TIMEOUT_S,
            ttl_s=self._retention_s,
        )
        logger.info("Lease released", extra={"election": "/".join(key), "term": record.term})

    async def _read_uid(self, namespace: str) -> str:
        try:
            return await read_namespace_uid(self._client, namespace)
        except NotFound:
            return ""


def _parse(entry: Entry) -> LeaseRecord | None:
    record = records.parse(entry.value) if entry.value is not None else None
    return record if isinstance(record, LeaseRecord) else None
