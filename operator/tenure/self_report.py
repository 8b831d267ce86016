"""What an operator says of itself to `kubectl tenure`, above all what only it can see of NATS. No secrets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from tenure import __version__
from tenure.election.clock import rfc3339
from tenure.election.record import LeaseRecord, parse
from tenure.election.resource import Resource
from tenure.metrics import Readings
from tenure.nats.store import StoreError
from tenure.runtime.keys import Key
from tenure.runtime.leases import Leases
from tenure.runtime.records import Records
from tenure.settings import Settings


async def report(
    settings: Settings,
    *,
    waits_for: str,
    readings: Readings,
    records: Records | None,
    find: Callable[[Key], Resource | None],
    election: str = "",
) -> dict[str, Any]:
    """Return the report as JSON; docs/metrics.md has its fields.

    It costs at most one request to NATS for each bucket in which elections have records, all at once and with a
    deadline. `election` (NAMESPACE/NAME) is one of which the lease is to be in it, and `find` returns its resource.
    """
    answer: dict[str, Any] = {
        "version": __version__,
        "waitsFor": waits_for,
        "acts": readings.acts,
        "namespaces": list(settings.namespaces),
        "podSelector": settings.pod_selector,
        "leavesCordonedNodes": settings.leave_cordoned_nodes,
        "writesEndpointSlices": settings.endpoint_slices,
        "elections": len(readings.elections),
        "led": sum(bool(one.leader) for one in readings.elections),
        "nats": {"connected": readings.nats_connected},
        "elsewhere": [],
    }
    if records is None:
        return answer
    elsewhere = records.elsewhere()
    own, *others = await asyncio.gather(*map(_of_nats, (records.own, *elsewhere.values())))
    answer["nats"] |= own
    answer["elsewhere"] = [
        {"record": str(record), "connected": bool(leases.usable_connection), **told}
        for (record, leases), told in zip(elsewhere.items(), others, strict=True)
    ]
    if election:
        answer["lease"] = await _of_lease(records, find, election)
    return answer


async def _of_nats(leases: Leases) -> dict[str, Any]:
    try:
        seen = await leases.inspect()
    except StoreError as error:
        return {"error": str(error)}
    told: dict[str, Any] = {
        "server": seen.server,
        "serverVersion": seen.server_version,
        "roundTripSeconds": round(seen.round_trip_s, 6),
        "clockAheadSeconds": None if seen.clock_ahead_s is None else round(seen.clock_ahead_s, 6),
    }
    if seen.refused:
        told["error"] = seen.refused
    if seen.bucket is not None:
        told["bucket"] = {
            "name": seen.bucket.name,
            "createTime": rfc3339(seen.bucket.created_at_s),
            "replicas": seen.bucket.replicas,
            "storage": seen.bucket.storage,
            "firstRevision": seen.bucket.first_revision,
            "perMessageTTL": seen.bucket.allows_ttl,
            "warnings": list(seen.bucket.warnings),
        }
    return told


async def _of_lease(records: Records, find: Callable[[Key], Resource | None], election: str) -> dict[str, Any] | None:
    """Return what the watch of its bucket has shown last of an election's record; None when it has shown none."""
    namespace, _, name = election.partition("/")
    resource = find((namespace, name))
    if resource is None:
        return None
    record = records.book.name_of(resource)
    leases = records.leases_of(record)
    entry = leases.entries.get(record.key)
    if entry is None or entry.value is None:
        return None
    said = parse(entry.value)
    if not isinstance(said, LeaseRecord):
        return {"error": said.reason}
    told: dict[str, Any] = {"holderIdentity": said.holder, "term": said.term, "durationSeconds": said.duration_s}
    if entry.written_at_s is not None:
        server_now_s = time.time() + await _clock_ahead_s(leases)
        told["writtenSecondsAgo"] = round(max(server_now_s - entry.written_at_s, 0.0), 3)
    return told


async def _clock_ahead_s(leases: Leases) -> float:
    """Return how far the clock of NATS is ahead, 0 when it is not known."""
    try:
        return (await leases.inspect()).clock_ahead_s or 0.0
    except StoreError:
        return 0.0
