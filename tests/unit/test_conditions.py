"""What the conditions say of an election, a row for each reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tenure.election.conditions import ConditionType, Facts, Reason, derive
from tenure.election.news import news_between
from tenure.election.resource import Condition, Refusal, Status

_WELL = Facts(
    refusal=None,
    suspended=False,
    candidates=3,
    eligible=2,
    obstacles="1 NotReady",
    leader="web-0",
    leader_is_pod=True,
    leader_is_gone=False,
    lease_held=True,
    nats_available=True,
    settled=True,
    refused_label=None,
    refused_service=None,
    conflict=False,
    unbelievable=None,
)
_NOBODY: dict[str, Any] = {"leader": None, "leader_is_pod": False, "lease_held": False, "settled": False}
_CONFLICT = "The lease record is another cluster's on the same NATS: give one of the two operators another bucket."
_REFUSAL = Refusal(Reason.INVALID_SELECTOR, "spec.selector selects nothing: it is empty.")


def _derive(status: Status | None = None, *, now_wall_s: float = 50.0, **facts: Any) -> dict[str, Condition]:
    conditions = derive(
        replace(_WELL, **facts), status if status is not None else Status(), generation=4, now_wall_s=now_wall_s
    )
    return {condition.type: condition for condition in conditions}


@pytest.mark.parametrize(
    ("facts", "kind", "status", "reason", "message"),
    [
        ({}, "Accepted", "True", "Accepted", "The spec is acted on."),
        ({"refusal": _REFUSAL}, "Accepted", "False", "InvalidSelector", "spec.selector selects nothing: it is empty."),
        (
            {"refusal": Refusal(Reason.INVALID_LEASE, "Why not.")},
            "Accepted",
            "False",
            "InvalidLease",
            "Why not.",
        ),
        ({"refusal": Refusal(Reason.INVALID_SPEC, "Why not.")}, "Accepted", "False", "InvalidSpec", "Why not."),
        (
            {"conflict": True},
            "Accepted",
            "False",
            "RecordConflict",
            _CONFLICT,
        ),
        ({"conflict": True, "refusal": _REFUSAL}, "Accepted", "False", "InvalidSelector", _REFUSAL.message),
        ({}, "LeaderElected", "True", "Elected", "web-0 leads."),
        (
            {"leader": "node-3", "leader_is_pod": False},
            "LeaderElected",
            "False",
            "ForeignHolder",
            "node-3 holds the lease and is no pod of this election.",
        ),
        (
            {**_NOBODY, "candidates": 0, "eligible": 0},
            "LeaderElected",
            "False",
            "NoCandidates",
            "No pod matches the selector.",
        ),
        (
            {**_NOBODY, "eligible": 0},
            "LeaderElected",
            "False",
            "NoEligibleCandidate",
            "No pod that matches the selector may lead: 1 NotReady.",
        ),
        (_NOBODY, "LeaderElected", "False", "Electing", "A leader is being elected."),
        ({}, "LeaseHeld", "True", "Held", "The leader's lease is renewed."),
        ({"nats_available": False}, "LeaseHeld", "True", "Held", "The leader's lease is renewed."),
        (
            {"lease_held": False, "nats_available": False},
            "LeaseHeld",
            "False",
            "NATSUnavailable",
            "NATS does not answer: the leader stays, and no other can be elected until it does.",
        ),
        (
            {"lease_held": False, "unbelievable": "it is not JSON"},
            "LeaseHeld",
            "False",
            "UnbelievableRecord",
            "The lease record cannot be believed: it is not JSON.",
        ),
        (
            {"lease_held": False, "unbelievable": "it is not JSON", "nats_available": False},
            "LeaseHeld",
            "False",
            "NATSUnavailable",
            "NATS does not answer: the leader stays, and no other can be elected until it does.",
        ),
        ({"lease_held": False}, "LeaseHeld", "False", "NotHeld", "No pod of this election holds the lease."),
        ({}, "Routed", "True", "Routed", "The leader, and no other pod, carries the leader label."),
        (
            {"settled": False},
            "Routed",
            "False",
            "Routing",
            "The labels of the leader's term are being written.",
        ),
        (_NOBODY, "Routed", "False", "NoLeader", "There is no leader to route to."),
        (
            {"leader": "node-3", "leader_is_pod": False},
            "Routed",
            "False",
            "NoLeader",
            "There is no leader to route to.",
        ),
        (
            {"refused_label": "web-1: denied by a policy"},
            "Routed",
            "False",
            "LabelRefused",
            "A pod's labels cannot be written: web-1: denied by a policy",
        ),
        ({}, "Suspended", "False", "Active", "The election is not suspended."),
        (
            {"suspended": True, **_NOBODY},
            "LeaderElected",
            "False",
            "Suspended",
            "No leader is made while spec.suspend is true.",
        ),
        (
            {"leader_is_gone": True},
            "Routed",
            "False",
            "NoLeader",
            "web-0 is gone, and there is no other leader yet.",
        ),
        (
            {"suspended": True},
            "Suspended",
            "True",
            "Suspended",
            "No hand-over and no repair while spec.suspend is true.",
        ),
    ],
)
def test_a_condition(facts: dict[str, Any], kind: str, status: str, reason: str, message: str) -> None:
    condition = _derive(**facts)[kind]

    assert (condition.status, condition.reason, condition.message) == (status, reason, message)


def test_every_type_is_always_there_once_and_of_this_generation() -> None:
    conditions = derive(_WELL, Status(), generation=4, now_wall_s=50.0)

    assert [condition.type for condition in conditions] == [str(kind) for kind in ConditionType]
    assert {condition.observed_generation for condition in conditions} == {4}


@pytest.mark.parametrize("refused", [{"refusal": _REFUSAL}, {"conflict": True}], ids=["spec", "record"])
@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"candidates": 0, "eligible": 0}, id="no candidates"),
        pytest.param({"eligible": 0}, id="none that may lead"),
        pytest.param({"nats_available": False}, id="no NATS"),
        pytest.param({"unbelievable": "it is not JSON"}, id="a record that cannot be believed"),
        pytest.param({"contested": True}, id="a record that is contested"),
        pytest.param({"leader": "node-3"}, id="a holder that is no pod"),
    ],
)
def test_what_is_not_accepted_is_the_only_thing_that_is_said(refused: dict[str, Any], facts: dict[str, Any]) -> None:
    conditions = _derive(**{**_NOBODY, **facts, **refused})
    announced = news_between(Status(), Status(conditions=tuple(conditions.values())))

    assert [news.reason for news in announced] == [conditions["Accepted"].reason]
    assert conditions["LeaderElected"].reason == conditions["LeaseHeld"].reason == "NotAccepted"
    assert conditions["Ready"].message == conditions["Accepted"].message


def test_a_leader_that_stays_though_the_spec_is_refused_is_said_as_before() -> None:
    well, refused = _derive(), _derive(refusal=_REFUSAL)

    assert [refused[kind] for kind in ("LeaderElected", "LeaseHeld", "Routed")] == [
        well[kind] for kind in ("LeaderElected", "LeaseHeld", "Routed")
    ]


@pytest.mark.parametrize(
    ("facts", "status", "reason"),
    [
        pytest.param({}, "True", "Ready", id="all is well"),
        pytest.param({"refusal": _REFUSAL, **_NOBODY}, "False", "InvalidSelector", id="the spec comes first"),
        pytest.param({"conflict": True}, "False", "RecordConflict", id="a conflict, though a leader is there"),
        pytest.param({**_NOBODY, "candidates": 0}, "False", "NoCandidates", id="then the leader"),
        pytest.param({"lease_held": False, "nats_available": False}, "False", "NATSUnavailable", id="then the lease"),
        pytest.param({"settled": False}, "False", "Routing", id="then the routing"),
        pytest.param({"refused_label": "web-1: no"}, "False", "LabelRefused", id="a label that is refused"),
    ],
)
def test_ready_sums_up_the_first_that_is_false(facts: dict[str, Any], status: str, reason: str) -> None:
    conditions = _derive(**facts)

    assert (conditions["Ready"].status, conditions["Ready"].reason) == (status, reason)
    source = (
        conditions["LeaderElected"] if status == "True" else next(c for c in conditions.values() if c.reason == reason)
    )
    assert conditions["Ready"].message == source.message


def _ready(status: str, reason: str) -> Status:
    return Status(conditions=(Condition("Ready", status, reason, "As it was.", 3, 10.0),))


@pytest.mark.parametrize(("status", "reason"), [("True", "Ready"), ("False", "Routing")])
def test_ready_stays_as_it_is_while_the_election_is_suspended(status: str, reason: str) -> None:
    ready = _derive(_ready(status, reason), suspended=True, **_NOBODY)["Ready"]

    assert (ready.status, ready.reason, ready.message, ready.changed_at_s) == (status, reason, "As it was.", 10.0)


def test_an_election_that_was_never_anything_but_suspended_says_what_is() -> None:
    assert _derive(suspended=True, **_NOBODY)["Ready"].reason == "Suspended"


def test_a_time_of_change_moves_only_with_the_status() -> None:
    first = Status(conditions=derive(_WELL, Status(), generation=4, now_wall_s=50.0))

    later = _derive(first, now_wall_s=60.0, leader="web-1", lease_held=False)

    assert (later["LeaderElected"].message, later["LeaderElected"].changed_at_s) == ("web-1 leads.", 50.0)
    assert (later["LeaseHeld"].reason, later["LeaseHeld"].changed_at_s) == ("NotHeld", 60.0)
    assert later["Accepted"].changed_at_s == 50.0
    assert (later["Ready"].reason, later["Ready"].changed_at_s) == ("NotHeld", 60.0)


def test_two_conditions_say_the_same_whenever_they_changed() -> None:
    one = Condition("Ready", "True", "Ready", "web-0 leads.", 4, 50.0)

    assert one.says_the_same(replace(one, changed_at_s=60.0))
    for change in (
        {"type": "Routed"},
        {"status": "False"},
        {"reason": "R"},
        {"message": ""},
        {"observed_generation": 5},
    ):
        assert not one.says_the_same(replace(one, **change))


def test_the_reasons_are_words_as_kubernetes_wants_them() -> None:
    assert all(reason.isalpha() and reason[0].isupper() for reason in Reason)
