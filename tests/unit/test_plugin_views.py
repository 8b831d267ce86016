"""What `kubectl tenure` makes of an election's JSON and its pods, and how that looks as a table."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
import yaml

from tenure.election.pod import Pod
from tenure.plugin import tables, watch
from tenure.plugin.output import as_json, render, say
from tenure.plugin.views import Lease, detail, history, summarize

_NOW_S = 1_795_532_400.0  # 2026-11-24T15:00:00Z


def _election(*, spec: dict[str, Any] | None = None, status: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "shop", "name": "web", "uid": "e1", "resourceVersion": "7", "generation": 1},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **(spec or {})},
        "status": status or {},
    }


def _condition(kind: str, status: str, reason: str, message: str) -> dict[str, Any]:
    times = {"lastTransitionTime": "2026-11-24T14:59:00Z", "observedGeneration": 1}
    return {"type": kind, "status": status, "reason": reason, "message": message, **times}


_LED = {
    "term": 7,
    "termFloor": 7,
    "leader": {"holderIdentity": "web-1_u1", "podName": "web-1", "podUID": "u1", "nodeName": "node-1"},
    "acquireTime": "2026-11-24T14:54:30.250000Z",
    "candidates": 3,
    "eligible": 2,
    "conditions": [
        _condition("Suspended", "False", "Active", "The election is not suspended."),
        _condition("Ready", "True", "Ready", "web-1 leads."),
    ],
    "history": [
        {
            "term": 6,
            "podName": "web-0",
            "holderIdentity": "web-0_u0",
            "acquireTime": "2026-11-24T12:00:00Z",
            "endTime": "2026-11-24T14:54:30Z",
            "reason": "PodTerminating",
        }
    ],
}


def _pod(ordinal: int, **facts: Any) -> Pod:
    role = "leader" if ordinal == 1 else "follower"
    labels = {"app": "web", "role.tenure.dev/web": role, "term.tenure.dev/web": "7"}
    told = {"labels": labels, "ready": True, "ordinal": ordinal, "node": f"node-{ordinal}", **facts}
    return Pod(f"web-{ordinal}", f"u{ordinal}", 1, **told)


_PODS = (_pod(2), _pod(1), _pod(0, ready=False))


def test_elections_are_shown_in_a_line_each() -> None:
    lines = [summarize(_election(status=_LED)), summarize(_election(spec={"suspend": True}))]

    assert render(tables.summaries(lines, _NOW_S, with_namespace=True)).splitlines() == [
        "NAMESPACE   NAME   LEADER   TERM   SINCE   ELIGIBLE   READY     REASON",
        "shop        web    web-1    7      5m29s   2/3        True      Ready",
        "shop        web    -        0      -       0/0        Unknown   NotObserved, suspended",
    ]


def test_one_election_is_shown_with_its_candidates_in_the_order_of_their_names() -> None:
    what = detail(_election(status=_LED), _PODS, wall_s=_NOW_S, lease=Lease(1.25, 15.0))

    assert render(tables.head(what, _NOW_S)).splitlines() == [
        "Election   web in shop",
        "Leader     web-1 on node-1",
        "Term       7",
        "Since      2026-11-24T14:54:30Z (5m29s)",
        "Lease      renewed 1.2 s ago, respected for 15 s",
        "Next       web-2",
        "Ready      True (Ready): web-1 leads.",
    ]
    assert render(tables.candidates(what.candidates)).splitlines() == [
        "POD     NODE     READY   ROLE       TERM   PRIORITY   ELIGIBLE   REASON",
        "web-0   node-0   False   follower   7      1          no         NotReady",
        "web-1   node-1   True    leader     7      1          yes        -",
        "web-2   node-2   True    follower   7      1          yes        -",
    ]
    assert render(tables.conditions(what.conditions, _NOW_S)).splitlines() == [
        "CONDITION   STATUS   REASON   SINCE   MESSAGE",
        "Suspended   False    Active   60s     The election is not suspended.",
        "Ready       True     Ready    60s     web-1 leads.",
    ]


@pytest.mark.parametrize(
    ("spec", "pod", "obstacle"),
    [
        ({}, _pod(0), None),
        ({}, _pod(0, ready=False), "NotReady"),
        ({}, _pod(0, terminating=True), "Terminating"),
        ({"eligibility": {"exclude": {"matchLabels": {"app": "web"}}}}, _pod(0), "Excluded"),
        ({"eligibility": {"minReadySeconds": 60}}, _pod(0, ready_since_s=_NOW_S - 59), "NotReadyForLong"),
        ({"eligibility": {"minReadySeconds": 60}}, _pod(0, ready_since_s=_NOW_S - 60), None),
        (
            {"preference": {"priorities": [{"selector": {"matchLabels": {"app": "web"}}, "priority": 0}]}},
            _pod(0),
            "PriorityZero",
        ),
    ],
)
def test_a_candidate_is_judged_by_the_rules_of_its_election(
    spec: dict[str, Any], pod: Pod, obstacle: str | None
) -> None:
    [candidate] = detail(_election(spec=spec), [pod], wall_s=_NOW_S).candidates

    assert (candidate.obstacle, candidate.eligible) == (obstacle, obstacle is None)


def test_the_last_switchover_is_shown_with_what_became_of_it() -> None:
    answer = {"id": "s1", "result": "Pending", "message": "It waits.", "time": "2026-11-24T14:00:00Z"}

    lines = render(tables.head(detail(_election(status={**_LED, "switchover": answer}), (), wall_s=_NOW_S), _NOW_S))

    assert "Switchover   s1: Pending. It waits." in lines.splitlines()


def test_where_the_pods_campaign_nobody_is_next() -> None:
    what = detail(_election(spec={"campaign": "Pods"}, status=_LED), _PODS, wall_s=_NOW_S)

    assert (what.campaign, what.next) == ("Pods", None)
    assert "Next       whoever claims the lease first" in render(tables.head(what, _NOW_S))


def test_a_pod_that_has_finished_is_no_candidate_as_for_the_operator() -> None:
    what = detail(_election(), [_pod(0, finished=True), _pod(1)], wall_s=_NOW_S)

    assert [one.pod for one in what.candidates] == ["web-1"]


def test_pods_that_the_selector_does_not_find_are_no_candidates() -> None:
    assert detail(_election(), [_pod(0, labels={"app": "db"}), _pod(1, labels=None)], wall_s=_NOW_S).candidates == ()


def test_an_election_with_a_spec_that_is_refused_is_shown_all_the_same() -> None:
    refused = _election(spec={"campaign": "Somebody"}, status=_LED)

    what = detail(refused, _PODS, wall_s=_NOW_S)

    assert (what.summary.leader, what.candidates, what.next) == ("web-1", (), None)


def test_a_leader_that_is_no_pod_is_named_by_its_identity() -> None:
    status = {**_LED, "leader": {"holderIdentity": "node-17"}}

    assert summarize(_election(status=status)).leader == "node-17"


def test_the_history_begins_with_the_present_term() -> None:
    assert render(tables.reigns(history(_election(status=_LED)), _NOW_S)).splitlines() == [
        "TERM   LEADER   FROM                   TO                     LASTED   REASON",
        "7      web-1    2026-11-24T14:54:30Z   now                    5m29s    -",
        "6      web-0    2026-11-24T12:00:00Z   2026-11-24T14:54:30Z   174m     PodTerminating",
    ]
    without = {**_LED, "leader": None}
    assert [one.term for one in history(_election(status=without))] == [6]


def test_a_change_is_one_line_whether_or_not_something_is_above_it() -> None:
    line = summarize(_election(status=_LED))

    first = render(tables.change("ADDED", line, _NOW_S, with_head=True)).splitlines()
    second = render(tables.change("DELETED", line, _NOW_S, with_head=False)).splitlines()

    assert [row.split() for row in first] == [
        ["TIME", "ELECTION", "LEADER", "TERM", "ELIGIBLE", "READY", "REASON"],
        ["2026-11-24T15:00:00Z", "shop/web", "web-1", "7", "2/3", "True", "Ready"],
    ]
    assert [row.split()[-2:] for row in second] == [["-", "Deleted"]]
    assert first[1].index("7") == first[0].index("TERM") == second[0].index("7")


def test_in_json_names_are_camel_case_and_times_are_rfc_3339() -> None:
    answer = {"id": "s1", "result": "Pending", "message": "It waits.", "time": "2026-11-24T14:00:00Z"}
    status = {**_LED, "switchover": answer}

    what = as_json(detail(_election(status=status), _PODS, wall_s=_NOW_S, lease=Lease(1.25, 15.0)))

    assert what["summary"]["electedAt"] == "2026-11-24T14:54:30Z"
    assert what["summary"]["eligibleCount"] == 2
    assert what["lease"] == {"renewedSecondsAgo": 1.25, "durationSeconds": 15.0}
    assert what["candidates"][0]["obstacle"] == "NotReady"
    assert what["candidates"][1]["obstacle"] is None
    assert what["failoverAt"] is None
    assert what["switchover"]["at"] == "2026-11-24T14:00:00Z"


def test_in_yaml_is_the_same_as_in_json_in_the_same_order(capsys: pytest.CaptureFixture[str]) -> None:
    what = as_json(detail(_election(status={**_LED, "leader": {"holderIdentity": "Zoë"}}), _PODS, wall_s=_NOW_S))

    say(what, "json")
    told_json = json.loads(capsys.readouterr().out)
    say(what, "yaml")
    text = capsys.readouterr().out

    assert yaml.safe_load(text) == told_json == what
    assert "leader: Zoë\n" in text
    assert [line.partition(":")[0] for line in text.splitlines() if line[0] not in " -"] == list(what)


def test_a_watch_in_yaml_is_a_document_for_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    line = summarize(_election(status=_LED))

    for kind in ("ADDED", "DELETED"):
        watch._say(kind, line, "yaml", is_first=kind == "ADDED")

    told = list(yaml.safe_load_all(capsys.readouterr().out))
    assert told == [{"type": kind, "election": as_json(line)} for kind in ("ADDED", "DELETED")]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-3, "0s"),
        (119, "119s"),
        (120, "2m0s"),
        (599, "9m59s"),
        (600, "10m"),
        (10799, "179m"),
        (10800, "3h0m"),
        (28800, "8h"),
        (172799, "47h"),
        (172800, "2d0h"),
        (691200, "8d"),
    ],
)
def test_a_span_of_time_is_written_as_kubectl_writes_it(seconds: int, said: str) -> None:
    assert tables.since(_NOW_S, _NOW_S + seconds) == said


def test_on_a_narrow_screen_only_the_last_column_is_wrapped() -> None:
    conditions = detail(_election(status=_LED), (), wall_s=_NOW_S).conditions

    lines = render(tables.conditions(conditions, _NOW_S), width=60).splitlines()

    assert max(map(len, lines)) <= 60
    assert lines[1].startswith("Suspended   False    Active   60s     The election")
    assert lines[2].split() == ["suspended."]


@pytest.mark.parametrize(
    ("is_terminal", "variables", "coloured"),
    [
        (False, {}, False),
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colours_are_for_terminals_whose_user_has_not_refused_them(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, variables: dict[str, str], coloured: bool
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm-256color", **variables}.items():
        monkeypatch.setenv(name, value)

    text = render(tables.summaries([summarize(_election(status=_LED))], _NOW_S, with_namespace=False))

    assert ("\x1b[" in text) is coloured
