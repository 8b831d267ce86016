"""From the JSON of a `LeaderElection` to what the core sees of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from tenure.api.status import parse_status
from tenure.election.clock import from_rfc3339
from tenure.election.conditions import Reason
from tenure.election.request import Switchover
from tenure.election.resource import RecordName, Refusal, Resource, Spec
from tenure.election.rules import HandOver, Order, Priority, Rules
from tenure.election.selector import Operator, Requirement, Selector
from tenure.election.timing import Timing

_RULES = ("eligibility", "preference", "failoverDelaySeconds", "handOver", "switchover")
"""What a spec asks of those who may lead, and of who leads."""


def parse_resource(body: Mapping[str, Any]) -> Resource:
    """Return one version of a resource.

    A spec that the API server let through and that cannot be acted on becomes a `Refusal`. Raises ValueError for
    metadata that no API server would send.
    """
    metadata = body["metadata"]
    return Resource(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        resource_version=int(metadata["resourceVersion"]),
        spec=parse_spec(body.get("spec") or {}),
        status=parse_status(body.get("status") or {}),
        created_at_s=_time(metadata.get("creationTimestamp")),
    )


class _RefusedError(Exception):
    """Carries why a part of the spec cannot be acted on."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.refusal = Refusal(reason, message)


def parse_spec(spec: Mapping[str, Any]) -> Spec | Refusal:
    """Return what the spec asks for, or why that cannot be done, with what to do about it."""
    try:
        return Spec(
            selector=_parse_selector("spec.selector", spec.get("selector")),
            timing=_parse_timing(spec.get("lease") or {}),
            suspend=bool(spec.get("suspend", False)),
            rules=_parse_rules(spec),
            switchover=_parse_switchover(spec.get("switchover")),
            pods_campaign=_choose("spec.campaign", spec.get("campaign"), ("Operator", "Pods")) == "Pods",
            record=_parse_record(spec),
            services=tuple((spec.get("routing") or {}).get("services") or ()),
        )
    except _RefusedError as refused:
        return refused.refusal


def _parse_timing(lease: Mapping[str, Any]) -> Timing:
    try:
        return Timing.derive(
            lease.get("durationSeconds"), lease.get("renewDeadlineSeconds"), lease.get("renewIntervalSeconds")
        )
    except (ValueError, TypeError) as error:
        raise _RefusedError(Reason.INVALID_LEASE, f"spec.lease cannot be kept: {error}.") from error


def _parse_switchover(asked: Mapping[str, Any] | None) -> Switchover | None:
    if asked is None:
        return None
    planned = asked.get("notBeforeTime")
    try:
        planned_s = None if planned is None else from_rfc3339(planned.upper())
    except ValueError as error:
        raise _RefusedError(
            Reason.INVALID_SPEC, f"spec.switchover.notBeforeTime is no time: {error}: write it as 2026-01-31T20:00:00Z."
        ) from error
    return Switchover(asked["id"], asked.get("toPodName"), planned_s)


def _parse_rules(spec: Mapping[str, Any]) -> Rules:
    if spec.get("campaign") == "Pods":
        return _parse_no_rules(spec)
    eligibility, preference = spec.get("eligibility") or {}, spec.get("preference") or {}
    exclude, preempt = eligibility.get("exclude"), preference.get("preempt")
    order = _choose("spec.preference.order", preference.get("order"), tuple(Order))
    return Rules(
        require_ready=eligibility.get("requireReady") is not False,
        min_ready_s=eligibility.get("minReadySeconds") or 0,
        exclude=None if exclude is None else _parse_selector("spec.eligibility.exclude", exclude),
        priorities=_parse_priorities(preference.get("priorities") or ()),
        order=Order(order),
        preempt_after_s=None if preempt is None else preempt.get("afterSeconds") or 0,
        failover_delay_s=spec.get("failoverDelaySeconds") or 0,
        hand_over=HandOver(_choose("spec.handOver", spec.get("handOver"), tuple(HandOver))),
    )


def _parse_no_rules(spec: Mapping[str, Any]) -> Rules:
    """Return the rules where the pods campaign for themselves: there are none, and none may be asked for."""
    given = [name for name in _RULES if spec.get(name) is not None]
    if given:
        raise _RefusedError(
            Reason.INVALID_SPEC,
            f"spec.{given[0]} is for elections in which the operator campaigns: with campaign Pods, leave it out.",
        )
    return Rules(require_ready=False)


def _parse_record(spec: Mapping[str, Any]) -> RecordName:
    record = spec.get("record")
    if record is not None and spec.get("campaign") != "Pods":
        raise _RefusedError(
            Reason.INVALID_SPEC,
            "spec.record is for elections whose pods campaign for themselves: leave it out, or use campaign Pods.",
        )
    return RecordName((record or {}).get("bucket") or "", (record or {}).get("key") or "")


def _time(text: str | None) -> float:
    try:
        return 0.0 if text is None else from_rfc3339(text)
    except ValueError:
        return 0.0


def _parse_priorities(entries: Sequence[Mapping[str, Any]]) -> tuple[Priority, ...]:
    """Return the priorities. Two that contradict each other are refused: that the first counts may not be meant."""
    at = "spec.preference.priorities"
    priorities = tuple(
        Priority(_parse_selector(f"{at}[{index}].selector", entry.get("selector")), entry["priority"])
        for index, entry in enumerate(entries)
    )
    for (index, one), (other_index, other) in combinations(enumerate(priorities), 2):
        if one.value != other.value and set(one.selector.requirements) == set(other.selector.requirements):
            raise _RefusedError(
                Reason.INVALID_PREFERENCE,
                f"{at}[{index}] and [{other_index}] give the same pods priority {one.value} and {other.value}: "
                "take one of the two away.",
            )
    return priorities


def _choose(at: str, value: str | None, known: tuple[str, ...]) -> str:
    """Return a value of an enumeration, the first one when it is left out."""
    if value is not None and value not in known:
        raise _RefusedError(
            Reason.INVALID_SPEC,
            f"{at} is {value}, which this version of the operator does not know: use {' or '.join(known)}.",
        )
    return value or known[0]


def _parse_selector(at: str, selector: Mapping[str, Any] | None) -> Selector:
    try:
        return Selector(_parse_requirements(selector or {}))
    except (ValueError, TypeError, AttributeError) as error:
        raise _RefusedError(Reason.INVALID_SELECTOR, f"{at} selects nothing: {error}.") from error


def _parse_requirements(selector: Mapping[str, Any]) -> tuple[Requirement, ...]:
    requirements = [
        Requirement(key, Operator.IN, (value,)) for key, value in sorted((selector.get("matchLabels") or {}).items())
    ]
    requirements += [
        Requirement(expression["key"], Operator(expression["operator"]), tuple(expression.get("values") or ()))
        for expression in selector.get("matchExpressions") or ()
    ]
    if not requirements:
        raise ValueError("it is empty: give matchLabels or matchExpressions")
    return tuple(requirements)
