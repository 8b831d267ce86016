"""Pods that campaign for themselves: the operator shows and routes what they decide, and labels nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from cluster_support import Bucket, Campaigner, Campaigners, MakeOperator, Operator, PodView, Scene
from cluster_support.scene import SHORT


@pytest.fixture
def bucket_name(common_operator: Operator) -> str:
    return common_operator.bucket


class _Pods:
    """Two pods of an election, in which programs campaign."""

    def __init__(self, scene: Scene, campaigners: Campaigners, bucket: str) -> None:
        self.scene = scene
        self._campaigners = campaigners
        self._where = {"bucket": bucket, "key": f"{scene.namespace}.web"}

    def elect(self, **spec: Any) -> None:
        self.scene.elect(campaign="Pods", lease=SHORT, **spec)

    def campaign(self, pod: PodView) -> Campaigner:
        return self.campaign_as(pod.identity)

    def campaign_as(self, identity: str) -> Campaigner:
        return self._campaigners.candidate(identity, **self._where)


@pytest.fixture
def pods(scene: Scene, campaigners: Campaigners, bucket_name: str) -> _Pods:
    scene.run_pods(2)
    return _Pods(scene, campaigners, bucket_name)


@pytest.mark.usefixtures("everywhere")
def test_the_holder_is_shown_labelled_and_served_and_hands_over_when_it_stops(scene: Scene, pods: _Pods) -> None:
    scene.serve()
    pods.elect()
    scene.wait_for_condition("LeaderElected", "False (Electing)")
    first, second = scene.pod("web-1"), scene.pod("web-0")
    one = pods.campaign(first)
    leader = scene.wait_for_leader()
    assert leader.uid == first.uid
    scene.wait_for_condition("Ready", "True (Ready)")
    assert scene.election().status["leader"]["recordTerm"] == 1
    scene.wait(lambda: scene.endpoints() == [first.address], "the leader is the endpoint")
    term = scene.election().term

    pods.campaign(second)
    one.stop()

    assert scene.wait_for_leader(after=term).uid == second.uid
    assert scene.election().status["leader"]["recordTerm"] == 2
    assert {past["reason"] for past in scene.election().status["history"]} == {"Resigned"}
    scene.wait(lambda: scene.endpoints() == [second.address], "the next one is the endpoint")


@pytest.mark.usefixtures("everywhere")
def test_the_label_comes_off_when_the_lease_of_one_that_was_killed_has_run_out(scene: Scene, pods: _Pods) -> None:
    pods.elect()
    one = pods.campaign(scene.pod("web-0"))
    scene.wait_for_leader()
    term = scene.election().term

    one.kill()

    scene.wait(lambda: scene.pod("web-0").role() == "follower", "the label is off")
    assert scene.election().holder is None
    assert scene.election().term > term
    assert scene.election().status["history"][0]["reason"] == "LeaseLost"
    pods.campaign(scene.pod("web-1"))
    assert scene.wait_for_leader(after=term).name == "web-1"


@pytest.mark.usefixtures("everywhere")
def test_a_holder_that_is_no_pod_of_the_election_is_said_and_not_labelled(scene: Scene, pods: _Pods) -> None:
    scene.run_pods(1, name="other")
    pods.elect()
    one = pods.campaign(scene.pod("web-0"))
    scene.wait_for_leader()

    pods.campaign(scene.pod("other-0"))
    one.stop()

    scene.wait_for_condition("LeaderElected", "False (ForeignHolder)")
    assert "let spec.selector find its pod" in scene.election().message("LeaderElected")
    scene.wait(lambda: scene.pod("web-0").role() == "follower", "the former leader has lost its label")
    assert scene.pod("other-0").role() is None
    assert scene.election().leader_name is None
    scene.wait(lambda: any(event["reason"] == "ForeignHolder" for event in scene.events()), "an event tells of it")


@pytest.mark.usefixtures("everywhere")
def test_a_pod_that_is_deleted_is_no_holder_any_more(scene: Scene, pods: _Pods) -> None:
    """Its name comes back with another pod, which is not the holder."""
    pods.elect()
    pods.campaign(scene.pod("web-0"))
    leader = scene.wait_for_leader()
    term = scene.election().term

    scene.delete_pod(leader)

    scene.wait(lambda: scene.election().term > term and scene.pod("web-0").uid != leader.uid, "it is replaced")
    scene.wait(lambda: scene.pod("web-0").role() == "follower", "the new one is a follower")
    assert scene.leader() is None


@pytest.mark.usefixtures("everywhere")
def test_while_it_is_suspended_status_and_labels_stay(scene: Scene, pods: _Pods) -> None:
    pods.elect()
    one = pods.campaign(scene.pod("web-0"))
    scene.wait_for_leader()
    scene.change(suspend=True)
    scene.wait_for_condition("Suspended", "True (Suspended)")
    term = scene.election().term

    one.stop()
    pods.campaign(scene.pod("web-1"))
    scene.change(lease={**SHORT, "durationSeconds": 4})
    scene.wait_until_observed()
    assert (scene.election().term, scene.leader()) == (term, scene.pod("web-0"))

    scene.change(suspend=False)
    assert scene.wait_for_leader(after=term).name == "web-1"


@pytest.mark.usefixtures("everywhere")
def test_a_deleted_election_takes_the_labels_and_leaves_the_record(scene: Scene, pods: _Pods, bucket: Bucket) -> None:
    pods.elect()
    pods.campaign(scene.pod("web-0"))
    scene.wait_for_leader()
    term = scene.election().term

    scene.delete_election()

    scene.wait(lambda: {pod.role() for pod in scene.pods} == {None}, "the role labels are off")
    assert bucket.record(f"{scene.namespace}.web")["leaderId"] == scene.pod("web-0").identity
    pods.elect()
    assert scene.wait_for_leader(after=term).name == "web-0"


def test_g6_a_restart_of_the_operator_changes_neither_leader_nor_term(
    scene: Scene, campaigners: Campaigners, make_operator: MakeOperator
) -> None:
    operator = make_operator().start()
    scene.run_pods(2)
    pods = _Pods(scene, campaigners, operator.bucket)
    pods.elect()
    pods.campaign(scene.pod("web-1"))
    scene.wait_for_leader()
    scene.wait_for_condition("Ready", "True (Ready)")
    before = scene.election().status["leader"], scene.election().term
    operator.stop()

    operator.start()
    scene.change(lease={**SHORT, "durationSeconds": 4})
    scene.wait_until_observed()

    assert (scene.election().status["leader"], scene.election().term) == before
    assert scene.election().condition("Ready") == "True (Ready)"
