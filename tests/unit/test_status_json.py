"""A status between the core and JSON, and that what is written is what the CRD has a place for."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tenure.api.status import MAX_SENTENCES, build_status, parse_status
from tenure.election.ledger import MAX_UNFENCED
from tenure.election.pod import EVERYBODY, PodRef
from tenure.election.record import MAX_IDENTITY_LENGTH, MAX_TERM
from tenure.election.resource import MAX_HISTORY, Answer, Condition, Leader, PastTerm, Status
from tenure.election.switchover import MAX_FORMER_IDS

_CRD = yaml.safe_load((Path(__file__).parents[2] / "crds" / "leaderelections.yaml").read_text())
_SCHEMA = _CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]

_names = st.text(st.sampled_from("abc-0"), min_size=1, max_size=8)
_refs = st.builds(PodRef, _names, _names)
_counts = st.integers(0, 10**6)
_times = st.integers(0, 2**32 * 10**6).map(lambda microseconds: microseconds / 10**6)
_leaders = st.builds(
    Leader,
    identity=st.text(min_size=1),
    pod=st.none() | _refs,
    node=st.none() | _names,
    record_term=st.none() | st.integers(1, MAX_TERM),
)
_past_terms = st.builds(
    PastTerm,
    term=st.integers(1, MAX_TERM),
    identity=st.text(min_size=1),
    pod_name=st.none() | _names,
    acquired_at_s=st.none() | _times,
    ended_at_s=_times,
    reason=_names,
)
_conditions = st.builds(
    Condition,
    type=_names,
    status=st.sampled_from(["True", "False", "Unknown"]),
    reason=_names,
    message=st.text(),
    observed_generation=_counts,
    changed_at_s=st.integers(0, 2**32).map(float),
)
_answers = st.builds(
    Answer,
    id=st.text(min_size=1),
    result=_names,
    message=st.text(),
    at_s=_times,
    former_ids=st.lists(st.text(), max_size=3).map(tuple),
)
_statuses = st.builds(
    Status,
    term=st.integers(0, MAX_TERM),
    term_floor=st.integers(0, MAX_TERM),
    leader=st.none() | _leaders,
    unfenced=st.lists(_refs | st.just(EVERYBODY), max_size=3).map(tuple),
    acquired_at_s=st.none() | _times,
    candidates=_counts,
    eligible=_counts,
    observed_generation=_counts,
    history=st.lists(_past_terms, max_size=3).map(tuple),
    conditions=st.lists(_conditions, max_size=3).map(tuple),
    failover_at_s=st.none() | _times,
    switchover=st.none() | _answers,
)


def _merge(target: Any, patch: Any) -> Any:
    """JSON Merge Patch, as RFC 7396 writes it down."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge(merged.get(name), value)
    return merged


def _written_over(stored: Any, status: Status) -> Any:
    return _merge(stored, json.loads(json.dumps(build_status(status))))


@given(_statuses)
def test_what_is_written_is_read_back(status: Status) -> None:
    assert parse_status(_written_over({}, status)) == status


@given(_statuses, _statuses)
def test_nothing_of_an_earlier_status_shows_through(before: Status, after: Status) -> None:
    assert parse_status(_written_over(_written_over({}, before), after)) == after


def test_a_status_before_the_first_floor_says_no_term() -> None:
    body = build_status(Status(candidates=2))

    assert body.keys().isdisjoint({"term", "termFloor"})
    assert parse_status(_merge({}, body)) == Status(candidates=2)


def test_what_is_absent_is_null_so_that_it_is_taken_away() -> None:
    body = build_status(Status(term=7, term_floor=7))

    assert {name for name, value in body.items() if value is None} == {
        "leader",
        "acquireTime",
        "failoverTime",
        "switchover",
    }
    leader = build_status(Status(term=7, term_floor=7, leader=Leader("node-3", None)))["leader"]
    assert leader == {"holderIdentity": "node-3", "podName": None, "podUID": None, "nodeName": None, "recordTerm": None}


def test_an_empty_ledger_is_not_the_same_as_none() -> None:
    assert build_status(Status(unfenced=()))["unfenced"] == []
    assert parse_status({"unfenced": []}).unfenced == ()
    assert parse_status({}).unfenced == (EVERYBODY,)
    assert build_status(Status())["unfenced"] == [{"podName": "*", "podUID": "*"}]


def test_an_example() -> None:
    status = Status(
        term=8,
        term_floor=23,
        leader=Leader("web-1_b", PodRef("web-1", "b"), "node-2"),
        unfenced=(PodRef("web-0", "a"),),
        acquired_at_s=1704067200.25,
        candidates=3,
        eligible=2,
        observed_generation=4,
        history=(PastTerm(7, "web-0_a", "web-0", None, 1704067200.0, "PodGone"),),
        conditions=(Condition("Ready", "True", "Ready", "web-1 leads.", 4, 1704067200.75),),
        failover_at_s=1704067202.0,
        switchover=Answer("two", "Refused", "web-1 leads already.", 1704067203.0, ("one",)),
    )

    assert build_status(status) == {
        "term": 8,
        "termFloor": 23,
        "leader": {
            "holderIdentity": "web-1_b",
            "podName": "web-1",
            "podUID": "b",
            "nodeName": "node-2",
            "recordTerm": None,
        },
        "unfenced": [{"podName": "web-0", "podUID": "a"}],
        "acquireTime": "2024-01-01T00:00:00.250000Z",
        "candidates": 3,
        "eligible": 2,
        "observedGeneration": 4,
        "failoverTime": "2024-01-01T00:00:02.000000Z",
        "switchover": {
            "id": "two",
            "result": "Refused",
            "message": "web-1 leads already.",
            "time": "2024-01-01T00:00:03.000000Z",
            "formerIds": ["one"],
        },
        "history": [
            {
                "term": 7,
                "holderIdentity": "web-0_a",
                "podName": "web-0",
                "endTime": "2024-01-01T00:00:00.000000Z",
                "reason": "PodGone",
            }
        ],
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "Ready",
                "message": "web-1 leads.",
                "observedGeneration": 4,
                "lastTransitionTime": "2024-01-01T00:00:00Z",
            }
        ],
    }


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"term": None, "leader": None, "unfenced": None, "history": None, "conditions": None, "candidates": None},
        {"leader": {}, "history": [], "conditions": [], "acquireTime": "soon"},
    ],
)
def test_what_is_absent_or_unreadable_is_as_if_it_had_never_been_written(body: dict[str, Any]) -> None:
    assert parse_status(body) == Status()


def test_of_a_past_term_and_a_condition_only_the_least_need_be_there() -> None:
    status = parse_status({"history": [{}], "conditions": [{"type": "Ready", "status": "True"}]})

    assert status.history == (PastTerm(0, "", None, None, 0.0, ""),)
    assert status.conditions == (Condition("Ready", "True", "", "", 0, 0.0),)


def test_a_leader_without_name_or_uid_is_no_pod() -> None:
    assert parse_status({"leader": {"holderIdentity": "x", "podName": "web-0"}}).leader == Leader("x", None)
    assert parse_status({"leader": {"holderIdentity": "x", "podUID": "a"}}).leader == Leader("x", None)
    assert parse_status({"leader": {"podName": "web-0", "podUID": "a"}}).leader == Leader("", PodRef("web-0", "a"))


def _paths(value: Any, path: str = "") -> set[str]:
    if isinstance(value, dict):
        return {path} | {found for name, child in value.items() for found in _paths(child, f"{path}.{name}")}
    if isinstance(value, list):
        return {path} | {found for child in value for found in _paths(child, f"{path}[]")}
    return {path}


def _schema_paths(schema: dict[str, Any], path: str = "") -> set[str]:
    found = {path}
    for name, child in schema.get("properties", {}).items():
        found |= _schema_paths(child, f"{path}.{name}")
    return found | (_schema_paths(schema["items"], f"{path}[]") if "items" in schema else set())


@given(_statuses)
def test_the_schema_has_a_place_for_all_that_is_written(status: Status) -> None:
    """The API server drops what the schema does not name, without a word."""
    assert _paths(build_status(status)) <= _schema_paths(_SCHEMA)


def test_the_schema_has_no_place_that_is_never_written() -> None:
    full = Status(
        term=1,
        term_floor=1,
        leader=Leader("a", PodRef("a", "b"), "n"),
        unfenced=(PodRef("a", "b"),),
        acquired_at_s=1.0,
        history=(PastTerm(1, "a", "a", 1.0, 2.0, "r"),),
        conditions=(Condition("Ready", "True", "Ready", "m", 1, 1.0),),
        failover_at_s=1.0,
        switchover=Answer("b", "r", "m", 1.0, ("a",)),
    )

    assert _schema_paths(_SCHEMA) == _paths(build_status(full))


def test_the_bounds_of_the_schema_are_no_narrower_than_the_operators() -> None:
    fields = _SCHEMA["properties"]

    assert min(fields["term"]["maximum"], fields["termFloor"]["maximum"]) >= MAX_TERM
    assert fields["history"]["maxItems"] == MAX_HISTORY
    assert fields["switchover"]["properties"]["formerIds"]["maxItems"] == MAX_FORMER_IDS
    assert fields["unfenced"]["maxItems"] >= MAX_UNFENCED
    assert fields["leader"]["properties"]["holderIdentity"]["maxLength"] >= MAX_IDENTITY_LENGTH
    assert fields["history"]["items"]["properties"]["holderIdentity"]["maxLength"] >= MAX_IDENTITY_LENGTH


def _messages(sentences: list[str]) -> list[str]:
    conditions = [{"type": "Ready", "status": "True", "message": "".join(list(sentence))} for sentence in sentences]
    return [condition.message for condition in parse_status({"conditions": conditions}).conditions]


def test_elections_that_say_the_same_share_one_sentence_and_what_nobody_says_any_more_is_forgotten() -> None:
    first, second = _messages(["web-0 leads."] * 2)
    assert first is second

    tracemalloc.start()
    for n in range(5 * MAX_SENTENCES):
        _messages([f"{n} pods: {'no' * 500}"])
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held_bytes < 2 * MAX_SENTENCES * 1000
