"""What the doctor makes of what it has seen. Nothing is read here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tenure import __version__
from tenure.api import GROUP, VERSION
from tenure.api.fields import FIELDS
from tenure.api.resource import parse_resource
from tenure.election.conditions import ConditionType, Reason
from tenure.election.labels import ROLE_PREFIX, PodRole, parse_term
from tenure.election.pod import Pod
from tenure.election.resource import Resource, Spec
from tenure.election.slate import Slate
from tenure.plugin.views import slate_of

MAX_CLOCK_DISTANCE_S = 1.0
"""Times in records and status are for people, and for programs that compare wall clocks with them."""


class Level(StrEnum):
    """How bad a finding is. Only a problem makes the doctor's exit status 1."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what it is, how it is, and what to do, if anything."""

    level: Level
    subject: str
    said: str
    advice: str | None = None


def ok(subject: str, said: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, subject, said)


def warning(subject: str, said: str, advice: str) -> Finding:
    """It may be well, or could not be looked at."""
    return Finding(Level.WARNING, subject, said, advice)


def problem(subject: str, said: str, advice: str) -> Finding:
    """It is not well."""
    return Finding(Level.PROBLEM, subject, said, advice)


def judge_schema(schema: Mapping[str, Any]) -> Finding:
    """Compare the fields of spec and status that the API server keeps with those that this version knows, by path."""
    served = set(_paths(schema))
    missing = {_first_missing(path, served) for path in FIELDS if path not in served}
    if not missing:
        return ok("CRD", f"{GROUP}/{VERSION} is served, with all fields that version {__version__} knows.")
    return problem(
        "CRD",
        f"It is older than this version: {', '.join(sorted(missing))} would be dropped without a word.",
        f"Apply crds/leaderelections.yaml of version {__version__}, with kubectl apply --server-side.",
    )


def _paths(schema: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """All fields of a schema, and those below them; the items of a list stand under the path of the list."""
    for name, field in {**schema.get("properties", {}), **schema.get("items", {}).get("properties", {})}.items():
        yield f"{above}{name}"
        yield from _paths(field, f"{above}{name}.")


def _first_missing(path: str, served: set[str]) -> str:
    """Return of a path that is not served the part with which that begins."""
    parts = path.split(".")
    beginnings = (".".join(parts[:length]) for length in range(1, len(parts) + 1))
    return next(beginning for beginning in beginnings if beginning not in served)


def judge_operators(ready: Mapping[str, bool]) -> Iterator[Finding]:
    """Judge the operators' pods, by name."""
    for name, is_ready in ready.items():
        if is_ready:
            yield ok(f"operator {name}", "Its pod is Ready.")
        else:
            yield problem(f"operator {name}", "Its pod is not Ready.", "Its log says what it waits for: kubectl logs.")
    if not ready:
        yield problem(
            "operator",
            "No pod of an operator is found.",
            "Install the chart. Where the operator runs otherwise, look at its /status yourself.",
        )


def judge_reports(reports: Mapping[str, Mapping[str, Any]], *, are_all: bool) -> Iterator[Finding]:
    """Judge what the operators say of themselves, by the names of their pods; `are_all` when none is missing."""
    for name, report in reports.items():
        subject = f"operator {name}"
        if report["version"] != __version__:
            yield warning(
                subject,
                f"It has version {report['version']}, and this is {__version__}.",
                "Use the same version of both: one may not know what the other asks for.",
            )
        if report["waitsFor"]:
            yield problem(subject, f"It does not work: {report['waitsFor']}", "See to what it waits for.")
        yield from _judge_nats(f"NATS, by {name}", report["nats"])
        for other in report["elsewhere"]:
            yield from _judge_nats(f"record {other['record']}, by {name}", other)
    if reports and are_all and not any(report["acts"] for report in reports.values()):
        yield problem("operator", "None of them acts.", "Wait a moment; then look at the logs, and at NATS.")


def _judge_nats(subject: str, nats: Mapping[str, Any]) -> Iterator[Finding]:
    if not nats["connected"]:
        said = f"It is not connected: {nats.get('error', 'no reason given')}"
        yield problem(subject, said, "Look at the NATS server, and at the operator's --nats-… settings.")
        return
    if "error" in nats:
        yield problem(subject, nats["error"], "docs/nats.md says how the bucket must be, and what a user needs.")
        return
    bucket, ahead_s = nats["bucket"], nats["clockAheadSeconds"]
    distance = (
        "" if ahead_s is None else f"{abs(ahead_s):.3f} s {'ahead of' if ahead_s > 0 else 'behind'} the operator's"
    )
    yield ok(
        subject,
        f"{nats['server']} {nats['serverVersion']}, bucket {bucket['name']} with {bucket['replicas']} replica(s) in "
        f"{bucket['storage']} storage, {nats['roundTripSeconds'] * 1000:.1f} ms away, its clock "
        f"{distance or 'not known'}.",
    )
    for said in bucket["warnings"]:
        yield warning(subject, said, "docs/nats.md says what that means.")
    if ahead_s is not None and abs(ahead_s) > MAX_CLOCK_DISTANCE_S + nats["roundTripSeconds"] / 2:
        yield problem(
            subject,
            f"Its clock is {distance}.",
            "Synchronize the clocks. Leases do not rest on them, but times are shown wrongly, and nodes with the Go "
            "library judge leases by them.",
        )


def judge_elections(
    bodies: Sequence[Mapping[str, Any]], pods: Sequence[tuple[str, Pod]], wall_s: float
) -> list[Finding]:
    """Judge the elections, and the labels of all pods (each with its namespace), which were read before them."""
    found: list[Finding] = []
    known = set()
    for resource in map(parse_resource, bodies):
        here = [pod for namespace, pod in pods if namespace == resource.namespace]
        known.add((resource.namespace, resource.name))
        problems = [*_judge_election(resource, slate_of(resource, here, wall_s)), *_judge_labels(resource, here)]
        found += problems or [ok(_subject(resource), _say_well(resource))]
    for namespace, pod in pods:
        for key, role in (pod.labels or {}).items():
            name = key.removeprefix(ROLE_PREFIX)
            if key.startswith(ROLE_PREFIX) and role == PodRole.LEADER and (namespace, name) not in known:
                found.append(
                    problem(
                        f"pod {namespace}/{pod.name}",
                        f"It has the label {key}: {role}, and there is no election {name}.",
                        f"Take it off: kubectl label pod -n {namespace} {pod.name} {key}-",
                    )
                )
    return found


def _judge_election(resource: Resource, slate: Slate) -> Iterator[Finding]:
    subject, status = _subject(resource), resource.status
    look = f"Look closer: kubectl tenure status {resource.name} -n {resource.namespace}"
    if status.observed_generation < resource.generation:
        yield problem(subject, "No operator has acted on its present spec.", "See that one runs and watches there.")
        return
    ready = status.condition(ConditionType.READY)
    if isinstance(resource.spec, Spec) and resource.spec.suspend:
        yield warning(
            subject,
            "It is suspended: no other leader is made.",
            f"When that is over: kubectl tenure resume {resource.name} -n {resource.namespace}",
        )
    eligible = slate.obstacles()[None]
    decides = isinstance(resource.spec, Spec) and not resource.spec.pods_campaign
    if decides and not eligible:
        reason = "No pod matches its selector." if not slate.candidates else "No pod that matches may lead."
        yield problem(subject, reason, look)
    elif ready is None or ready.status != "True":
        yield problem(subject, ready.message if ready is not None else "It was never looked at.", look)
    elif decides and eligible == 1 and status.leader is not None:
        yield warning(
            subject, "Only one pod may lead: nobody could follow it.", "Run another replica, or look why not."
        )


def _judge_labels(resource: Resource, pods: Iterable[Pod]) -> Iterator[Finding]:
    """Find labels that the operator cannot have written.

    While it writes those of a new term, the former leader's are as they were: then only a term is judged.
    """
    status, name = resource.status, resource.name
    routed = status.condition(ConditionType.ROUTED)
    is_settled = routed is not None and routed.reason != Reason.ROUTING
    leader = status.leader.pod if status.leader is not None else None
    for pod in pods:
        term = pod.term(name)
        number = parse_term(term)
        subject = f"pod {resource.namespace}/{pod.name}"
        if term is not None and (number is None or number > status.term):
            yield problem(
                subject,
                f"Its term label of {name} is {term}, and the present term is {status.term}: it is forged.",
                "Find who writes it: kubectl get pod -o yaml --show-managed-fields. The chart's policies refuse it.",
            )
        elif is_settled and pod.role(name) == PodRole.LEADER and pod.ref != leader:
            yield problem(
                subject,
                f"It is labelled as leader of {name}, and is not: the Service routes to it.",
                "Find who writes it: kubectl get pod -o yaml --show-managed-fields. The operator repairs it.",
            )


def _subject(resource: Resource) -> str:
    return f"election {resource.namespace}/{resource.name}"


def _say_well(resource: Resource) -> str:
    leader = resource.status.leader
    return f"{leader.pod.name} leads, term {resource.status.term}." if leader and leader.pod else "All is well."
