"""Elections of very many pods. They come last: the end of so many pods would slow other tests down."""

from __future__ import annotations

from cluster_support import Operator, Scene


def test_500_pods_have_one_leader_and_499_followers(everywhere: Operator, scene: Scene) -> None:
    scene.elect()
    scene.run_pods(500, wait=False)

    first = scene.wait_for_leader(timeout_s=30)
    scene.wait(lambda: len(scene.followers()) == 499, "499 are followers", timeout_s=60)
    scene.wait(lambda: scene.election().status["candidates"] == 500, "500 are candidates")
    scene.delete_pod(first)

    scene.wait_for_leader(but=first)
