"""What an operator says of itself to `kubectl tenure`, above all what only it can see of NATS. No secrets."""

from __future__ import annotations

import time
from typing import Any

from tenure import __version__
from tenure.election.clock import rfc3339
from tenure.election.record import LeaseRecord, parse
from tenure.metrics import Readings
from tenure.nats.inspection import Inspection
from tenure.nats.store import StoreError
from tenure.runtime.keys import lease_key
from tenure.runtime.leases import Leases
from tenure.settings import Settings


async def report(
    settings: Settings, *, waits_for: str, readings: Readings, leases: Leases | None, election: str = ""
) -> dict[str, Any]:
    """Return the report as JSON; docs/metrics.md has its fields.

    It costs at most one request to NATS, which has a deadline. `election` (NAMESPACE/NAME) is one of which the lease is
    to be in it.
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
    }
    if leases is None:
        return answer
    try:
        inspection = await leases.inspect()
    except StoreError as error:
        answer["nats"]["error"] = str(error)
        return answer
    answer["nats"] |= _of_nats(inspection)
    if election:
        answer["lease"] = _of_lease(leases, election, inspection)
    return answer


def _of_nats(seen: Inspection) -> dict[str, Any]:
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


def _of_lease(leases: Leases, election: str, seen: Inspection) -> dict[str, Any] | None:
    """Return what the watch of the bucket has shown last of an election's record; None when it has shown none."""
    namespace, _, name = election.partition("/")
    entry = leases.entries.get(lease_key((namespace, name)))
    if entry is None or entry.value is None:
        return None
    record = parse(entry.value)
    if not isinstance(record, LeaseRecord):
        return {"error": record.reason}
    told: dict[str, Any] = {"holderIdentity": record.holder, "term": record.term, "durationSeconds": record.duration_s}
    if entry.written_at_s is not None:
        server_now_s = time.time() + (seen.clock_ahead_s or 0.0)
        told["writtenSecondsAgo"] = round(max(server_now_s - entry.written_at_s, 0.0), 3)
    return told
