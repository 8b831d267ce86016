"""A spec that changes while the election runs."""

from __future__ import annotations

import pytest

from cluster_support import Bucket, Operator, PodView, Scene
from cluster_support.scene import SHORT


@pytest.fixture
def leader(everywhere: Operator, scene: Scene) -> PodView:
    """The leader of an election of three pods, the first of them."""
    assert everywhere.process.running
    scene.run_pods(3)
    scene.elect(lease=SHORT)
    leader = scene.wait_for_leader()
    scene.wait(lambda: len(scene.followers()) == 2, "the others are followers")
    return leader


def _key(scene: Scene) -> str:
    return f"{scene.namespace}.web"


def test_a_leader_that_is_no_longer_selected_hands_over(scene: Scene, leader: PodView) -> None:
    name = "statefulset.kubernetes.io/pod-name"
    scene.change(selector={"matchExpressions": [{"key": name, "operator": "In", "values": ["web-1", "web-2"]}]})

    second = scene.wait_for_leader(but=leader)
    assert second.name == "web-1"
    assert scene.election().status["history"][0]["reason"] == "PodNotSelected"
    scene.wait(lambda: scene.pod(leader.name).role() is None, "the former leader has no role")
    assert scene.pod(leader.name).term() is not None
    scene.wait(lambda: scene.election().status["candidates"] == 2, "two are candidates")


def test_a_selector_that_finds_no_pod_leaves_no_leader(scene: Scene, leader: PodView) -> None:
    scene.change(selector={"matchLabels": {"app": "nothing"}})

    scene.wait_for_condition("LeaderElected", "False (NoCandidates)")
    scene.wait(lambda: all(pod.role() is None for pod in scene.pods), "no pod has a role")
    term = scene.election().term

    scene.change(selector={"matchLabels": {"app": "web"}})

    scene.wait_for_leader(after=term)


def test_g6_another_timing_changes_no_leader(scene: Scene, leader: PodView, bucket: Bucket) -> None:
    scene.change(lease={"durationSeconds": 4, "renewDeadlineSeconds": 3, "renewIntervalSeconds": 1})
    scene.wait_until_observed()

    scene.wait(lambda: bucket.record(_key(scene))["leaseDurationSeconds"] == 4, "the new duration is used")
    record = bucket.record(_key(scene))
    assert (record["leaderId"], record["term"]) == (leader.identity, 1)
    assert (scene.election().holder, scene.election().term) == (leader.identity, 1)


def test_g6_an_invalid_selector_is_refused_in_a_condition_and_the_leader_stays(
    scene: Scene, leader: PodView, bucket: Bucket
) -> None:
    """For longer than the lease: a spec that cannot be acted on is no reason to lose a leader that there was."""
    scene.change(selector={"matchLabels": None, "matchExpressions": [{"key": "app", "operator": "In"}]})

    scene.wait_for_condition("Accepted", "False (InvalidSelector)")
    assert scene.election().message("Accepted") == (
        "spec.selector selects nothing: In on 'app' has no values: give at least one."
    )
    assert scene.election().condition("Ready") == "False (InvalidSelector)"
    revision, _ = bucket.entry(_key(scene))
    scene.elect("other", lease=SHORT)
    scene.wait_for_leader("other")
    bucket.wait_for_renewals(f"{scene.namespace}.other", 4)
    assert scene.election().holder == leader.identity
    assert scene.pod(leader.name).role() == "leader"

    scene.change(selector={"matchLabels": {"app": "web"}, "matchExpressions": None})

    scene.wait_for_condition("Ready", "True (Ready)")
    assert (scene.election().holder, scene.election().term) == (leader.identity, 1)
    assert bucket.entry(_key(scene))[0] > revision


# -------------------------------------------------------------------------------------------------------------- suspend


def test_a_suspended_election_renews_its_lease_and_repairs_nothing(
    scene: Scene, leader: PodView, bucket: Bucket
) -> None:
    scene.change(suspend=True)
    scene.wait_for_condition("Suspended", "True (Suspended)")
    follower = scene.followers()[0]
    scene.forge(follower, {"role.tenure.dev/web": "leader"})

    bucket.wait_for_renewals(_key(scene), 4)  # longer than the lease

    assert scene.pod(follower.name).role() == "leader"
    assert scene.election().condition("Ready") == "True (Ready)"
    scene.change(suspend=False)
    scene.wait(lambda: scene.pod(follower.name).role() == "follower", "the label is repaired")
    assert (scene.election().holder, scene.election().term) == (leader.identity, 1)


def test_a_suspended_election_makes_no_new_leader_until_it_is_resumed(scene: Scene, leader: PodView) -> None:
    scene.change(suspend=True)
    scene.wait_for_condition("Suspended", "True (Suspended)")

    scene.delete_pod(leader)
    scene.wait(lambda: scene.pod(leader.name).uid != leader.uid and scene.pod(leader.name).ready, "it is back")
    scene.elect("other", lease=SHORT)
    scene.wait_for_leader("other")

    assert scene.election().term == 1
    assert not any(pod.role() == "leader" for pod in scene.pods)
    scene.change(suspend=False)
    scene.wait_for_leader(after=1)
    scene.wait_for_condition("Suspended", "False (Active)")


def test_an_election_that_is_created_suspended_elects_nobody_until_it_is_resumed(
    everywhere: Operator, scene: Scene
) -> None:
    scene.run_pods(2)
    scene.elect(suspend=True)
    scene.wait_for_condition("Suspended", "True (Suspended)")
    scene.wait(lambda: scene.election().status["eligible"] == 2, "both are eligible")
    scene.elect("other")
    scene.wait_for_leader("other")
    assert scene.election().term == 0

    scene.change(suspend=False)

    scene.wait_for_leader()
