"""What a status may rest on beside what the API shows: the record, who leads by it, and whether NATS is there.

The scribe sees nothing else of all that. So whatever it comes to say of them stands in here, and a change of it has
the status and the labels decided anew.
"""

from __future__ import annotations

from typing import NamedTuple

from tenure.election.campaign import Decision, Follow, RaiseFloor, Wait
from tenure.election.clock import Instant
from tenure.election.record import LeaseRecord, Unbelievable
from tenure.election.request import Switchover
from tenure.election.state import State
from tenure.election.switchover import begun

_CONCERNS = (Follow, RaiseFloor, Wait)


class Outlook(NamedTuple):
    """See the module. A renewal changes none of it, so a leader at rest costs neither a plan nor a status.

    `holder`, `term`, `started_at_s` and `namespace_uid` are those of the record: "", 0 and None when it is absent or,
    for the reason `unbelievable`, cannot be believed. `is_seen` tells that it was looked at, even if there was nothing
    under the key, not even a revision; `is_known` that there was one, so that the ledger may rest on it; `is_held` that
    it has a holder and has not run out. `leading` is who leads through this process, and the term. `decision` is the
    last one about the lease, if that concerns the status. `begun` is the switchover for which the record was released
    or claimed, or may be by a write that has no answer yet. `is_idle` tells that nobody leads through this process, and
    that nothing is on its way to NATS or expected from there.
    """

    is_seen: bool
    is_known: bool
    holder: str
    term: int
    started_at_s: float | None
    namespace_uid: str | None
    unbelievable: str | None
    is_held: bool
    leading: tuple[str, int] | None
    decision: Follow | RaiseFloor | Wait | None
    begun: Switchover | None
    is_idle: bool
    nats_is_available: bool


def look_out(now: Instant, state: State, decision: Decision, namespace_uid: str | None) -> Outlook:
    """Return what the status may rest on after this decision about the lease, in the namespace of this UID."""
    lease, leading = state.lease, state.leading
    holder, term, started_at_s, record_namespace_uid, unbelievable = "", 0, None, None, None
    is_held = False
    record = lease.record if lease is not None else None
    if isinstance(record, LeaseRecord):
        holder, term = record.holder, record.term
        started_at_s, record_namespace_uid = record.started_at_s, record.namespace_uid
        is_held = lease is not None and holder != "" and not lease.expired(now.monotonic_s)
    elif isinstance(record, Unbelievable):
        unbelievable = record.reason
    concern = decision if isinstance(decision, _CONCERNS) else None
    if leading is not None and isinstance(concern, Wait) and not concern.contested:
        concern = None  # Between a renewal and its answer every leader waits.
    return Outlook(
        is_seen=lease is not None,
        is_known=lease is not None and (lease.revision > 0 or isinstance(decision, Follow)),
        holder=holder,
        term=term,
        started_at_s=started_at_s,
        namespace_uid=record_namespace_uid,
        unbelievable=unbelievable,
        is_held=is_held,
        leading=None if leading is None else (leading.identity, leading.term),
        decision=concern,
        begun=_begun(state, namespace_uid),
        is_idle=leading is None and state.lease_operation is None and state.connection != 0 and state.lease_certain,
        nats_is_available=state.nats_is_available,
    )


def _begun(state: State, namespace_uid: str | None) -> Switchover | None:
    for record in (state.lease.record if state.lease is not None else None, state.being_written, state.doubtful):
        if isinstance(record, LeaseRecord) and state.resource is not None:
            asked = begun(record, state.resource.status, namespace_uid)
            if asked is not None:
                return asked
    return None
