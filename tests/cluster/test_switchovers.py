"""Switchovers: leadership is moved because somebody asks for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cluster_support import MakeOperator, Scene
from cluster_support.kubernetes import elections_path
from cluster_support.scene import SHORT
from cluster_support.views import PodView


def _ask(scene: Scene, asked_id: str, **facts: Any) -> None:
    """Ask as a person does: the field is given anew, with nothing left of the one before."""
    gone = {"toPodName": None, "notBeforeTime": None}
    scene.change(switchover={**gone, "id": asked_id, **facts})


def _answer(scene: Scene) -> tuple[str, str]:
    answer = scene.election().status.get("switchover") or {"id": "", "result": ""}
    return answer["id"], answer["result"]


def _wait_for(scene: Scene, asked_id: str, result: str, *, timeout_s: float = 10.0) -> str:
    scene.wait(lambda: _answer(scene) == (asked_id, result), f"{asked_id} is {result}", timeout_s=timeout_s)
    return str(scene.election().status["switchover"]["message"])


def _elect(scene: Scene, replicas: int = 3) -> PodView:
    scene.run_pods(replicas)
    scene.elect(lease=SHORT)
    return scene.wait_for_leader()


def _events(scene: Scene) -> list[tuple[str, str]]:
    return [(reason, note) for reason, note in scene.told() if reason.startswith("Switchover")]


@pytest.mark.usefixtures("everywhere")
def test_leadership_moves_to_the_pod_that_is_named_and_to_any_other_and_no_other_way(scene: Scene) -> None:
    first = _elect(scene)
    last = next(pod for pod in scene.pods if pod.uid != first.uid and pod.name == "web-2")

    _ask(scene, "one", toPodName="web-2")
    assert _wait_for(scene, "one", "Succeeded") == "web-2 leads."
    assert scene.wait_for_leader(but=first).uid == last.uid
    past = scene.election().status["history"][0]
    assert (past["podName"], past["reason"]) == (first.name, "Switchover")

    _ask(scene, "two")
    _wait_for(scene, "two", "Succeeded")
    second = scene.wait_for_leader(but=last)
    term = scene.election().term

    _ask(scene, "three", toPodName=second.name)
    assert _wait_for(scene, "three", "Refused") == f"{second.name} leads already."
    _ask(scene, "four", toPodName="api-0")
    assert _wait_for(scene, "four", "Refused").startswith("api-0 is no candidate of this election")
    scene.set_ready(last, ready=False)
    _ask(scene, "five", toPodName="web-2")
    assert _wait_for(scene, "five", "Refused") == "web-2 may not lead: NotReady."
    _ask(scene, "six", notBeforeTime="2020-01-01T00:00:00Z")
    assert _wait_for(scene, "six", "Refused").startswith("Its time passed more than five minutes ago")

    assert (scene.election().holder, scene.election().term) == (second.identity, term)
    scene.wait(lambda: len(_events(scene)) == 6, "six events tell of the six switchovers")
    assert min(_events(scene)) == ("SwitchoverRefused", "Switchover five: web-2 may not lead: NotReady.")


@pytest.mark.usefixtures("everywhere")
def test_at_a_set_time_unless_it_is_cancelled_and_the_last_of_two_counts(scene: Scene) -> None:
    leader = _elect(scene, 2)
    term = scene.election().term

    _ask(scene, "one", notBeforeTime="2099-01-01T00:00:00Z")
    assert _wait_for(scene, "one", "Refused") == "Its time is more than a year ahead: give an earlier one."
    _ask(scene, "two", notBeforeTime=_in(hours=1))
    assert _wait_for(scene, "two", "Pending").startswith("It waits until 20")
    scene.change(switchover=None)
    _wait_for(scene, "two", "Cancelled")

    _ask(scene, "three", notBeforeTime=_in(hours=1))
    _wait_for(scene, "three", "Pending")
    _ask(scene, "four", notBeforeTime=_in(hours=2))
    assert _wait_for(scene, "four", "Pending").startswith("It waits until 20")
    assert scene.election().status["switchover"]["formerIds"] == ["three", "two", "one"]
    assert (scene.election().holder, scene.election().term) == (leader.identity, term)
    not_before = _in(seconds=3)
    _ask(scene, "five", notBeforeTime=not_before)
    _wait_for(scene, "five", "Succeeded")
    scene.wait_for_leader(but=leader)
    assert scene.election().term == term + 1
    acquired = datetime.fromisoformat(scene.election().status["acquireTime"])
    assert acquired >= datetime.fromisoformat(not_before)
    assert scene.election().status["switchover"]["formerIds"] == ["four", "three", "two", "one"]
    scene.wait(
        lambda: (
            ("SwitchoverCancelled", "Switchover three: another one was asked for before it was made.") in _events(scene)
        ),
        "an event tells that the other one was not made",
    )


def test_of_two_within_a_moment_each_that_moves_the_leader_says_so_and_is_not_made_again(
    scene: Scene, make_operator: MakeOperator
) -> None:
    make_operator().start()
    _elect(scene)
    term = scene.election().term

    for n in range(4):
        _ask(scene, f"first-{n}")
        _ask(scene, f"second-{n}")
        _wait_for(scene, f"second-{n}", "Succeeded")

    moves = scene.election().term - term
    assert 4 <= moves <= 8, "the operator may have seen the second one only"
    assert [past["reason"] for past in scene.election().status["history"]] == ["Switchover"] * moves
    scene.wait(lambda: len(_events(scene)) == moves, "an event tells of each")
    assert {reason for reason, _ in _events(scene)} == {"SwitchoverSucceeded"}
    made = {note.split()[1].rstrip(":") for _, note in _events(scene)}
    answer = scene.election().status["switchover"]
    assert made == {answer["id"], *answer["formerIds"]}

    again = min(made)
    _ask(scene, again)
    _wait_for(scene, again, "Skipped")
    assert scene.election().term == term + moves


def _in(**time: float) -> str:
    return (datetime.now(UTC) + timedelta(**time)).isoformat()


def test_once_for_each_id_whatever_is_applied_again_and_whoever_is_restarted(
    scene: Scene, make_operator: MakeOperator
) -> None:
    operator = make_operator().start()
    first = _elect(scene)
    _ask(scene, "one", toPodName="web-2")
    second = scene.wait_for_leader(but=first)

    _ask(scene, "two", toPodName="web-1")
    operator.kill()
    operator.start()
    assert _wait_for(scene, "two", "Succeeded") == "web-1 leads."
    third = scene.wait_for_leader(but=second)
    term = scene.election().term
    assert [past["reason"] for past in scene.election().status["history"]] == ["Switchover"] * 2

    _ask(scene, "one", toPodName="web-2")
    assert _wait_for(scene, "one", "Skipped") == "An earlier switchover had this id: give a new one."
    _ask(scene, "two", toPodName="web-2")
    _wait_for(scene, "two", "Skipped")
    assert (scene.election().holder, scene.election().term) == (third.identity, term)

    backup = scene.kubernetes.get(elections_path(scene.namespace, "web"))
    scene.delete_election()
    scene.elect(lease=SHORT, switchover=backup["spec"]["switchover"])
    assert _wait_for(scene, "two", "Skipped").startswith("It was there before the election was")
    # Whether the lease of before was given up meanwhile or not: the pod that was asked for once more does not lead.
    assert scene.wait_for_leader().name != "web-2"
