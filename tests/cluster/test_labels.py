"""Labels that somebody else wrote: the operator repairs what lies, and never lowers or removes a term of its own."""

from __future__ import annotations

import pytest

from cluster_support import Operator, PodView, Scene
from cluster_support.scene import role_key, term_key


@pytest.fixture
def leader(everywhere: Operator, scene: Scene) -> PodView:
    """The leader of an election of three pods, all of them labelled."""
    assert everywhere.process.running
    scene.run_pods(3)
    scene.elect()
    leader = scene.wait_for_leader()
    scene.wait(lambda: len(scene.followers()) == 2, "the others are followers")
    return leader


def _wait_for_repair(scene: Scene, leader: PodView) -> None:
    """Wait until exactly the labels of `leader`, of two followers and of nobody else are there again."""

    def repaired() -> bool:
        present = scene.leader()
        others = scene.followers()
        terms = [value for value in map(PodView.term, others) if value is not None]
        term = scene.election().term
        return (
            present is not None
            and present.uid == leader.uid
            and len(others) == 2
            and all(value.isdecimal() and 0 < int(value) <= term for value in terms)
        )

    scene.wait(repaired, "the labels are repaired")


def test_g3_a_forged_leader_label_is_repaired(scene: Scene, leader: PodView) -> None:
    """With the term that the follower had, and with the leader's own."""
    scene.forge(scene.followers()[0], {role_key(): "leader"})
    _wait_for_repair(scene, leader)

    scene.forge(scene.followers()[0], {role_key(): "leader", term_key(): leader.term()})

    _wait_for_repair(scene, leader)
    assert scene.election().term == 1


@pytest.mark.parametrize("forged", ["4711", "junk", ""])
def test_a_forged_term_on_a_follower_is_overwritten(scene: Scene, leader: PodView, forged: str) -> None:
    victim = scene.followers()[0]
    scene.forge(victim, {term_key(): forged})

    scene.wait(lambda: scene.pod(victim.name).term() == leader.term(), "the term is overwritten")
    _wait_for_repair(scene, leader)
    assert scene.election().term == 1


@pytest.mark.parametrize("forged", ["4711", "junk"])
def test_a_forged_term_on_the_leader_is_overwritten(scene: Scene, leader: PodView, forged: str) -> None:
    scene.forge(leader, {term_key(): forged})

    _wait_for_repair(scene, leader)
    assert scene.election().term == 1


def test_labels_that_were_removed_are_written_again(scene: Scene, leader: PodView) -> None:
    """The leader's first, and then those of all."""
    scene.forge(leader, {role_key(): None})
    _wait_for_repair(scene, leader)

    for pod in scene.pods:
        scene.forge(pod, {role_key(): None})

    _wait_for_repair(scene, leader)
    assert scene.election().term == 1


def test_the_role_on_a_pod_that_is_no_candidate_is_taken_off(scene: Scene, leader: PodView) -> None:
    scene.run_pods(1, name="other")
    scene.wait(lambda: len(scene.pods) == 4, "the other pod is there")
    scene.forge(scene.pod("other-0"), {role_key(): "leader"})

    scene.wait(lambda: scene.pod("other-0").role() is None, "the role is taken off")
    _wait_for_repair(scene, leader)


def test_a_leader_that_is_deposed_by_hand_again_and_again_stays_leader(scene: Scene, leader: PodView) -> None:
    """Each time it is repaired; later ones wait longer, so that two writers do not keep each other busy."""
    for _ in range(4):
        scene.forge(leader, {role_key(): "follower"})
        scene.wait(lambda: scene.leader() is not None, "the leader label is back")

    _wait_for_repair(scene, leader)
    assert scene.election().term == 1


def test_labels_of_a_template_make_no_leader(everywhere: Operator, scene: Scene) -> None:
    scene.run_pods(3, labels={role_key(): "leader"})
    scene.elect()

    leader = scene.wait_for_leader()
    scene.wait(lambda: len(scene.followers()) == 2, "the others are followers")
    scene.delete_pod(leader)

    scene.wait_for_leader(but=leader)
    scene.wait(lambda: len(scene.pods) == 3 and len(scene.followers()) == 2, "the successor's template does not lead")


def test_a_term_of_a_template_is_counted_on(everywhere: Operator, scene: Scene) -> None:
    """It may come from an earlier life of the election: a term label is a floor, whoever wrote it."""
    scene.run_pods(3, labels={role_key(): "follower", term_key(): "70"})
    scene.elect()

    leader = scene.wait_for_leader(after=70)
    scene.delete_pod(leader)

    scene.wait_for_leader(after=scene.election().term - 1, but=leader)
    scene.wait(lambda: len(scene.pods) == 3 and len(scene.followers()) == 2, "all carry labels")


@pytest.mark.parametrize("term", ["9223372036854775808"])
def test_a_term_of_a_template_that_is_none_counts_for_nothing(everywhere: Operator, scene: Scene, term: str) -> None:
    scene.run_pods(2, labels={role_key(): "leader", term_key(): term})
    scene.elect()

    scene.wait_for_leader()
    scene.wait(lambda: len(scene.followers()) == 1, "the other one is a follower")
    assert scene.election().term == 1
