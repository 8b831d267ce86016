"""Elections whose spec says who may lead and who goes first."""

from __future__ import annotations

import pytest

from cluster_support import Scene
from cluster_support.kubernetes import pods_path, statefulsets_path
from cluster_support.manifests import stateful_set
from cluster_support.scene import SHORT
from environment import DRAINS

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
    """Its pod takes longer to end than any test: until it is removed by force."""
    body = stateful_set("web", 2, annotations={DRAINS: "true"}, grace_s=600)
    scene.kubernetes.create(statefulsets_path(scene.namespace), body)
    scene.wait(lambda: sum(pod.ready for pod in scene.pods) == 2, "both are Ready")
    scene.elect(lease=SHORT, handOver="AfterTermination")
    leader = scene.wait_for_leader()

    scene.delete_pod(leader)
    scene.wait(lambda: scene.election().status["eligible"] == 1, "the operator has seen that it ends")

    assert scene.pod(leader.name).terminating
    assert (scene.pod(leader.name).role(), scene.pod(leader.name).term()) == ("leader", "1")
    assert (scene.election().holder, scene.election().term) == (leader.identity, 1)
    scene.kubernetes.delete(f"{pods_path(scene.namespace, leader.name)}?gracePeriodSeconds=0")
    scene.wait_for_leader(but=leader)
    assert scene.election().status["history"][0]["reason"] == "PodGone"


def test_the_one_that_has_been_ready_for_long_enough_and_for_longest_leads(scene: Scene) -> None:
    scene.run_pods(3)
    scene.elect("settled", eligibility={"minReadySeconds": 3600})
    scene.wait_for_condition("LeaderElected", "False (NoEligibleCandidate)", election="settled")

    scene.set_ready(scene.pod("web-2"), ready=True, since="2020-01-01T00:00:00Z")

    assert scene.wait_for_leader("settled").name == "web-2"
    scene.elect("oldest", preference={"order": "OldestReady"})
    assert scene.wait_for_leader("oldest").name == "web-2"
    scene.elect("lowest")
    assert scene.wait_for_leader("lowest").name == "web-0"


def test_a_pod_of_priority_0_never_leads_and_one_that_is_not_ready_does_where_nobody_has_to_be(scene: Scene) -> None:
    scene.run_pods(2)
    scene.elect(lease=SHORT, preference={"priorities": [{"selector": _named("web-0"), "priority": 0}]})
    first = scene.wait_for_leader()
    assert first.name == "web-1"

    scene.set_ready(first, ready=False)

    scene.wait(lambda: scene.election().status["eligible"] == 0, "nobody may lead")
    assert scene.election().holder == first.identity
    scene.set_ready(scene.pod("web-0"), ready=False)
    scene.elect("strict")
    scene.wait_for_condition("LeaderElected", "False (NoEligibleCandidate)", election="strict")
    scene.elect("any", eligibility={"requireReady": False})
    leader = scene.wait_for_leader("any")
    scene.delete_pod(leader)
    scene.wait_for_leader("any", but=leader)
