"""What the doctor makes of what it has seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tenure import __version__
from tenure.api.fields import FIELDS
from tenure.election.pod import Pod
from tenure.plugin import tables
from tenure.plugin.findings import (
    Finding,
    Level,
    judge_elections,
    judge_operators,
    judge_reports,
    judge_schema,
    problem,
)
from tenure.plugin.output import as_json, render, say
from tenure.plugin.target import Format

_NOW_S = 1_795_532_400.0
_CRD = yaml.safe_load((Path(__file__).parents[2] / "crds" / "leaderelections.yaml").read_text())
_SCHEMA = _CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def _report(**others: Any) -> dict[str, Any]:
    bucket = {"name": "leases", "replicas": 3, "storage": "file", "warnings": []}
    nats = {
        "connected": True,
        "server": "n1",
        "serverVersion": "2.15.1",
        "roundTripSeconds": 0.0015,
        "clockAheadSeconds": 0.2,
        "bucket": bucket,
    }
    return {"version": __version__, "waitsFor": "", "acts": True, "nats": nats, "elsewhere": [], **others}


def _with_nats(**others: Any) -> dict[str, Any]:
    return _report(nats={**_report()["nats"], **others})


def _bad(found: Any) -> list[tuple[Level, str, str]]:
    return [(one.level, one.subject, one.said) for one in found if one.level is not Level.OK]


def _values(schema: dict[str, Any], path: str) -> Iterator[str]:
    """The paths of all fields of the CRD that hold a value."""
    fields = {**schema.get("properties", {}), **schema.get("items", {}).get("properties", {})}
    for name, field in fields.items():
        yield from _values(field, f"{path}.{name}")
    if not fields:
        yield path


def _crd_without(path: str) -> dict[str, Any]:
    """The schema of a CRD that lacks a field."""
    schema: dict[str, Any] = json.loads(json.dumps(_SCHEMA))  # What YAML repeats by reference stands alone here.
    *parents, name = path.split(".")
    at = schema
    for parent in parents:
        at = at["properties"][parent]
        at = at.get("items", at)
    del at["properties"][name]
    return schema


def test_the_fields_that_this_version_knows_are_those_of_the_crd() -> None:
    parts = {part: _SCHEMA["properties"][part] for part in ("spec", "status")}

    assert sorted(FIELDS) == sorted(path for part, schema in parts.items() for path in _values(schema, part))
    assert judge_schema(_SCHEMA).level is Level.OK


@pytest.mark.parametrize(
    "path",
    [
        "spec.routing",
        "spec.lease.renewDeadlineSeconds",
        "spec.preference.priorities.priority",
        "spec.eligibility.exclude.matchExpressions",
        "status.switchover.formerIds",
        "status.history.reason",
        "status",
    ],
)
def test_a_crd_that_lacks_a_field_of_spec_or_status_is_a_problem(path: str) -> None:
    found = judge_schema(_crd_without(path))

    assert (found.level, found.said) == (
        Level.PROBLEM,
        f"It is older than this version: {path} would be dropped without a word.",
    )


def test_operators_must_be_there_and_ready() -> None:
    assert [one.level for one in judge_operators({"t/a": True, "t/b": False})] == [Level.OK, Level.PROBLEM]
    assert _bad(judge_operators({})) == [(Level.PROBLEM, "operator", "No pod of an operator is found.")]


def test_a_good_report_is_a_line_about_nats() -> None:
    [found] = judge_reports({"t/a": _report()}, are_all=True)

    assert (found.level, found.subject) == (Level.OK, "NATS, by t/a")
    assert found.said == (
        "n1 2.15.1, bucket leases with 3 replica(s) in file storage, 1.5 ms away, its clock 0.200 s ahead of the "
        "operator's."
    )


@pytest.mark.parametrize(
    ("ahead_s", "said"), [(-0.0004, "0.000 s behind the operator's."), (-0.97, "0.970 s behind"), (None, "not known.")]
)
def test_the_distance_of_the_clocks_is_always_said(ahead_s: float | None, said: str) -> None:
    [found] = judge_reports({"t/a": _with_nats(clockAheadSeconds=ahead_s)}, are_all=True)

    assert found.level is Level.OK
    assert f", its clock {said}" in found.said


def test_the_bucket_of_a_record_elsewhere_is_judged_as_well() -> None:
    there = {"record": "aether/leader", **_report()["nats"]}
    there["bucket"] = {**there["bucket"], "warnings": ["It forgets."]}

    found = list(judge_reports({"t/a": _report(elsewhere=[there, {**there, "connected": False}])}, are_all=True))

    assert [(one.level, one.subject) for one in found] == [
        (Level.OK, "NATS, by t/a"),
        (Level.OK, "record aether/leader, by t/a"),
        (Level.WARNING, "record aether/leader, by t/a"),
        (Level.PROBLEM, "record aether/leader, by t/a"),
    ]


@pytest.mark.parametrize(
    ("report", "level", "said"),
    [
        (_report(version="0.0.9"), Level.WARNING, f"It has version 0.0.9, and this is {__version__}."),
        (_report(waitsFor="waiting for NATS"), Level.PROBLEM, "It does not work: waiting for NATS"),
        (_report(acts=False), Level.PROBLEM, "None of them acts."),
        (_report(nats={"connected": False}), Level.PROBLEM, "It is not connected: no reason given"),
        (_with_nats(error="The bucket is sealed."), Level.PROBLEM, "The bucket is sealed."),
        (_with_nats(clockAheadSeconds=-7.04), Level.PROBLEM, "Its clock is 7.040 s behind the operator's."),
        (_with_nats(clockAheadSeconds=1.2), Level.PROBLEM, "Its clock is 1.200 s ahead of the operator's."),
        (_with_nats(bucket={**_report()["nats"]["bucket"], "warnings": ["Hm."]}), Level.WARNING, "Hm."),
    ],
)
def test_what_an_operator_says_is_judged(report: dict[str, Any], level: Level, said: str) -> None:
    assert [(one[0], one[2]) for one in _bad(judge_reports({"t/a": report}, are_all=True))] == [(level, said)]


def test_one_operator_acts_and_the_others_stand_by() -> None:
    assert _bad(judge_reports({"t/a": _report(), "t/b": _report(acts=False)}, are_all=True)) == []


def test_whether_one_acts_is_not_known_while_one_does_not_answer() -> None:
    assert _bad(judge_reports({"t/b": _report(acts=False)}, are_all=False)) == []


def test_a_distance_of_clocks_that_the_way_explains_is_none() -> None:
    assert _bad(judge_reports({"t/a": _with_nats(clockAheadSeconds=1.9, roundTripSeconds=2.0)}, are_all=True)) == []


# ------------------------------------------------------------------------------------------- elections and their labels


def _election(
    name: str = "web", *, leader: int | None = 0, ready: str = "True", routed: str = "Routed", **spec: Any
) -> dict[str, Any]:
    def condition(kind: str, status: str, reason: str) -> dict[str, Any]:
        return {"type": kind, "status": status, "reason": reason, "message": f"{reason}.", "observedGeneration": 2}

    status: dict[str, Any] = {
        "term": 5,
        "observedGeneration": 2,
        "conditions": [condition("Routed", "True", routed), condition("Ready", ready, "Ready")],
    }
    if leader is not None:
        status["leader"] = {"holderIdentity": "x", "podName": f"web-{leader}", "podUID": f"u{leader}"}
    return {
        "metadata": {"namespace": "shop", "name": name, "uid": name, "resourceVersion": "7", "generation": 2},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec},
        "status": status,
    }


def _pod(number: int, *, role: str | None = None, term: str | None = "5", **facts: Any) -> tuple[str, Pod]:
    labels = {"app": "web", "role.tenure.dev/web": role or ("leader" if number == 0 else "follower")}
    if term is not None:
        labels["term.tenure.dev/web"] = term
    return "shop", Pod(f"web-{number}", f"u{number}", 1, **{"labels": labels, "ready": True, **facts})


def _judge(election: dict[str, Any], *pods: tuple[str, Pod]) -> list[tuple[Level, str, str]]:
    return _bad(judge_elections([election], pods, _NOW_S))


def test_an_election_in_order_is_a_line() -> None:
    [found] = judge_elections([_election()], [_pod(0), _pod(1)], _NOW_S)

    assert (found.level, found.subject, found.said) == (Level.OK, "election shop/web", "web-0 leads, term 5.")


@pytest.mark.parametrize(
    ("election", "pods", "level", "said"),
    [
        (_election(), [_pod(0), _pod(1, ready=False)], Level.WARNING, "Only one pod may lead: nobody could follow it."),
        (_election(leader=None), [], Level.PROBLEM, "No pod matches its selector."),
        (_election(leader=None), [_pod(1, ready=False)], Level.PROBLEM, "No pod that matches may lead."),
        (_election(ready="False", campaign="Pods"), [], Level.PROBLEM, "Ready."),
        (_election(ready="False"), [_pod(0), _pod(1)], Level.PROBLEM, "Ready."),
        (_election(suspend=True), [_pod(0), _pod(1)], Level.WARNING, "It is suspended: no other leader is made."),
    ],
)
def test_what_is_wrong_with_an_election_is_told(
    election: dict[str, Any], pods: list[tuple[str, Pod]], level: Level, said: str
) -> None:
    assert _judge(election, *pods) == [(level, "election shop/web", said)]


def test_a_spec_that_nobody_has_looked_at_is_a_problem() -> None:
    election = _election()
    election["metadata"]["generation"] = 3

    assert _judge(election, _pod(0), _pod(1)) == [
        (Level.PROBLEM, "election shop/web", "No operator has acted on its present spec.")
    ]


@pytest.mark.parametrize("term", ["6", "05", "soon"])
def test_a_term_label_that_the_operator_cannot_have_written_is_forged(term: str) -> None:
    said = f"Its term label of web is {term}, and the present term is 5: it is forged."

    assert _judge(_election(), _pod(0), _pod(1, term=term)) == [(Level.PROBLEM, "pod shop/web-1", said)]


@pytest.mark.parametrize("term", ["5", "4", None])
def test_a_term_label_up_to_the_present_term_is_in_order(term: str | None) -> None:
    assert _judge(_election(), _pod(0), _pod(1, term=term)) == []


def test_a_leader_label_on_another_pod_is_forged_but_not_while_a_term_begins() -> None:
    pods = [_pod(0), _pod(1, role="leader")]
    said = "It is labelled as leader of web, and is not: the Service routes to it."

    assert _judge(_election(), *pods) == [(Level.PROBLEM, "pod shop/web-1", said)]
    assert _judge(_election(routed="Routing"), *pods) == []


def test_a_leader_label_of_an_election_that_is_not_there_is_found() -> None:
    pod = Pod("db-0", "d", 1, {"role.tenure.dev/db": "leader"})

    assert _judge(_election(), _pod(0), _pod(1), ("shop", pod)) == [
        (Level.PROBLEM, "pod shop/db-0", "It has the label role.tenure.dev/db: leader, and there is no election db.")
    ]


def test_findings_are_shown_with_what_to_do_below() -> None:
    found = [Finding(Level.OK, "CRD", "It is there."), problem("operator", "It is not Ready.", "See its log.")]

    assert render(tables.findings(found)).splitlines() == [
        "          WHAT       HOW IT IS",
        "ok        CRD        It is there.",
        "problem   operator   It is not Ready.",
        "                     → See its log.",
    ]


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_findings_are_told_to_programs_too(output: Format, capsys: pytest.CaptureFixture[str]) -> None:
    say({"findings": as_json([problem("operator", "It is not Ready.", "See its log.")])}, output)

    told = {"level": "problem", "subject": "operator", "said": "It is not Ready.", "advice": "See its log."}
    assert yaml.safe_load(capsys.readouterr().out) == {"findings": [told]}
