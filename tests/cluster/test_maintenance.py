"""Leaders leave nodes that are cordoned, if the operator is told to look at nodes."""

from __future__ import annotations

from cluster_support import MakeOperator, Scene
from cluster_support.scene import SHORT


def test_a_leader_leaves_a_node_that_is_cordoned_before_its_pod_is_evicted(
    scene: Scene, make_operator: MakeOperator
) -> None:
    make_operator("--leave-cordoned-nodes").start()
    scene.run_pod("first", node="node-1")
    scene.elect(lease=SHORT)
    first = scene.wait_for_leader()
    scene.run_pod("second", node="node-1")

    with scene.cordoned("node-1"):
        scene.run_pod("third", node="node-2")
        third = scene.wait_for_leader(but=first)
        assert third.name == "third"
        assert scene.election().status["history"][0]["reason"] == "NodeCordoned"
        assert not scene.pod("first").terminating

        scene.change(switchover={"id": "back", "toPodName": "first"})
        scene.wait(lambda: "switchover" in scene.election().status, "the switchover is answered")
        assert scene.election().status["switchover"]["message"] == (
            "first would not stay, because its node node-1 is cordoned: name another, or uncordon it."
        )

    scene.change(switchover={"id": "home", "toPodName": "first"})
    assert scene.wait_for_leader(but=third).name == "first"
