"""Pods, records, leases and statuses to test with, so that a test says only what it is about.

All is of one election, `web`, in a namespace with the UID `NAMESPACE_UID`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenure.election.labels import role_key, term_key
from tenure.election.lease import Lease
from tenure.election.pod import Pod
from tenure.election.record import LeaseRecord, Signature, Unbelievable
from tenure.election.resource import Leader, Resource, Spec, Status
from tenure.election.selector import Operator, Requirement, Selector
from tenure.election.timing import Timing

ELECTION = "web"
NAMESPACE_UID = "uid-of-shop"
WRITER = "operator/one"
TIMING = Timing(duration_s=15, renew_deadline_s=13, renew_interval_s=3)
SPEC = Spec(Selector((Requirement("app", Operator.IN, ("web",)),)), TIMING)


def a_pod(
    name: str = "web-0",
    *,
    uid: str = "",
    version: int = 1,
    labels: Mapping[str, str] | None = None,
    role: str | None = None,
    term: str | int | None = None,
    **facts: Any,
) -> Pod:
    """Return a pod that is Ready unless it is said otherwise, with the election's own labels where they are given."""
    all_labels = {"app": "web", **(labels or {})}
    if role is not None:
        all_labels[role_key(ELECTION)] = role
    if term is not None:
        all_labels[term_key(ELECTION)] = str(term)
    return Pod(name, uid or f"uid-of-{name}", version, all_labels, **{"ready": True, **facts})


def a_leader(pod: Pod) -> Leader:
    """Return this pod as the leader in a status."""
    return Leader(pod.identity, pod.ref, pod.node)


def a_signature(
    *, wall_s: float = 1000.0, nonce: str = "nonce", writer: str = WRITER, namespace_uid: str | None = NAMESPACE_UID
) -> Signature:
    """Return what a write of this operator adds of its own."""
    return Signature(wall_s=wall_s, duration_s=15, writer=writer, nonce=nonce, namespace_uid=namespace_uid)


def a_record(holder: str | Pod = "", term: int = 1, **fields: Any) -> LeaseRecord:
    """Return a record that this cluster's operator wrote, unless it is said otherwise."""
    return LeaseRecord(
        **{
            "holder": holder.identity if isinstance(holder, Pod) else holder,
            "term": term,
            "started_at_s": 1000.0,
            "expires_at_s": 1015.0,
            "duration_s": 15,
            "nonce": "earlier",
            "writer": WRITER,
            "namespace_uid": NAMESPACE_UID,
            **fields,
        }
    )


def a_lease(record: LeaseRecord | Unbelievable | None, **facts: Any) -> Lease:
    """Return what is known of a record that was first seen at 100 s and is respected until 115 s."""
    return Lease(**{"revision": 7, "record": record, "seen_at_s": 100.0, "respect_s": 15.0, "connection": 1, **facts})


def a_resource(status: Status | None = None, *, version: int = 1, spec: Spec = SPEC) -> Resource:
    """Return one version of the election's resource."""
    return Resource(
        namespace="shop",
        name=ELECTION,
        uid="uid-of-web",
        generation=1,
        resource_version=version,
        spec=spec,
        status=status if status is not None else Status(),
    )
