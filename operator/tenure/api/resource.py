"""From the JSON of a `LeaderElection` to what the core sees of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenure.api.status import parse_status
from tenure.election.conditions import Reason
from tenure.election.resource import Refusal, Resource, Spec
from tenure.election.selector import Operator, Requirement, Selector
from tenure.election.timing import Timing


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
    )


def parse_spec(spec: Mapping[str, Any]) -> Spec | Refusal:
    """Return what the spec asks for, or why that cannot be done, with what to do about it."""
    try:
        selector = _parse_selector(spec.get("selector") or {})
    except (ValueError, TypeError, AttributeError) as error:
        return Refusal(Reason.INVALID_SELECTOR, f"spec.selector selects nothing: {error}.")
    lease = spec.get("lease") or {}
    try:
        timing = Timing.derive(
            lease.get("durationSeconds"), lease.get("renewDeadlineSeconds"), lease.get("renewIntervalSeconds")
        )
    except (ValueError, TypeError) as error:
        return Refusal(Reason.INVALID_LEASE, f"spec.lease cannot be kept: {error}.")
    if spec.get("campaign", "Operator") != "Operator":
        return Refusal(
            Reason.INVALID_SPEC,
            f"spec.campaign is {spec['campaign']}, which this version of the operator does not know: use Operator.",
        )
    return Spec(selector=selector, timing=timing, suspend=bool(spec.get("suspend", False)))


def _parse_selector(selector: Mapping[str, Any]) -> Selector:
    requirements = [
        Requirement(key, Operator.IN, (value,)) for key, value in sorted((selector.get("matchLabels") or {}).items())
    ]
    requirements += [
        Requirement(expression["key"], Operator(expression["operator"]), tuple(expression.get("values") or ()))
        for expression in selector.get("matchExpressions") or ()
    ]
    if not requirements:
        raise ValueError("it is empty: give matchLabels or matchExpressions")
    return Selector(tuple(requirements))
