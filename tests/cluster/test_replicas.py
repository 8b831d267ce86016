"""Several replicas of the operator: one acts, the others stand by, and a change between them changes no leader (G6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cluster_support import Bucket, Front, MakeOperator, Operator, PodView, Scene
from environment import Environment

_ACTS = "This operator acts"
_STANDS_BY = "This operator stands by"
_LEASE_S = 3
_LONG_LEASE_S = 60
"""Longer than any test waits: whoever acts after another one with such a lease has been given it."""

_SLACK_S = 7
"""What a busy machine may need beside the lease to take over."""


class Replicas:
    """Two operators of one release, of which the first acts at the beginning."""

    def __init__(
        self, make_operator: MakeOperator, scene: Scene, *, kubeconfig: Path | None = None, lease_s: int = _LEASE_S
    ) -> None:
        arguments = (
            "--release", "tenure", "--operator-namespace", scene.namespace, "--operator-lease-duration", str(lease_s),
        )  # fmt: skip
        self._scene = scene
        self.first = make_operator(*arguments, kubeconfig=kubeconfig).start()
        self.wait_until_acts(self.first)
        self.second = make_operator(*arguments).start()

    def wait_until_acts(self, operator: Operator, *, times: int = 1, timeout_s: float = 20.0) -> None:
        """Return when it has begun to act for so many times."""
        self._scene.wait(
            lambda: sum(line["message"] == _ACTS for line in operator.log()) == times, "it acts", timeout_s=timeout_s
        )


@pytest.fixture
def replicas(make_operator: MakeOperator, scene: Scene) -> Replicas:
    return Replicas(make_operator, scene)


@pytest.fixture
def replicas_of_a_long_lease(make_operator: MakeOperator, scene: Scene) -> Replicas:
    """None acts in the place of another one that has not given it up."""
    return Replicas(make_operator, scene, lease_s=_LONG_LEASE_S)


def _elect(scene: Scene, count: int = 3) -> dict[str, tuple[str | None, int]]:
    """Have three pods, and elections among them; return holder and term of each."""
    scene.run_pods(3)
    for number in range(count):
        scene.elect(f"web-{number}")
    for number in range(count):
        scene.wait_for_leader(f"web-{number}")
    return _leaders(scene, count)


def _leaders(scene: Scene, count: int = 3) -> dict[str, tuple[str | None, int]]:
    views = {f"web-{number}": scene.election(f"web-{number}") for number in range(count)}
    return {name: (view.holder, view.term) for name, view in views.items()}


def _hand_over(scene: Scene, name: str = "web-0") -> PodView:
    """Delete a leader and wait for the next one."""
    last = scene.wait_for_leader(name)
    scene.delete_pod(last)
    return scene.wait_for_leader(name, but=last)


def test_one_replica_acts_and_the_other_is_ready_and_changes_nothing(scene: Scene, replicas: Replicas) -> None:
    _elect(scene)
    _hand_over(scene)

    assert replicas.second.readiness() == (200, "ok")
    assert [operator.metrics().value("tenure_operator_leader") for operator in (replicas.first, replicas.second)] == [
        1,
        0,
    ]
    shown = [operator.metrics().series("tenure_election_term") for operator in (replicas.first, replicas.second)]
    assert [len(series) for series in shown] == [3, 0]
    assert not replicas.second.has_logged(_ACTS)
    assert not replicas.second.has_logged("Labels written")
    assert not replicas.second.has_logged("Lease written")

    def announcements() -> int:
        elected = [event for event in scene.events() if event["reason"] == "LeaderElected"]
        return len([event for event in elected if event["regarding"]["name"] == "web-0"])

    scene.wait(lambda: announcements() >= 2, "both leaders were announced")
    assert announcements() == 2


def test_g6_a_replica_that_is_killed_is_replaced_when_its_lease_ends_and_no_leader_changes(
    scene: Scene, replicas: Replicas, environment: Environment
) -> None:
    """Not before, by a record that it wrote; and not long after."""
    leaders = _elect(scene)
    record = _record(scene, environment)
    assert record["leaderId"] == _holder(replicas.first)

    replicas.first.kill()

    latest = datetime.now(UTC) + timedelta(seconds=_LEASE_S + _SLACK_S)
    replicas.wait_until_acts(replicas.second)
    assert datetime.fromisoformat(record["expiresAt"]) <= _time_of(replicas.second, _ACTS) <= latest
    assert _leaders(scene) == leaders
    _hand_over(scene)


def test_g6_a_replica_that_stops_hands_over_at_once_and_no_leader_changes(
    scene: Scene, replicas_of_a_long_lease: Replicas, environment: Environment
) -> None:
    """Its lease is released when it has ended, or the other one's already; it would run for a minute yet."""
    replicas = replicas_of_a_long_lease
    leaders = _elect(scene)

    replicas.first.stop()

    assert _record(scene, environment)["leaderId"] in ("", _holder(replicas.second))
    replicas.wait_until_acts(replicas.second)
    assert not replicas.first.has_logged("The operator's lease was not released in time: it runs out by itself")
    assert _leaders(scene) == leaders
    _hand_over(scene)


def test_g6_a_rolling_update_of_the_operator_changes_no_leader(
    scene: Scene, replicas_of_a_long_lease: Replicas
) -> None:
    """A new one starts before an old one stops, twice; each is given the lease, which would run for a minute."""
    replicas = replicas_of_a_long_lease
    leaders = _elect(scene)

    for old in (replicas.first, replicas.second):
        old.stop()
        old.start()

    replicas.wait_until_acts(replicas.first, times=2)
    assert _leaders(scene) == leaders
    _hand_over(scene)


def test_a_replica_that_the_api_does_not_answer_hands_over(
    scene: Scene, make_operator: MakeOperator, environment: Environment, tmp_path: Path
) -> None:
    with Front(environment.control_plane, tmp_path) as front:
        replicas = Replicas(make_operator, scene, kubeconfig=front.kubeconfig)
        leaders = _elect(scene)

        front.refuse()

        replicas.wait_until_acts(replicas.second, timeout_s=30)
        assert replicas.first.has_logged(_STANDS_BY)
        assert _leaders(scene) == leaders
        _hand_over(scene)
        front.let_pass()


def test_g3_a_replica_that_is_halted_and_goes_on_beside_its_successor_breaks_nothing(
    scene: Scene, replicas: Replicas
) -> None:
    _elect(scene)
    replicas.first.pause()
    replicas.wait_until_acts(replicas.second)
    _hand_over(scene)

    replicas.first.resume()
    scene.wait(lambda: replicas.first.has_logged(_STANDS_BY, holder=_holder(replicas.second)), "it knows its place")

    _hand_over(scene)
    assert not replicas.second.has_logged(_STANDS_BY)


def _holder(operator: Operator) -> str:
    return next(str(line["instance"]) for line in operator.log() if line["message"] == "Tenure starts")


def _time_of(operator: Operator, message: str) -> datetime:
    return next(datetime.fromisoformat(str(line["time"])) for line in operator.log() if line["message"] == message)


def _record(scene: Scene, environment: Environment) -> dict[str, Any]:
    """The record of the operators' own lease."""
    uid = scene.kubernetes.get(f"/api/v1/namespaces/{scene.namespace}")["metadata"]["uid"]
    return Bucket(environment.nats_url, scene.namespace).record(f"_operator.{uid}.tenure")


def test_what_was_deleted_while_no_replica_acted_is_cleaned_up_by_the_next_one_that_does(
    scene: Scene, replicas: Replicas
) -> None:
    _elect(scene, 1)
    replicas.first.pause()
    replicas.second.wait_until_ready()
    scene.delete_election("web-0")
    replicas.first.kill()

    replicas.wait_until_acts(replicas.second)

    scene.wait(lambda: all("role.tenure.dev/web-0" not in pod.labels for pod in scene.pods), "the role labels are gone")


def test_a_replica_waits_and_says_so_while_its_own_namespace_cannot_be_read(
    scene: Scene, make_operator: MakeOperator
) -> None:
    operator = make_operator("--release", "tenure", "--operator-namespace", "nowhere").start(wait=False)

    assert 'namespaces "nowhere" not found' in operator.wait_for_complaint()


def test_two_releases_act_beside_each_other(scene: Scene, make_operator: MakeOperator, bucket: Bucket) -> None:
    """Each has its own lease, under the UID of its namespace and its name."""
    one = make_operator("--release", "one", "--operator-namespace", scene.namespace, bucket=bucket.name).start()
    two = make_operator("--release", "two", "--operator-namespace", scene.namespace, bucket=bucket.name).start()
    scene.wait(lambda: one.has_logged(_ACTS) and two.has_logged(_ACTS), "both act")
    uid = scene.kubernetes.get(f"/api/v1/namespaces/{scene.namespace}")["metadata"]["uid"]

    holders = {bucket.record(f"_operator.{uid}.{release}")["leaderId"] for release in ("one", "two")}

    assert holders == {_holder(one), _holder(two)}
