"""Elections whose spec says who may lead and who goes first."""

from __future__ import annotations

import pytest

from cluster_support import Scene
from cluster_support.scene import SHORT

pytestmark = pytest.mark.usefixtures("everywhere")

_NAME = "statefulset.kubernetes.io/pod-name"


def _named(*names: str) -> dict[str, object]:
    return {"matchExpressions": [{"key": _NAME, "operator": "In", "values": list(names)}]}


def test_the_preferred_pod_leads_and_one_that_is_excluded_gives_way_for_good(scene: Scene) -> None:
    scene.run_pods(3)
    scene.elect(lease=SHORT, preference={"priorities": [{"selector": _named("web-2"), "priority": 10}]})
    preferred = scene.wait_for_leader()
    assert preferred.name == "web-2"

    scene.change(eligibility={"exclude": _named("web-0", "web-2")})

    second = scene.wait_for_leader(but=preferred)
    assert second.name == "web-1"
    assert scene.election().status["history"][0]["reason"] == "PodExcluded"
    scene.wait(lambda: scene.election().status["eligible"] == 1, "one may lead")

    scene.change(eligibility={"exclude": _named("web-0", "web-1", "web-2")})

    scene.wait_for_condition("LeaderElected", "False (NoEligibleCandidate)")
    assert scene.election().message("LeaderElected") == "No pod that matches the selector may lead: 3 Excluded."
    scene.wait(lambda: all(pod.role() == "follower" for pod in scene.pods), "nobody carries the label")


def test_priorities_that_contradict_each_other_are_refused_in_a_condition_and_the_leader_stays(scene: Scene) -> None:
    scene.run_pods(2)
    scene.elect(lease=SHORT)
    leader = scene.wait_for_leader()

    scene.change(preference={"priorities": [{"selector": _named("web-1"), "priority": value} for value in (0, 10)]})

    scene.wait_for_condition("Accepted", "False (InvalidPreference)")
    said = "spec.preference.priorities[0] and [1] give the same pods priority 0 and 10: take one of the two away."
    assert scene.election().message("Accepted") == said
    scene.wait(lambda: ("InvalidPreference", said) in scene.told(), "an event says the same")

    scene.change(preference={"priorities": [{"selector": _named("web-0"), "priority": value} for value in (3, 5)]})

    said = "spec.preference.priorities[0] and [1] give the same pods priority 3 and 5: take one of the two away."
    scene.wait(lambda: ("InvalidPreference", said) in scene.told(), "an event tells of the next contradiction")
    assert scene.election().holder == leader.identity
    assert scene.election().term == 1
    assert scene.pod(leader.name).role() == "leader"


def test_a_pod_of_a_higher_priority_waits_unless_it_is_to_take_over(scene: Scene) -> None:
    scene.run_pods(2)
    scene.elect(lease=SHORT, eligibility={"exclude": _named("web-1")})
    first = scene.wait_for_leader()

    scene.change(eligibility=None, preference={"priorities": [{"selector": _named("web-1"), "priority": 10}]})
    scene.wait(lambda: scene.election().status["eligible"] == 2, "both may lead")
    scene.wait_until_observed()
    assert scene.election().holder == first.identity
    scene.change(preference={"preempt": {"afterSeconds": 1}})

    assert scene.wait_for_leader(but=first).name == "web-1"
    assert scene.election().status["history"][0]["reason"] == "Preempted"


def test_a_leader_that_turned_not_ready_stays_for_the_delay_and_the_status_says_until_when(scene: Scene) -> None:
    scene.run_pods(2)
    scene.elect(lease=SHORT, failoverDelaySeconds=3600)
    first = scene.wait_for_leader()

    scene.set_ready(first, ready=False)

    scene.wait(lambda: "failoverTime" in scene.election().status, "the status says when it fails over")
    assert scene.election().status["failoverTime"] == "2030-01-01T01:00:00.000000Z"
    assert (scene.election().holder, scene.pod(first.name).role()) == (first.identity, "leader")

    scene.change(failoverDelaySeconds=None)

    scene.wait_for_leader(but=first)
    assert scene.election().status["history"][0]["reason"] == "PodNotReady"
    scene.wait(lambda: "failoverTime" not in scene.election().status, "the status says no time any more")


def test_a_leader_that_is_deleted_leads_until_its_pod_is_gone_if_asked_for(scene: Scene) -> None:
    scene.run_pods(2)
    scene.elect(lease=SHORT, handOver="AfterTermination")
    leader = scene.wait_for_leader()

    scene.delete_pod(leader)

    second = scene.wait_for_leader(but=leader)
    former = [pod.body["status"]["phase"] for pod in scene.pods if pod.uid == leader.uid]
    assert set(former) <= {"Succeeded", "Failed"}
    assert scene.election().leader_uid == second.uid
    assert scene.election().status["history"][0]["reason"] in ("PodGone", "PodTerminating")
