"""A policy of the cluster that refuses what the operator would write: it is said, tried again, and made good later."""

from __future__ import annotations

from cluster_support import Operator, Scene
from cluster_support.scene import SHORT


def test_g3_the_labels_of_a_follower_that_cannot_be_written_are_named_until_they_can(
    everywhere: Operator, scene: Scene
) -> None:
    """In a new election nothing is known of who carried labels before: so it must be stamped before anybody leads."""
    scene.run_pods(3)
    with scene.frozen_labels("web-2") as message:
        scene.elect(lease=SHORT)
        scene.wait_for_condition("LeaderElected", "True (Elected)")
        scene.wait_for_condition("Routed", "False (LabelRefused)")
        assert scene.election().message("Routed").startswith("A pod's labels cannot be written: web-2: ")
        assert message in scene.election().message("Routed")
        assert scene.election().condition("Ready") == "False (LabelRefused)"
        assert everywhere.has_logged("Labels refused", election=f"{scene.namespace}/web", pod="web-2")
        scene.wait(lambda: _refusals(scene, message) == [("Warning", True)], "there is an event")

    leader = scene.wait_for_leader(timeout_s=20)
    scene.wait(lambda: len(scene.followers()) == 2, "the others are followers")
    assert (leader.name, scene.election().term) == ("web-0", 1)
    scene.wait_for_condition("Ready", "True (Ready)")


def test_g3_a_leader_that_cannot_be_stamped_blocks_its_successor_until_it_can(
    everywhere: Operator, scene: Scene
) -> None:
    """While it carries the leader label, no other pod gets one."""
    scene.run_pods(3)
    scene.elect(lease=SHORT)
    leader = scene.wait_for_leader()
    with scene.frozen_labels(leader.name, reason="Forbidden") as message:
        scene.set_ready(leader, ready=False)

        scene.wait_for_condition("Routed", "False (LabelRefused)")
        assert message in scene.election().message("Routed")
        assert scene.election().leader_name in {"web-1", "web-2"}
        assert [pod.name for pod in scene.pods if pod.role() == "leader"] == [leader.name]

    scene.wait_for_leader(but=leader, timeout_s=20)
    scene.wait(lambda: scene.pod(leader.name).role() == "follower", "the former leader is a follower")


def test_a_leader_that_cannot_be_crowned_is_named_until_another_or_the_same_can(
    everywhere: Operator, scene: Scene
) -> None:
    scene.run_pods(3)
    scene.elect(lease=SHORT)
    leader = scene.wait_for_leader()
    assert leader.name == "web-0"
    scene.wait(lambda: len(scene.followers()) == 2, "the others are followers")
    with scene.frozen_labels("web-1") as message:
        scene.set_ready(leader, ready=False)

        scene.wait_for_condition("Routed", "False (LabelRefused)")
        assert message in scene.election().message("Routed")

    scene.wait_for_leader(but=leader, timeout_s=20)
    scene.wait_for_condition("Ready", "True (Ready)")


def _refusals(scene: Scene, message: str) -> list[tuple[str, bool]]:
    """Of each event about a refusal, its type and whether it says why."""
    events = [event for event in scene.events() if event["reason"] == "LabelRefused"]
    return [(event["type"], message in event["note"]) for event in events]
