"""What is read of a resource, and in which words a spec that cannot be acted on is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tenure.api.resource import parse_resource, parse_spec
from tenure.election.pod import PodRef
from tenure.election.request import Switchover
from tenure.election.resource import Leader, RecordName, Refusal, Resource, Spec
from tenure.election.rules import HandOver, Order, Priority, Rules
from tenure.election.selector import Operator, Requirement, Selector, parse_selector
from tenure.election.timing import DURATION_ABOVE_DEADLINE, DURATION_THREE_INTERVALS, Timing
from unit.builders import SPEC, a_resource

_SELECTOR = {"matchLabels": {"app": "web"}}


def _spec(**fields: Any) -> dict[str, Any]:
    return {"selector": _SELECTOR, **fields}


@pytest.mark.parametrize(
    ("body", "spec"),
    [
        pytest.param(_spec(), SPEC, id="the ten-line election"),
        pytest.param(_spec(campaign="Operator", suspend=False, lease={}), SPEC, id="with all defaults spelled out"),
        pytest.param(_spec(lease=None, suspend=None), SPEC, id="with nulls"),
        pytest.param(_spec(suspend=True), Spec(SPEC.selector, SPEC.timing, suspend=True), id="suspended"),
        pytest.param(
            _spec(campaign="Pods"),
            Spec(SPEC.selector, SPEC.timing, rules=Rules(require_ready=False), pods_campaign=True),
            id="pods that campaign themselves",
        ),
        pytest.param(
            _spec(campaign="Pods", record={"bucket": "aether-leader-election", "key": None}),
            Spec(
                SPEC.selector,
                SPEC.timing,
                rules=Rules(require_ready=False),
                pods_campaign=True,
                record=RecordName("aether-leader-election"),
            ),
            id="a record in another bucket",
        ),
        pytest.param(
            _spec(lease={"durationSeconds": 60}), Spec(SPEC.selector, Timing(60, 52, 12)), id="a duration alone"
        ),
        pytest.param(
            _spec(lease={"durationSeconds": 30, "renewDeadlineSeconds": 20, "renewIntervalSeconds": 2}),
            Spec(SPEC.selector, Timing(30, 20, 2)),
            id="a whole lease",
        ),
        pytest.param(
            _spec(
                selector={
                    "matchLabels": {"tier": "db", "app": "web"},
                    "matchExpressions": [
                        {"key": "zone", "operator": "NotIn", "values": ["a", "b"]},
                        {"key": "canary", "operator": "DoesNotExist"},
                        {"key": "ready", "operator": "Exists", "values": None},
                    ],
                }
            ),
            Spec(
                Selector(
                    (
                        Requirement("app", Operator.IN, ("web",)),
                        Requirement("tier", Operator.IN, ("db",)),
                        Requirement("zone", Operator.NOT_IN, ("a", "b")),
                        Requirement("canary", Operator.DOES_NOT_EXIST),
                        Requirement("ready", Operator.EXISTS),
                    )
                ),
                SPEC.timing,
            ),
            id="labels and expressions",
        ),
    ],
)
def test_a_spec_that_can_be_acted_on(body: dict[str, Any], spec: Spec) -> None:
    assert parse_spec(body) == spec


@pytest.mark.parametrize(
    ("asked", "switchover"),
    [
        pytest.param(None, None, id="none"),
        pytest.param({"id": "one"}, Switchover("one"), id="to any other, at once"),
        pytest.param({"id": "one", "toPodName": "web-1"}, Switchover("one", "web-1"), id="to a pod"),
        pytest.param(
            {"id": "one", "notBeforeTime": "2024-01-01T02:00:00.5+02:00"},
            Switchover("one", not_before_s=1704067200.5),
            id="at a time",
        ),
        pytest.param(
            {"id": "one", "notBeforeTime": "2024-01-01t00:00:00z"},
            Switchover("one", not_before_s=1704067200.0),
            id="at a time as RFC 3339 allows to write it as well",
        ),
    ],
)
def test_the_switchover_that_is_asked_for(asked: dict[str, Any] | None, switchover: Switchover | None) -> None:
    assert parse_spec(_spec(switchover=asked)) == replace(SPEC, switchover=switchover)


@pytest.mark.parametrize(
    ("fields", "rules"),
    [
        pytest.param({"eligibility": {}, "preference": {}}, Rules(), id="nothing is asked for"),
        pytest.param(
            {"failoverDelaySeconds": 30, "handOver": "AfterTermination"},
            Rules(failover_delay_s=30, hand_over=HandOver.AFTER_TERMINATION),
            id="a leader stays",
        ),
        pytest.param({"failoverDelaySeconds": None, "handOver": "OnTermination"}, Rules(), id="no longer than usual"),
        pytest.param(
            {"eligibility": {"requireReady": None, "exclude": None}, "preference": {"priorities": None, "order": None}},
            Rules(),
            id="nulls",
        ),
        pytest.param(
            {"eligibility": {"requireReady": True, "minReadySeconds": 0}, "preference": {"order": "LowestOrdinal"}},
            Rules(),
            id="the defaults spelled out",
        ),
        pytest.param(
            {
                "eligibility": {
                    "requireReady": False,
                    "minReadySeconds": 30,
                    "exclude": {"matchLabels": {"track": "canary"}},
                },
                "preference": {
                    "priorities": [
                        {"selector": {"matchLabels": {"zone": "a"}}, "priority": 10},
                        {"selector": {"matchExpressions": [{"key": "spot", "operator": "Exists"}]}, "priority": 0},
                    ],
                    "order": "OldestReady",
                    "preempt": {"afterSeconds": 60},
                },
            },
            Rules(
                require_ready=False,
                min_ready_s=30,
                exclude=parse_selector("track=canary"),
                priorities=(Priority(parse_selector("zone=a"), 10), Priority(parse_selector("spot"), 0)),
                order=Order.OLDEST_READY,
                preempt_after_s=60,
            ),
            id="all that can be asked for",
        ),
    ],
)
def test_the_rules_for_candidates(fields: dict[str, Any], rules: Rules) -> None:
    assert parse_spec(_spec(**fields)) == Spec(SPEC.selector, SPEC.timing, rules=rules)


def _priorities(*entries: tuple[dict[str, Any], int]) -> dict[str, Any]:
    return {"priorities": [{"selector": selector, "priority": priority} for selector, priority in entries]}


def _expressions(*expressions: dict[str, Any]) -> dict[str, Any]:
    return _spec(selector={"matchExpressions": list(expressions)})


@pytest.mark.parametrize(
    ("body", "reason", "message"),
    [
        pytest.param(
            {},
            "InvalidSelector",
            "spec.selector selects nothing: it is empty: give matchLabels or matchExpressions.",
            id="no selector",
        ),
        pytest.param(
            {"selector": {"matchLabels": {}, "matchExpressions": None}},
            "InvalidSelector",
            "spec.selector selects nothing: it is empty: give matchLabels or matchExpressions.",
            id="an empty selector",
        ),
        pytest.param(
            {"selector": {"matchLabels": {"a b": "web"}}},
            "InvalidSelector",
            "spec.selector selects nothing: 'a b' is not a label key: use an optional DNS name and '/', then at most "
            "63 letters, digits, '-', '_' and '.', with a letter or digit at both ends.",
            id="a bad key",
        ),
        pytest.param(
            {"selector": {"matchLabels": {"app": "-"}}},
            "InvalidSelector",
            "spec.selector selects nothing: the value '-' of 'app' is not a label value: use at most 63 letters, "
            "digits, '-', '_' and '.', with a letter or digit at both ends.",
            id="a bad value",
        ),
        pytest.param(
            _expressions({"key": "app", "operator": "In", "values": []}),
            "InvalidSelector",
            "spec.selector selects nothing: In on 'app' has no values: give at least one.",
            id="In without values",
        ),
        pytest.param(
            _expressions({"key": "app", "operator": "Exists", "values": ["web"]}),
            "InvalidSelector",
            "spec.selector selects nothing: Exists on 'app' has values: leave them out.",
            id="Exists with values",
        ),
        pytest.param(
            _expressions({"key": "app", "operator": "Gt", "values": ["1"]}),
            "InvalidSelector",
            "spec.selector selects nothing: 'Gt' is not a valid Operator.",
            id="an operator that selectors do not have",
        ),
        pytest.param(
            _spec(lease={"durationSeconds": 10, "renewDeadlineSeconds": 10}),
            "InvalidLease",
            f"spec.lease cannot be kept: {DURATION_ABOVE_DEADLINE}.",
            id="a deadline that is too late",
        ),
        pytest.param(
            _spec(lease={"renewIntervalSeconds": 6, "renewDeadlineSeconds": 20}),
            "InvalidLease",
            f"spec.lease cannot be kept: {DURATION_ABOVE_DEADLINE}; {DURATION_THREE_INTERVALS}.",
            id="two broken rules",
        ),
        pytest.param(
            _spec(lease={"durationSeconds": 2}),
            "InvalidLease",
            "spec.lease cannot be kept: durationSeconds must be from 3 to 3600, not 2.",
            id="too short a lease",
        ),
        pytest.param(
            _spec(campaign="Nobody"),
            "InvalidSpec",
            "spec.campaign is Nobody, which this version of the operator does not know: use Operator or Pods.",
            id="a campaign of a later version",
        ),
        pytest.param(
            _spec(record={"key": "leader"}),
            "InvalidSpec",
            "spec.record is for elections whose pods campaign for themselves: leave it out, or use campaign Pods.",
            id="another record for an operator that campaigns",
        ),
        pytest.param(
            _spec(campaign="Pods", failoverDelaySeconds=5),
            "InvalidSpec",
            "spec.failoverDelaySeconds is for elections in which the operator campaigns: "
            "with campaign Pods, leave it out.",
            id="rules for pods that campaign themselves",
        ),
        pytest.param(
            _spec(eligibility={"exclude": {"matchLabels": {"a b": "c"}}}),
            "InvalidSelector",
            "spec.eligibility.exclude selects nothing: 'a b' is not a label key: use an optional DNS name and '/', "
            "then at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends.",
            id="a bad key of those to exclude",
        ),
        pytest.param(
            _spec(preference=_priorities(({"matchLabels": {"app": "web"}}, 1), ({}, 2))),
            "InvalidSelector",
            "spec.preference.priorities[1].selector selects nothing: it is empty: "
            "give matchLabels or matchExpressions.",
            id="an empty selector of a priority",
        ),
        pytest.param(
            _spec(
                preference=_priorities(
                    ({"matchLabels": {"a": "b", "c": "d"}}, 10),
                    ({"matchLabels": {"a": "b"}}, 20),
                    (
                        {
                            "matchExpressions": [
                                {"key": key, "operator": "In", "values": [key_is]}
                                for key, key_is in (("c", "d"), ("a", "b"))
                            ]
                        },
                        0,
                    ),
                )
            ),
            "InvalidPreference",
            "spec.preference.priorities[0] and [2] give the same pods priority 10 and 0: take one of the two away.",
            id="priorities that contradict each other, in other words",
        ),
        pytest.param(
            _spec(preference={"order": "Youngest"}),
            "InvalidSpec",
            "spec.preference.order is Youngest, which this version of the operator does not know: "
            "use LowestOrdinal or OldestReady.",
            id="an order of a later version",
        ),
        pytest.param(
            _spec(switchover={"id": "one", "notBeforeTime": "soon"}),
            "InvalidSpec",
            "spec.switchover.notBeforeTime is no time: Invalid isoformat string: 'SOON': write it as "
            "2026-01-31T20:00:00Z.",
            id="a time that is none",
        ),
        pytest.param(
            {"selector": {}, "lease": {"durationSeconds": 2}, "campaign": "Pods"},
            "InvalidSelector",
            "spec.selector selects nothing: it is empty: give matchLabels or matchExpressions.",
            id="all at once: the selector comes first",
        ),
    ],
)
def test_a_spec_that_cannot_be_acted_on(body: dict[str, Any], reason: str, message: str) -> None:
    assert parse_spec(body) == Refusal(reason, message)


_METADATA = {"namespace": "shop", "name": "web", "uid": "uid-of-web", "generation": 1, "resourceVersion": "1"}


def test_a_resource_that_was_just_created() -> None:
    assert parse_resource({"metadata": _METADATA, "spec": _spec()}) == a_resource()


def test_a_resource_with_a_status() -> None:
    status = {"term": 7, "termFloor": 9, "leader": {"holderIdentity": "a_b", "podName": "a", "podUID": "b"}}

    resource = parse_resource(
        {"metadata": {**_METADATA, "resourceVersion": "184467"}, "spec": _spec(), "status": status}
    )

    assert (resource.resource_version, resource.status.term, resource.status.term_floor) == (184467, 7, 9)
    assert resource.status.leader == Leader("a_b", PodRef("a", "b"))


def test_a_resource_whose_spec_is_refused_keeps_its_status() -> None:
    resource = parse_resource({"metadata": _METADATA, "status": {"term": 7, "termFloor": 7}})

    assert isinstance(resource.spec, Refusal)
    assert resource.status.term == 7


def test_a_resource_without_a_generation_is_of_generation_0() -> None:
    metadata = {name: value for name, value in _METADATA.items() if name != "generation"}

    assert parse_resource({"metadata": metadata, "spec": _spec()}) == Resource(
        "shop", "web", "uid-of-web", 0, 1, SPEC, a_resource().status
    )


def test_a_version_that_no_api_server_would_send_is_an_error() -> None:
    with pytest.raises(ValueError, match="seven"):
        parse_resource({"metadata": {**_METADATA, "resourceVersion": "seven"}, "spec": _spec()})
