"""What a real API server makes of crds/leaderelections.yaml: what it refuses, in which words, and what it fills in."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from environment import Environment
from tenure.election import timing

pytestmark = pytest.mark.usefixtures("nobody")

_ALL = "/apis/tenure.dev/v1alpha1/namespaces/default/leaderelections"
_SELECTOR = {"matchLabels": {"app": "web"}}
_NAMES = itertools.count(1)

Object = dict[str, Any]
Causes = list[tuple[str, str]]

_REMARK = "some validation rules were not checked because the object was invalid"
_LONG_NAME = (
    "Invalid value: metadata.name must be no longer than 63 characters, because it becomes part of the label key "
    "role.tenure.dev/<name>: choose a shorter name"
)
_EMPTY_SELECTOR = (
    "Invalid value: selector must not be empty: "
    "give matchLabels or matchExpressions that find the pods of this election and no others"
)
_EMPTY_PART = "Invalid value: this selector must not be empty: give matchLabels or matchExpressions, or leave it out"
_PRIORITY = "spec.preference.priorities[0].priority"
_NO_RULES = (
    "Invalid value: eligibility, preference, failoverDelaySeconds, handOver and switchover are for elections in which "
    "the operator campaigns: with campaign Pods, leave them out"
)
_PREEMPT = (
    "Invalid value: preempt cannot be had with handOver AfterTermination, where only the end of its pod moves the "
    "leadership: take one of the two away"
)
_KEY = r"^[-/_=A-Za-z0-9]+(\.[-/_=A-Za-z0-9]+)*$"
_RECORD = "record is for elections whose pods campaign for themselves: leave it out"
_CAMPAIGN = "Forbidden: campaign cannot be changed: delete this LeaderElection and create it again with the other value"
_TERM = "Forbidden: status.term must neither fall nor be removed: read the resource again and decide anew"
_FLOOR = "Forbidden: status.termFloor must neither fall nor be removed: read the resource again and decide anew"
_FLOOR_BELOW_TERM = (
    "Invalid value: status.termFloor must be given and at least status.term: raise termFloor in the same write"
)


class Elections:
    """LeaderElections at the API server, without kubectl between."""

    def __init__(self, environment: Environment) -> None:
        self._api = environment.control_plane.api

    def try_out(self, election: Object) -> tuple[Object, Causes]:
        """What the server would store for a new election, and why it refuses to; one of the two is empty."""
        return self._answer("POST", f"{_ALL}?dryRun=All&fieldValidation=Strict", election)

    def create(self, spec: Object) -> Object:
        """Store a new election and return it as the server completed it."""
        stored, causes = self._answer("POST", _ALL, election(spec, name=f"crd-{next(_NAMES)}"))
        assert causes == []
        return stored

    def replace(self, changed: Object) -> tuple[Object, Causes]:
        """Write the whole of a stored election but its status."""
        return self._answer("PUT", f"{_ALL}/{changed['metadata']['name']}", changed)

    def replace_status(self, stored: Object, status: object) -> tuple[Object, Causes]:
        """Write the status, the whole of it; None takes it away."""
        changed = {key: value for key, value in stored.items() if key != "status"}
        if status is not None:
            changed["status"] = status
        return self._answer("PUT", f"{_ALL}/{stored['metadata']['name']}/status", changed)

    def _answer(self, method: str, path: str, body: Object) -> tuple[Object, Causes]:
        code, answer = self._api.request(method, path, body)
        if code in (200, 201):
            return answer, []
        assert code == 422, answer
        causes = [(cause["field"], cause["message"]) for cause in answer["details"]["causes"]]
        return {}, [cause for cause in causes if _REMARK not in cause[1]]


def election(spec: object, name: str = "web") -> Object:
    """A manifest of an election."""
    return {"apiVersion": "tenure.dev/v1alpha1", "kind": "LeaderElection", "metadata": {"name": name}, "spec": spec}


@pytest.fixture(scope="module")
def elections(environment: Environment, crd: None) -> Iterator[Elections]:
    """They are left alone, and taken away at the end."""
    yield Elections(environment)
    code, answer = environment.control_plane.api.request("DELETE", _ALL)
    assert code == 200, answer


# ------------------------------------------------------------------------------------------------------------- refused

_REFUSED: dict[str, tuple[Object, Causes]] = {
    "empty selector": ({"selector": {}}, [("spec.selector", _EMPTY_SELECTOR)]),
    "selector of empty parts": (
        {"selector": {"matchLabels": {}, "matchExpressions": []}},
        [("spec.selector", _EMPTY_SELECTOR)],
    ),
    "a label value that is too long": (
        {"selector": {"matchLabels": {"app": "x" * 64}}},
        [("spec.selector.matchLabels.app", "Too long: may not be more than 63 bytes")],
    ),
    "an expression with an operator that does not exist": (
        {"selector": {"matchExpressions": [{"key": "app", "operator": "exists"}]}},
        [
            (
                "spec.selector.matchExpressions[0].operator",
                'Unsupported value: "exists": supported values: "In", "NotIn", "Exists", "DoesNotExist"',
            )
        ],
    ),
    "rules for pods that campaign themselves": (
        {"selector": _SELECTOR, "campaign": "Pods", "failoverDelaySeconds": 5},
        [("spec.campaign", _NO_RULES)],
    ),
    "a record of an operator that campaigns": (
        {"selector": _SELECTOR, "record": {"key": "leader"}},
        [("spec.record", f"Invalid value: {_RECORD}, or use campaign Pods")],
    ),
    "a record that names nothing": (
        {"selector": _SELECTOR, "campaign": "Pods", "record": {}},
        [("spec.record", "Invalid value: 0: spec.record in body should have at least 1 properties")],
    ),
    "a record whose key cannot be one": (
        {"selector": _SELECTOR, "campaign": "Pods", "record": {"key": "a..b"}},
        [("spec.record.key", f"Invalid value: \"a..b\": spec.record.key in body should match '{_KEY}'")],
    ),
    "a campaign that does not exist": (
        {"selector": _SELECTOR, "campaign": "operator"},
        [("spec.campaign", 'Unsupported value: "operator": supported values: "Operator", "Pods"')],
    ),
    "excluding by an empty selector": (
        {"selector": _SELECTOR, "eligibility": {"exclude": {}}},
        [("spec.eligibility.exclude", _EMPTY_PART)],
    ),
    "Ready for more than an hour": (
        {"selector": _SELECTOR, "eligibility": {"minReadySeconds": 3601}},
        [
            (
                "spec.eligibility.minReadySeconds",
                "Invalid value: 3601: spec.eligibility.minReadySeconds in body should be less than or equal to 3600",
            )
        ],
    ),
    "a priority of everybody": (
        {"selector": _SELECTOR, "preference": {"priorities": [{"selector": {"matchLabels": {}}, "priority": 1}]}},
        [("spec.preference.priorities[0].selector", _EMPTY_PART)],
    ),
    "a priority without a selector": (
        {"selector": _SELECTOR, "preference": {"priorities": [{"priority": 1}]}},
        [("spec.preference.priorities[0].selector", "Required value")],
    ),
    "a priority that is too high": (
        {"selector": _SELECTOR, "preference": {"priorities": [{"selector": _SELECTOR, "priority": 1001}]}},
        [(_PRIORITY, f"Invalid value: 1001: {_PRIORITY} in body should be less than or equal to 1000")],
    ),
    "too many priorities": (
        {"selector": _SELECTOR, "preference": {"priorities": [{"selector": _SELECTOR, "priority": 1}] * 17}},
        [("spec.preference.priorities", "Too many: 17: must have at most 16 items")],
    ),
    "an order that does not exist": (
        {"selector": _SELECTOR, "preference": {"order": "Oldest"}},
        [("spec.preference.order", 'Unsupported value: "Oldest": supported values: "LowestOrdinal", "OldestReady"')],
    ),
    "a failover after more than an hour": (
        {"selector": _SELECTOR, "failoverDelaySeconds": 3601},
        [
            (
                "spec.failoverDelaySeconds",
                "Invalid value: 3601: spec.failoverDelaySeconds in body should be less than or equal to 3600",
            )
        ],
    ),
    "preemption without a time": (
        {"selector": _SELECTOR, "preference": {"preempt": {}}},
        [("spec.preference.preempt.afterSeconds", "Required value")],
    ),
    "preemption where only the pod's end moves the leadership": (
        {"selector": _SELECTOR, "preference": {"preempt": {"afterSeconds": 5}}, "handOver": "AfterTermination"},
        [
            (
                "spec.preference.preempt",
                _PREEMPT,
            )
        ],
    ),
    "too many services": (
        {"selector": _SELECTOR, "routing": {"services": [f"web-{n}" for n in range(17)]}},
        [("spec.routing.services", "Too many: 17: must have at most 16 items")],
    ),
    "a hand-over that does not exist": (
        {"selector": _SELECTOR, "handOver": "Never"},
        [("spec.handOver", 'Unsupported value: "Never": supported values: "OnTermination", "AfterTermination"')],
    ),
    "a switchover without an id": (
        {"selector": _SELECTOR, "switchover": {"toPodName": "web-1"}},
        [("spec.switchover.id", "Required value")],
    ),
    "a switchover with an id that is too long": (
        {"selector": _SELECTOR, "switchover": {"id": "x" * 64}},
        [("spec.switchover.id", "Too long: may not be more than 63 bytes")],
    ),
    "a switchover at a time that is none": (
        {"selector": _SELECTOR, "switchover": {"id": "one", "notBeforeTime": "20:00"}},
        [
            (
                "spec.switchover.notBeforeTime",
                'Invalid value: "20:00": spec.switchover.notBeforeTime in body must be of type date-time: "20:00"',
            )
        ],
    ),
    "suspend that is no boolean": (
        {"selector": _SELECTOR, "suspend": "yes"},
        [("spec.suspend", 'Invalid value: "string": spec.suspend in body must be of type boolean: "string"')],
    ),
    "a lease that is too short": (
        {"selector": _SELECTOR, "lease": {"durationSeconds": 2}},
        [
            (
                "spec.lease.durationSeconds",
                "Invalid value: 2: spec.lease.durationSeconds in body should be greater than or equal to 3",
            )
        ],
    ),
    "a lease that is too long": (
        {"selector": _SELECTOR, "lease": {"durationSeconds": 3601}},
        [
            (
                "spec.lease.durationSeconds",
                "Invalid value: 3601: spec.lease.durationSeconds in body should be less than or equal to 3600",
            )
        ],
    ),
    "an interval of nothing": (
        {"selector": _SELECTOR, "lease": {"renewIntervalSeconds": 0}},
        [
            (
                "spec.lease.renewIntervalSeconds",
                "Invalid value: 0: spec.lease.renewIntervalSeconds in body should be greater than or equal to 1",
            )
        ],
    ),
    "a deadline as long as the lease": (
        {"selector": _SELECTOR, "lease": {"durationSeconds": 10, "renewDeadlineSeconds": 10}},
        [("spec.lease.renewDeadlineSeconds", f"Invalid value: {timing.DURATION_ABOVE_DEADLINE}")],
    ),
    "a deadline as long as the default lease": (
        {"selector": _SELECTOR, "lease": {"renewDeadlineSeconds": 15}},
        [("spec.lease.renewDeadlineSeconds", f"Invalid value: {timing.DURATION_ABOVE_DEADLINE}")],
    ),
    "a deadline for less than two attempts": (
        {"selector": _SELECTOR, "lease": {"renewDeadlineSeconds": 9, "renewIntervalSeconds": 5}},
        [("spec.lease.renewIntervalSeconds", f"Invalid value: {timing.DEADLINE_TWO_INTERVALS}")],
    ),
    "a lease for less than three attempts": (
        {"selector": _SELECTOR, "lease": {"durationSeconds": 10, "renewIntervalSeconds": 4}},
        [("spec.lease.renewIntervalSeconds", f"Invalid value: {timing.DURATION_THREE_INTERVALS}")],
    ),
    "a default lease for less than three attempts": (
        {"selector": _SELECTOR, "lease": {"renewIntervalSeconds": 6}},
        [("spec.lease.renewIntervalSeconds", f"Invalid value: {timing.DURATION_THREE_INTERVALS}")],
    ),
}


@pytest.mark.parametrize("case", _REFUSED)
def test_a_bad_spec_is_refused_with_what_to_do(elections: Elections, case: str) -> None:
    spec, expected = _REFUSED[case]

    _, causes = elections.try_out(election(spec))

    assert causes == expected


@pytest.mark.parametrize(("spec", "missing"), [({}, "spec.selector"), (None, "spec")])
def test_a_selector_is_required(elections: Elections, spec: object, missing: str) -> None:
    _, causes = elections.try_out(election(spec) if spec is not None else _without_spec())

    assert causes == [(missing, "Required value")]


def test_a_name_that_no_label_key_can_hold_is_refused(elections: Elections) -> None:
    _, causes = elections.try_out(election({"selector": _SELECTOR}, name="x" * 64))

    assert causes == [("metadata.name", _LONG_NAME)]


@pytest.mark.parametrize("name", ["Web", "web_1", "-web", "web-", "web.", "we b"])
def test_a_name_of_characters_that_a_label_key_lacks_is_refused(elections: Elections, name: str) -> None:
    _, causes = elections.try_out(election({"selector": _SELECTOR}, name=name))

    assert [field for field, _ in causes] == ["metadata.name"]


def test_an_unknown_field_is_refused(environment: Environment, elections: Elections) -> None:
    """What kubectl asks of the API server by default, so that a misspelt field is not silently nothing."""
    assert isinstance(elections, Elections)
    misspelt = election({"selector": _SELECTOR, "lease": {"duration": 10}})

    code, answer = environment.control_plane.api.request("POST", f"{_ALL}?dryRun=All&fieldValidation=Strict", misspelt)

    assert code == 400
    assert answer["message"].endswith('strict decoding error: unknown field "spec.lease.duration"')


# ------------------------------------------------------------------------------------------------------------ accepted


@pytest.mark.parametrize(
    "spec",
    [
        {"selector": {"matchLabels": {"app": "web"}}},
        {"selector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}},
        {"selector": {"matchLabels": {}, "matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}},
        {"selector": _SELECTOR, "campaign": "Pods"},
        {"selector": _SELECTOR, "campaign": "Pods", "record": {"bucket": "aether-leader-election", "key": "leader"}},
        {"selector": _SELECTOR, "suspend": True},
        {"selector": _SELECTOR, "lease": {}},
        {"selector": _SELECTOR, "lease": {"durationSeconds": 5}},
        {"selector": _SELECTOR, "lease": {"durationSeconds": 3, "renewDeadlineSeconds": 2, "renewIntervalSeconds": 1}},
        {"selector": _SELECTOR, "eligibility": {}, "preference": {}},
        {"selector": _SELECTOR, "routing": {"services": ["web", "web-admin"]}},
        {"selector": _SELECTOR, "failoverDelaySeconds": 3600, "handOver": "AfterTermination"},
        {
            "selector": _SELECTOR,
            "switchover": {"id": "one", "toPodName": "web-1", "notBeforeTime": "2026-01-31T20:00:00+01:00"},
        },
        {
            "selector": _SELECTOR,
            "eligibility": {
                "requireReady": False,
                "minReadySeconds": 3600,
                "exclude": {"matchExpressions": [{"key": "canary", "operator": "Exists"}]},
            },
            "preference": {
                "priorities": [{"selector": _SELECTOR, "priority": 0}, {"selector": _SELECTOR, "priority": 1000}],
                "order": "OldestReady",
                "preempt": {"afterSeconds": 0},
            },
        },
        # What only the operator can judge becomes the condition Accepted=False.
        {"selector": {"matchLabels": {"a b": "c d"}}},
        {"selector": {"matchExpressions": [{"key": "app", "operator": "In"}]}},
    ],
)
def test_a_good_spec_is_stored_as_it_stands(elections: Elections, spec: Object) -> None:
    stored, causes = elections.try_out(election(spec))

    assert causes == []
    assert stored["spec"] == {"campaign": "Operator", "suspend": False} | spec


@pytest.mark.parametrize("name", ["x" * 63, "shop.web", "1"])
def test_a_good_name_is_accepted(elections: Elections, name: str) -> None:
    _, causes = elections.try_out(election({"selector": _SELECTOR}, name=name))

    assert causes == []


def test_null_means_the_default(elections: Elections) -> None:
    stored, causes = elections.try_out(election({"selector": _SELECTOR, "campaign": None, "suspend": None}))

    assert causes == []
    assert stored["spec"] == {"selector": _SELECTOR, "campaign": "Operator", "suspend": False}


def test_the_api_server_and_the_operator_agree_on_every_lease(elections: Elections) -> None:
    values = itertools.product((None, 2, 3, 10, 15, 3601), (None, 1, 2, 9, 10, 15), (None, 0, 1, 3, 5, 6))
    disagreed = []
    for duration, deadline, interval in values:
        given = {"durationSeconds": duration, "renewDeadlineSeconds": deadline, "renewIntervalSeconds": interval}
        lease = {field: value for field, value in given.items() if value is not None}
        _, causes = elections.try_out(election({"selector": _SELECTOR, "lease": lease}))
        try:
            timing.Timing.derive(duration, deadline, interval)
        except ValueError:
            refused = True
        else:
            refused = False
        if refused is not bool(causes):
            disagreed.append(lease)

    assert disagreed == []


# ------------------------------------------------------------------------------------------------------------- changes


@pytest.mark.parametrize(("before", "after"), [("Pods", "Operator"), ("Operator", "Pods"), (None, "Pods")])
def test_the_campaign_cannot_be_changed(elections: Elections, before: str | None, after: str) -> None:
    stored = elections.create({"selector": _SELECTOR} | ({"campaign": before} if before else {}))

    stored["spec"]["campaign"] = after
    _, causes = elections.replace(stored)

    assert causes == [("spec.campaign", _CAMPAIGN)]


@pytest.mark.parametrize("after", [None, {"key": "other"}, {"key": "leader", "bucket": "b"}])
def test_the_record_cannot_be_changed(elections: Elections, after: Object | None) -> None:
    stored = elections.create({"selector": _SELECTOR, "campaign": "Pods", "record": {"key": "leader"}})

    stored["spec"]["record"] = after
    _, causes = elections.replace(stored)

    forbidden = "Forbidden: record cannot be changed: delete this LeaderElection and create it again with the other one"
    assert causes == [("spec.record", forbidden)]


def test_the_campaign_cannot_be_changed_by_unsetting_it_first(elections: Elections) -> None:
    stored = elections.create({"selector": _SELECTOR, "campaign": "Pods"})

    del stored["spec"]["campaign"]
    _, removed = elections.replace(stored)
    stored["spec"]["campaign"] = None
    _, nulled = elections.replace(stored)

    assert removed == nulled == [("spec.campaign", _CAMPAIGN)]


def test_an_unset_campaign_that_was_the_default_stays_the_default(elections: Elections) -> None:
    stored = elections.create({"selector": _SELECTOR})

    del stored["spec"]["campaign"]
    changed, causes = elections.replace(stored)

    assert causes == []
    assert changed["spec"]["campaign"] == "Operator"


def test_all_else_of_a_spec_can_be_changed(elections: Elections) -> None:
    stored = elections.create({"selector": _SELECTOR})
    spec = {"selector": {"matchLabels": {"app": "api"}}, "lease": {"durationSeconds": 30}, "suspend": True}

    changed, causes = elections.replace(stored | {"spec": spec})

    assert causes == []
    assert changed["metadata"]["generation"] == stored["metadata"]["generation"] + 1


# -------------------------------------------------------------------------------------------------------------- status

_STATUS = {"term": 7, "termFloor": 9}
_STATUS_REFUSED: dict[str, tuple[object, Causes]] = {
    "the term falls": ({"term": 6, "termFloor": 9}, [("status.term", _TERM)]),
    "the term vanishes": ({"termFloor": 9}, [("status.term", _TERM)]),
    "the floor falls": ({"term": 7, "termFloor": 8}, [("status.termFloor", _FLOOR)]),
    "the floor vanishes": ({"term": 7}, [("status.termFloor", _FLOOR), ("status.termFloor", _FLOOR_BELOW_TERM)]),
    "the status is emptied": ({}, [("status.term", _TERM), ("status.termFloor", _FLOOR)]),
    "the status is removed": (None, [("status.term", _TERM), ("status.termFloor", _FLOOR)]),
    "the floor is below the term": ({"term": 10, "termFloor": 9}, [("status.termFloor", _FLOOR_BELOW_TERM)]),
    "the term is no exact integer in JSON": (
        {"term": 2**53, "termFloor": 2**53},
        [
            (
                f"status.{field}",
                f"Invalid value: {2**53}: {field} in body should be less than or equal to {2**53 - 1}",
            )
            for field in ("term", "termFloor")
        ],
    ),
}


@pytest.mark.parametrize("case", _STATUS_REFUSED)
def test_g4_a_status_that_goes_back_is_refused(elections: Elections, case: str) -> None:
    status, expected = _STATUS_REFUSED[case]
    stored, causes = elections.replace_status(elections.create({"selector": _SELECTOR}), _STATUS)
    assert causes == []

    _, causes = elections.replace_status(stored, status)

    assert sorted(causes) == sorted(expected)


@pytest.mark.parametrize(
    "status",
    [
        {"term": 7, "termFloor": 9},
        {"term": 7, "termFloor": 25},
        {"term": 8, "termFloor": 9},
        {"term": 9, "termFloor": 9},
        {"term": 2**53 - 1, "termFloor": 2**53 - 1},
    ],
)
def test_a_status_may_stay_or_rise(elections: Elections, status: Object) -> None:
    stored, causes = elections.replace_status(elections.create({"selector": _SELECTOR}), _STATUS)
    assert causes == []

    changed, causes = elections.replace_status(stored, status)

    assert causes == []
    assert changed["status"] == status


def test_the_floor_may_come_before_the_first_term(elections: Elections) -> None:
    stored = elections.create({"selector": _SELECTOR})

    _, causes = elections.replace_status(stored, {"termFloor": 16})

    assert causes == []


def test_a_change_of_the_spec_does_not_touch_the_status(elections: Elections) -> None:
    stored, _ = elections.replace_status(elections.create({"selector": _SELECTOR}), _STATUS)

    del stored["status"]
    changed, causes = elections.replace(stored)

    assert causes == []
    assert changed["status"] == _STATUS


def test_a_full_status_is_kept_as_written(elections: Elections) -> None:
    uid, time = "0d7c51a5-6f3e-4f0e-9a53-b8e7b2c1a001", "2026-11-24T07:41:34.123456Z"
    reign = {"term": 7, "holderIdentity": f"web-0_{uid}", "podName": "web-0", "acquireTime": time}
    status = {
        "observedGeneration": 1,
        "leader": {"holderIdentity": f"web-0_{uid}", "podName": "web-0", "podUID": uid, "nodeName": "node-1"},
        "term": 7,
        "termFloor": 23,
        "unfenced": [{"podName": "web-1", "podUID": uid}],
        "acquireTime": time,
        "candidates": 3,
        "eligible": 2,
        "failoverTime": time,
        "history": [reign, reign | {"term": 6, "endTime": time, "reason": "SomethingNew"}],
        "conditions": [
            {
                "type": kind,
                "status": "True",
                "observedGeneration": 1,
                "lastTransitionTime": "2026-11-24T07:41:34Z",
                "reason": "SomethingNew",
                "message": "",
            }
            for kind in ("Accepted", "LeaderElected", "LeaseHeld", "Routed", "Suspended", "Ready", "SomethingNew")
        ],
    }
    stored = elections.create({"selector": _SELECTOR})

    changed, causes = elections.replace_status(stored, status)

    assert causes == []
    assert changed["status"] == status


# --------------------------------------------------------------------------------------------------- what a user sees


def test_kubectl_explains_every_field(environment: Environment, elections: Elections) -> None:
    assert isinstance(elections, Elections)

    explained = " ".join(environment.kubectl("explain", "leaderelection.spec.lease").split())

    assert "How long the leader's lease lasts and how often it is renewed." in explained
    for field in ("durationSeconds", "renewDeadlineSeconds", "renewIntervalSeconds"):
        assert re.search(rf"{field} <integer> [A-Z][^<]+\.", explained)


def test_kubectl_shows_leader_term_candidates_ready_and_age(environment: Environment, elections: Elections) -> None:
    stored = elections.create({"selector": _SELECTOR})
    name = stored["metadata"]["name"]
    ready = {"type": "Ready", "status": "True", "reason": "LeaderRouted", "message": ""}
    status = {
        "leader": {"podName": "web-0"},
        "term": 7,
        "termFloor": 23,
        "candidates": 3,
        "conditions": [ready | {"lastTransitionTime": "2026-11-24T07:41:34Z"}],
    }
    _, causes = elections.replace_status(stored, status)
    assert causes == []

    narrow = environment.kubectl("get", "le", name).split("\n")
    wide = environment.kubectl("get", "le", name, "-o", "wide").split("\n")

    assert narrow[0].split() == ["NAME", "LEADER", "TERM", "CANDIDATES", "READY", "AGE"]
    assert narrow[1].split()[:-1] == [name, "web-0", "7", "3", "True"]
    assert wide[0].split() == ["NAME", "LEADER", "TERM", "CANDIDATES", "READY", "REASON", "AGE"]
    assert wide[1].split()[:-1] == [name, "web-0", "7", "3", "True", "LeaderRouted"]


def test_kubectl_lists_elections_under_tenure_but_not_under_all(environment: Environment, elections: Elections) -> None:
    name = elections.create({"selector": _SELECTOR})["metadata"]["name"]

    assert f"leaderelection.tenure.dev/{name}" in environment.kubectl("get", "tenure", "-o", "name").split()
    assert "leaderelection" not in environment.kubectl("get", "all", "-o", "name")


def test_kubectl_refuses_with_the_message_and_nothing_else(environment: Environment, elections: Elections) -> None:
    assert isinstance(elections, Elections)
    command = [str(environment.kubectl_binary), f"--kubeconfig={environment.kubeconfig}", "create", "-f", "-"]
    manifest = json.dumps(election({"selector": {}}))

    done = subprocess.run(command, input=manifest, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr == f'The LeaderElection "web" is invalid: spec.selector: {_EMPTY_SELECTOR}\n'


def _without_spec() -> Object:
    manifest = election({})
    del manifest["spec"]
    return manifest
