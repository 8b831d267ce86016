"""An API server that is away, cannot work, or has lost the CRD: leases go on, and so does the operator afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.conftest import CRD, apply_crd
from cluster_support import Bucket, Front, Kubernetes, MakeOperator, Operator, PodView, Scene
from cluster_support.scene import SHORT
from environment import Environment, wait_until

_CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/leaderelections.tenure.dev"
_OUTAGE = 20
"""Renewals of a lease that is renewed once a second. Kopf by itself gives up after ten seconds, or after a minute."""


@contextmanager
def _unnoticed(environment: Environment) -> Iterator[None]:
    """Keep an outage from the environment's own controllers: they would wait for up to half a minute after it."""
    controllers = [environment.control_plane.controller_manager, environment.nodes.kwok]
    for controller in controllers:
        controller.pause()
    try:
        yield
    finally:
        for controller in controllers:
            controller.resume()


@contextmanager
def _without_api_server(environment: Environment) -> Iterator[None]:
    with _unnoticed(environment):
        environment.control_plane.api_server.kill()
        try:
            yield
        finally:
            environment.control_plane.start_api_server()


def _start(scene: Scene, election: str = "web") -> PodView:
    """Have an election with two pods of its own, and a leader."""
    scene.run_pods(2, name=election)
    scene.elect(election, selector={"matchLabels": {"app": election}}, lease=SHORT)
    leader = scene.wait_for_leader(election)
    scene.wait(lambda: len(scene.followers(election)) == 1, "the other one is a follower")
    return leader


def test_g5_g6_an_api_server_away_longer_than_the_lease_changes_no_leader_but_one_that_went(
    environment: Environment, scene: Scene, everywhere: Operator, bucket: Bucket
) -> None:
    """Leases are renewed without it; and what happens just after it is back, before anybody watches again, is seen."""
    leader, lost = _start(scene), _start(scene, "other")
    key = f"{scene.namespace}.web"

    with _without_api_server(environment):
        bucket.wait_for_renewals(key, 4)
    scene.delete_pod(lost)
    scene.wait(lambda: all(pod.uid != lost.uid for pod in scene.pods), "it is gone")

    scene.wait_for_leader("other", but=lost, timeout_s=20)
    bucket.wait_for_renewals(key, 1)
    record = bucket.record(key)
    assert (record["leaderId"], record["term"]) == (leader.identity, 1)
    assert (scene.election().holder, scene.election().term) == (leader.identity, 1)
    scene.wait_for_condition("Ready", "True (Ready)")


def test_g5_g6_an_api_server_that_cannot_work_for_long_changes_nothing_and_is_used_again(
    environment: Environment, scene: Scene, make_operator: MakeOperator, tmp_path: Path
) -> None:
    """One operator gets 503 for every request. Another one gets what an API server says whose etcd is silent."""
    with Front(environment.control_plane, tmp_path) as front:
        refused = make_operator(kubeconfig=front.kubeconfig).start(wait=False)
        beside = Scene(environment)
        stalled = make_operator(namespace=beside.namespace, bucket=beside.namespace).start()
        refused.wait_until_ready()
        leaders = [(scene, _start(scene)), (beside, _start(beside))]
        pids = refused.process.pid, stalled.process.pid

        with _unnoticed(environment):
            front.refuse()
            environment.control_plane.etcd.pause()
            try:
                for one, count in ((scene, _OUTAGE), (beside, 1)):
                    Bucket(environment.nats_url, one.namespace).wait_for_renewals(f"{one.namespace}.web", count)
            finally:
                environment.control_plane.etcd.resume()
                front.let_pass()

        assert front.refused >= 10
        wait_until(environment.control_plane.api.ready, "the API server is ready", timeout_s=20)
        for one, leader in leaders:
            assert one.election().term == 1
            one.delete_pod(leader)
        for one, leader in leaders:
            one.wait_for_leader(but=leader, timeout_s=20)
        assert (refused.process.pid, stalled.process.pid) == pids
        beside.close()


def test_an_api_server_that_is_not_there_yet_is_waited_for(
    environment: Environment, scene: Scene, make_operator: MakeOperator
) -> None:
    with _without_api_server(environment):
        operator = make_operator().start(wait=False)
        impatient = make_operator().start(wait=False)
        complaint = operator.wait_for_complaint()
        impatient.wait_for_complaint()
        assert impatient.stop() < 2.0

    operator.wait_until_ready()
    assert complaint.startswith(f"Waiting: The Kubernetes API at {environment.control_plane.api.url} does not answer: ")
    assert "Trying again every 2 s." in complaint


def test_a_crd_that_is_missing_is_said_and_waited_for(
    environment: Environment, everywhere: Operator, tmp_path: Path
) -> None:
    """By an operator that starts without it, and by one from under which it is taken."""
    kubernetes = Kubernetes(environment)
    kubernetes.delete(_CRD)
    wait_until(lambda: kubernetes.find(_CRD) is None, "the CRD is gone")
    late = Operator(environment, tmp_path, bucket=everywhere.bucket, name="late")
    try:
        late.start(wait=False)
        complaint = late.wait_for_complaint()
        status, said = late.readiness()
        wait_until(lambda: everywhere.has_logged("leaderelections.tenure.dev is not there"), "it says what it misses")
        apply_crd(environment)
        late.wait_until_ready()
        scene = Scene(environment)
        everywhere.pause()
        _start(scene)
        everywhere.resume()
    finally:
        late.stop()
        apply_crd(environment)
    late.check()
    _start(scene, "other")
    scene.close()

    sentence = f"The CRD leaderelections.tenure.dev is not there yet: apply crds/{CRD.name}."
    assert complaint == f"Waiting: {sentence} Trying again every 2 s."
    assert (status, said) == (503, f"waiting for the Kubernetes API: {sentence}")
