"""An election that is deleted, while an operator runs or while none does, and one that is created again."""

from __future__ import annotations

import time

import pytest

from cluster_support import Bucket, Operator, PodView, Scene
from cluster_support.scene import SHORT


def _key(scene: Scene) -> str:
    return f"{scene.namespace}.web"


def _start(scene: Scene) -> PodView:
    """Have three pods, a second term, and a leader that is not the first in line."""
    scene.run_pods(3)
    scene.elect(lease=SHORT)
    first = scene.wait_for_leader()
    scene.delete_pod(first)
    leader = scene.wait_for_leader(but=first)
    scene.wait(lambda: len(scene.followers()) == 2 and len(scene.pods) == 3, "the others are followers")
    return leader


def _assert_cleaned_up(scene: Scene, bucket: Bucket, term: int, terms: dict[str, str | None]) -> None:
    """No pod has a role, each has the term that it had, and the record is released with its term."""
    scene.wait(lambda: not any(pod.role() for pod in scene.pods), "the roles are gone")
    assert {pod.uid: pod.term() for pod in scene.pods} == terms
    scene.wait(lambda: bucket.record(_key(scene))["leaderId"] == "", "the record is released")
    assert bucket.record(_key(scene))["term"] == term


def _terms(scene: Scene) -> dict[str, str | None]:
    return {pod.uid: pod.term() for pod in scene.pods}


def test_a_deleted_election_leaves_terms_and_nothing_else(scene: Scene, operator: Operator, bucket: Bucket) -> None:
    scene.serve()
    _start(scene)
    term, terms = scene.election().term, _terms(scene)
    began_s = time.monotonic()

    scene.delete_election()

    _assert_cleaned_up(scene, bucket, term, terms)
    scene.wait(lambda: not scene.endpoints(), "the service has no endpoint")
    assert time.monotonic() - began_s < 5.0


def test_an_election_that_is_deleted_while_no_operator_runs_is_cleaned_up_by_the_next_one(
    scene: Scene, operator: Operator, bucket: Bucket
) -> None:
    _start(scene)
    term, terms = scene.election().term, _terms(scene)
    operator.stop()

    scene.delete_election()
    operator.start()

    _assert_cleaned_up(scene, bucket, term, terms)


@pytest.mark.parametrize("with_record", [True, False])
def test_g2_an_election_that_is_created_again_goes_on_counting(
    scene: Scene, operator: Operator, bucket: Bucket, with_record: bool
) -> None:
    """Even if NATS has lost the record meanwhile: the term labels are a floor as well."""
    _start(scene)
    term = scene.election().term
    scene.delete_election()
    scene.wait(lambda: not any(pod.role() for pod in scene.pods), "the roles are gone")
    scene.wait(lambda: bucket.record(_key(scene))["leaderId"] == "", "the record is released")
    if not with_record:
        bucket.purge(_key(scene))

    scene.elect(lease=SHORT)

    scene.wait_for_leader(after=term)
    scene.wait(lambda: len(scene.followers()) == 2, "the others are followers")


def test_g2_an_election_that_is_created_again_with_all_pods_new_goes_on_counting(
    scene: Scene, operator: Operator, bucket: Bucket
) -> None:
    """Then it is the record alone that knows."""
    _start(scene)
    term = scene.election().term
    scene.delete_election()
    scene.wait(lambda: bucket.record(_key(scene))["leaderId"] == "", "the record is released")
    scene.scale(0)
    scene.wait(lambda: not scene.pods, "all pods are gone")
    scene.scale(3)
    scene.wait(lambda: len([pod for pod in scene.pods if pod.ready]) == 3, "three new pods are Ready")

    scene.elect(lease=SHORT)

    scene.wait_for_leader(after=term)


def test_g2_g3_an_election_that_is_replaced_at_once_repeats_no_term(scene: Scene, operator: Operator) -> None:
    """It may find its leader's lease as it was, and go on in the same term; the watchers know whose that was."""
    leader = _start(scene)
    for _ in range(5):
        term = scene.election().term
        scene.delete_election()
        scene.elect(lease=SHORT)
        leader = scene.wait_for_leader(after=term - 1)
    term = scene.election().term
    scene.delete_pod(leader)

    scene.wait_for_leader(after=term)
    scene.wait(lambda: len(scene.followers()) == 2, "the others are followers")


def test_g2_g3_an_election_that_is_replaced_while_no_operator_runs_repeats_no_term(
    scene: Scene, operator: Operator
) -> None:
    _start(scene)
    term = scene.election().term
    operator.kill()

    scene.delete_election()
    scene.elect(lease=SHORT)
    operator.start()

    leader = scene.wait_for_leader(after=term - 1)
    scene.delete_pod(leader)
    scene.wait_for_leader(after=term)
    scene.wait(lambda: len(scene.followers()) == 2, "the others are followers")


def test_an_election_can_be_deleted_while_no_operator_runs(scene: Scene, operator: Operator) -> None:
    """It has no finalizer that would wait for one."""
    scene.elect()
    scene.wait_for_condition("LeaderElected", "False (NoCandidates)")
    assert "finalizers" not in scene.election().body["metadata"]
    operator.stop()

    scene.delete_election()


def test_a_namespace_with_a_running_election_can_be_deleted(scene: Scene, everywhere: Operator) -> None:
    scene.run_pods(2)
    scene.elect()
    scene.wait_for_leader()

    scene.delete_namespace()

    path = f"/api/v1/namespaces/{scene.namespace}"
    scene.wait(lambda: scene.kubernetes.find(path) is None, "the namespace is gone", timeout_s=30)
