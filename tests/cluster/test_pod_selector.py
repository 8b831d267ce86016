"""An operator that watches only some pods."""

from __future__ import annotations

from cluster_support import MakeOperator, Scene
from cluster_support.scene import role_key


def test_a_pod_that_is_not_watched_is_no_candidate_even_if_it_once_was(
    scene: Scene, make_operator: MakeOperator
) -> None:
    """Its label is found by a list, and taken off; each version of the election selects watched pods alone."""
    make_operator("--pod-selector", "tier=front").start()
    scene.run_pods(2, labels={"tier": "front"})
    scene.run_pod("outside", labels={"app": "web", role_key(): "follower"})

    scene.elect()

    first = scene.wait_for_leader()
    assert first.name.startswith("web-")
    scene.wait(lambda: scene.pod("outside").role() is None, "the other one has no role")
    scene.delete_pod(first)
    second = scene.wait_for_leader(but=first)
    assert second.name.startswith("web-")
    scene.wait(lambda: scene.election().status["candidates"] == 2, "two are candidates")
