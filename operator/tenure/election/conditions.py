"""The conditions of the status: each type has a closed list of reasons."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tenure.election.resource import Condition, Refusal, Status


class ConditionType(StrEnum):
    """What a condition is about."""

    ACCEPTED = "Accepted"
    LEADER_ELECTED = "LeaderElected"
    LEASE_HELD = "LeaseHeld"
    ROUTED = "Routed"
    SUSPENDED = "Suspended"
    READY = "Ready"


class Reason(StrEnum):
    """Why a condition is as it is."""

    ACCEPTED = "Accepted"
    INVALID_SELECTOR = "InvalidSelector"
    INVALID_LEASE = "InvalidLease"
    INVALID_PREFERENCE = "InvalidPreference"
    INVALID_SPEC = "InvalidSpec"
    RECORD_CONFLICT = "RecordConflict"
    RECORD_NOT_ALLOWED = "RecordNotAllowed"
    BUCKET_REFUSED = "BucketRefused"
    NOT_ACCEPTED = "NotAccepted"
    ELECTED = "Elected"
    ELECTING = "Electing"
    NO_CANDIDATES = "NoCandidates"
    NO_ELIGIBLE_CANDIDATE = "NoEligibleCandidate"
    FOREIGN_HOLDER = "ForeignHolder"
    UNBELIEVABLE_RECORD = "UnbelievableRecord"
    RECORD_CONTESTED = "RecordContested"
    HELD = "Held"
    NOT_HELD = "NotHeld"
    NATS_UNAVAILABLE = "NATSUnavailable"
    ROUTED = "Routed"
    ROUTING = "Routing"
    NO_LEADER = "NoLeader"
    LABEL_REFUSED = "LabelRefused"
    SERVICE_REFUSED = "ServiceRefused"
    SUSPENDED = "Suspended"
    ACTIVE = "Active"
    READY = "Ready"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the conditions say in words.

    `obstacles` counts what keeps the candidates from being chosen. `refused_label` is the API's reason for a label
    write that it keeps refusing, `refused_service` a sentence about a Service that cannot be routed. `unbelievable` is
    why the record cannot be believed, as the end of a sentence, `contested` that records are lost again and again.
    `pods_campaign` tells that the pods campaign for themselves, `has_namesake` that a candidate's name is the holder's.
    """

    refusal: Refusal | None
    suspended: bool
    candidates: int
    eligible: int
    obstacles: str
    leader: str | None
    leader_is_pod: bool
    leader_is_gone: bool
    lease_held: bool
    nats_available: bool
    settled: bool
    refused_label: str | None
    refused_service: str | None
    conflict: bool
    unbelievable: str | None
    contested: bool = False
    pods_campaign: bool = False
    has_namesake: bool = False


def derive(facts: Facts, status: Status, *, generation: int, now_wall_s: float) -> tuple[Condition, ...]:
    """Return all conditions; a time of change moves only when a condition's status does."""
    if facts.refusal is not None:
        accepted = (False, facts.refusal.reason, facts.refusal.message)
    elif facts.conflict:
        accepted = (
            False,
            Reason.RECORD_CONFLICT,
            "The lease record is another cluster's on the same NATS: give one of the two operators another bucket.",
        )
    else:
        accepted = (True, Reason.ACCEPTED, "The spec is acted on.")
    elected, held = _elected(facts), _held(facts)
    if not accepted[0] and not facts.leader_is_pod:
        # One thing is to be mended. What else is missing follows from it, or cannot be told before.
        elected = held = (False, Reason.NOT_ACCEPTED, "Accepted says what is to be mended first.")
    routed = _routed(facts)
    said = {
        ConditionType.ACCEPTED: accepted,
        ConditionType.LEADER_ELECTED: elected,
        ConditionType.LEASE_HELD: held,
        ConditionType.ROUTED: routed,
        ConditionType.SUSPENDED: (
            (True, Reason.SUSPENDED, "No hand-over and no repair while spec.suspend is true.")
            if facts.suspended
            else (False, Reason.ACTIVE, "The election is not suspended.")
        ),
    }
    first_false = next((what for what in (accepted, elected, held, routed) if not what[0]), None)
    ready = (False, first_false[1], first_false[2]) if first_false else (True, Reason.READY, elected[2])
    if facts.suspended and (last := status.condition(ConditionType.READY)) is not None:
        ready = (last.status == "True", last.reason, last.message)
    said[ConditionType.READY] = ready
    return tuple(
        _condition(status.condition(kind), kind, *what, generation=generation, now_wall_s=now_wall_s)
        for kind, what in said.items()
    )


def _elected(facts: Facts) -> tuple[bool, str, str]:
    if facts.leader is not None and facts.leader_is_pod:
        return True, Reason.ELECTED, f"{facts.leader} leads."
    if facts.leader is not None:
        said = f"{facts.leader} holds the lease and is no pod of this election."
        return False, Reason.FOREIGN_HOLDER, f"{said}{_what_to_do(facts)}"
    if facts.suspended:
        return False, Reason.SUSPENDED, "No leader is made while spec.suspend is true."
    if not facts.candidates:
        return False, Reason.NO_CANDIDATES, "No pod matches the selector."
    if not facts.eligible:
        return False, Reason.NO_ELIGIBLE_CANDIDATE, f"No pod that matches the selector may lead: {facts.obstacles}."
    if facts.pods_campaign:
        return False, Reason.ELECTING, "No pod holds the lease: it is for the pods of this election to campaign."
    return False, Reason.ELECTING, "A leader is being elected."


def _what_to_do(facts: Facts) -> str:
    """Return what is to be done about a holder that is no pod of the election, where the pods campaign."""
    if not facts.pods_campaign:
        return ""
    if facts.has_namesake:
        return " The pod of this name is a later one: let identities be name and UID, joined by `_`."
    return " Stop it; or, if it is to lead, let spec.selector find its pod, whose name and UID are to be its identity."


def _held(facts: Facts) -> tuple[bool, str, str]:
    if facts.contested:
        said = "The status says terms that the record does not know, again and again"
        todo = "end the other operator that manages this election with another bucket or NATS server"
        return False, Reason.RECORD_CONTESTED, f"{said}: {todo}."
    if facts.lease_held:
        return True, Reason.HELD, "The leader's lease is renewed."
    if not facts.nats_available:
        return (
            False,
            Reason.NATS_UNAVAILABLE,
            "NATS does not answer: the labels stay as they are until it does."
            if facts.pods_campaign
            else "NATS does not answer: the leader stays, and no other can be elected until it does.",
        )
    if facts.unbelievable is not None:
        return False, Reason.UNBELIEVABLE_RECORD, f"The lease record cannot be believed: {facts.unbelievable}."
    return False, Reason.NOT_HELD, "No pod of this election holds the lease."


def _routed(facts: Facts) -> tuple[bool, str, str]:
    if facts.refused_label is not None:
        return False, Reason.LABEL_REFUSED, f"A pod's labels cannot be written: {facts.refused_label}"
    if facts.leader is None or not facts.leader_is_pod:
        return False, Reason.NO_LEADER, "There is no leader to route to."
    if facts.leader_is_gone:
        return False, Reason.NO_LEADER, f"{facts.leader} is gone, and there is no other leader yet."
    if facts.refused_service is not None:
        return False, Reason.SERVICE_REFUSED, facts.refused_service
    if not facts.settled:
        return False, Reason.ROUTING, "The labels of the leader's term are being written."
    return True, Reason.ROUTED, "The leader, and no other pod, carries the leader label."


def _condition(
    last: Condition | None,
    kind: str,
    value: bool,  # noqa: FBT001 - the condition's own
    reason: str,
    message: str,
    *,
    generation: int,
    now_wall_s: float,
) -> Condition:
    status = "True" if value else "False"
    return Condition(
        type=str(kind),
        status=status,
        reason=str(reason),
        message=message,
        observed_generation=generation,
        changed_at_s=last.changed_at_s if last is not None and last.status == status else now_wall_s,
    )
