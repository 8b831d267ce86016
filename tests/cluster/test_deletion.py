"""An election that is deleted, while an operator runs or while none does, and one that is created again."""

from __future__ import annotations

import time

import pytest

from cluster.conftest import apply_crd
from cluster_support import Bucket, Operator, PodView, Scene
from cluster_support.scene import SHORT
from environment import Environment, wait_until

_CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/leaderelections.tenure.dev"


@pytest.fixture(scope="module", autouse=True)
def deleted(environment: Environment, crd: None, common_operator: Operator) -> Scene:
    """A namespace with a running election that is being deleted. It takes its time, in which other tests run."""
    common_operator.ensure_running()
    scene = Scene(environment)
    scene.run_pods(2)
    scene.elect(lease=SHORT)
    scene.wait_for_leader()
    scene.close()
    return scene


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


def test_a_deleted_election_leaves_terms_and_nothing_else(scene: Scene, everywhere: Operator, bucket: Bucket) -> None:
    scene.serve()
    _start(scene)
    term, terms = scene.election().term, _terms(scene)
    began_s = time.monotonic()

    scene.delete_election()

    _assert_cleaned_up(scene, bucket, term, terms)
    scene.wait(lambda: not scene.endpoints(), "the service has no endpoint")
    assert time.monotonic() - began_s < 5.0


def test_an_election_that_is_deleted_while_no_operator_runs_is_cleaned_up_by_the_next_one(
    scene: Scene, everywhere: Operator, bucket: Bucket
) -> None:
    _start(scene)
    term, terms = scene.election().term, _terms(scene)
    assert "finalizers" not in scene.election().body["metadata"]  # which would wait for an operator
    everywhere.stop()

    scene.delete_election()
    everywhere.start()

    _assert_cleaned_up(scene, bucket, term, terms)


@pytest.mark.parametrize("with_record", [True, False])
def test_g2_an_election_that_is_created_again_goes_on_counting(
    scene: Scene, everywhere: Operator, bucket: Bucket, with_record: bool
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
    scene: Scene, everywhere: Operator, bucket: Bucket
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


def test_g2_g3_an_election_that_is_replaced_at_once_repeats_no_term(scene: Scene, everywhere: Operator) -> None:
    """It may find its leader's lease as it was, and go on in the same term; the watchers know whose that was."""
    leader = _start(scene)
    for _ in range(3):
        term = scene.election().term
        scene.delete_election()
        scene.elect(lease=SHORT)
        leader = scene.wait_for_leader(after=term - 1)
    term = scene.election().term
    scene.delete_pod(leader)

    scene.wait_for_leader(after=term)
    scene.wait(lambda: len(scene.followers()) == 2, "the others are followers")


def test_g2_g3_an_election_that_is_replaced_while_no_operator_runs_repeats_no_term(
    scene: Scene, everywhere: Operator
) -> None:
    _start(scene)
    term = scene.election().term
    everywhere.kill()

    scene.delete_election()
    scene.elect(lease=SHORT)
    everywhere.start()

    leader = scene.wait_for_leader(after=term - 1)
    scene.delete_pod(leader)
    scene.wait_for_leader(after=term)
    scene.wait(lambda: len(scene.followers()) == 2, "the others are followers")


def test_a_namespace_with_a_running_election_can_be_deleted_and_is_forgotten(
    everywhere: Operator, bucket: Bucket, scene: Scene, deleted: Scene
) -> None:
    """What could not be written any more is not tried again for ever, nor complained of by the next operator."""
    path = f"/api/v1/namespaces/{deleted.namespace}"
    scene.wait(lambda: scene.kubernetes.find(path) is None, "the namespace is gone", timeout_s=30)
    wait_until(lambda: _has_forgotten(everywhere, deleted), "it is forgotten")
    complaints = _complaints(everywhere, deleted)
    revision, _ = bucket.entry(_key(deleted))
    scene.run_pods(1)
    scene.elect(lease=SHORT)
    scene.wait_for_leader()
    everywhere.stop()
    everywhere.start()
    bucket.wait_for_renewals(_key(scene), 1)

    assert _complaints(everywhere, deleted) == complaints
    assert len(complaints) <= 10
    assert bucket.entry(_key(deleted))[0] == revision


def test_g2_an_election_in_a_namespace_that_was_deleted_and_made_again_goes_on_counting(
    everywhere: Operator, bucket: Bucket, deleted: Scene
) -> None:
    """All that the API knew of it is gone: the record alone knows."""
    path = f"/api/v1/namespaces/{deleted.namespace}"
    wait_until(lambda: deleted.kubernetes.find(path) is None, "the namespace is gone", timeout_s=30)
    term = bucket.record(_key(deleted))["term"]

    again = Scene(deleted.environment, namespace=deleted.namespace)
    again.run_pods(2)
    again.elect(lease=SHORT)

    again.wait_for_leader(after=term)
    again.wait(lambda: len(again.followers()) == 1, "the other one is a follower")
    again.close()


def test_without_the_crd_the_labels_of_all_elections_come_off_and_terms_go_on_when_it_is_back(
    environment: Environment, everywhere: Operator, scene: Scene
) -> None:
    scene.serve()
    _start(scene)
    term, terms = scene.election().term, _terms(scene)

    scene.kubernetes.delete(_CRD)
    scene.wait(lambda: not any(pod.role() for pod in scene.pods), "the roles are gone")
    scene.wait(lambda: not scene.endpoints(), "the service has no endpoint")
    assert {pod.uid: pod.term() for pod in scene.pods} == terms
    wait_until(lambda: scene.kubernetes.find(_CRD) is None, "the CRD is gone")

    apply_crd(environment)
    everywhere.wait_until_ready()
    scene.elect(lease=SHORT)
    scene.wait_for_leader(after=term)


def _has_forgotten(operator: Operator, scene: Scene) -> bool:
    """Whether the operator has heard that the election is deleted, or never heard of it since its last start."""
    lines = operator.log()
    last_start = max(number for number, line in enumerate(lines) if line["message"] == "Tenure starts")
    said = [line["message"] for line in lines[last_start:] if line.get("election") == f"{scene.namespace}/web"]
    return not said or "Election deleted" in said


def _complaints(operator: Operator, scene: Scene) -> list[str]:
    return [
        str(line["message"])
        for line in operator.log()
        if line["level"] != "debug" and line["level"] != "info" and f"{scene.namespace}/" in str(line)
    ]
