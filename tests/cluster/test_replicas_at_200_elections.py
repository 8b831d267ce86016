"""At 200 elections, one replica of the operator takes another one's place and changes no leader (G6).

Each election has one pod: a leader that was given up, if only for a moment, is the leader of another term afterwards.
Nothing here is timed, so that a busy machine only makes it longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster_support import Bucket, Front, Object, Operator, Scene
from cluster_support.follower import Follower
from cluster_support.kubernetes import elections_path, pods_path
from cluster_support.manifests import leader_election
from cluster_support.views import LEADER, ElectionView, PodView
from environment import Environment, wait_until

pytestmark = pytest.mark.timeout(600)

_ELECTIONS = [f"e{number:03}" for number in range(200)]
_OPERATOR_LEASE_S = 3
_PATIENCE_S = 120.0
_CLIENTS = 8


class Crowd:
    """200 elections, each with a pod of its own, and two replicas, each with a road of its own to the API."""

    def __init__(self, environment: Environment, folder: Path) -> None:
        self.scene = Scene(environment)
        self.changes: list[str] = []
        """Each change of a leader, a term or a role, by every version of every election and pod."""
        self._bucket = Bucket(environment.nats_url, self.scene.namespace)
        self._fronts = {}
        for name in ("first", "second"):
            front = Front(environment.control_plane, folder)
            self._fronts[self._replica(name, front, folder)] = front
        self._followers = [
            self._follow(elections_path(self.scene.namespace), _leader_of),
            self._follow(pods_path(self.scene.namespace), _role_of),
        ]

    def populate(self) -> None:
        """Start the replicas, create pods and elections, and return when all are led."""
        for replica in self._fronts:
            replica.start(wait=False)
        with ThreadPoolExecutor(_CLIENTS) as clients:
            list(clients.map(self._create, _ELECTIONS))
        self.settle()
        self.scene.wait(self._are_led, "all elections are led", timeout_s=_PATIENCE_S)

    @contextmanager
    def unchanged(self) -> Iterator[tuple[Operator, Operator]]:
        """Yield the replica that acts and the other one; fail at the end if a leader has changed meanwhile."""
        acting, other = self.settle()
        before = len(self.changes)
        yield acting, other
        for follower in self._followers:
            follower.catch_up(timeout_s=_PATIENCE_S)
        assert self.changes[before:] == []

    def settle(self) -> tuple[Operator, Operator]:
        """Return the replica that acts and the other one, when both are ready and can reach all that they need."""
        for replica, front in self._fronts.items():
            front.let_pass()
            if not replica.process.running:
                replica.start(wait=False)
        for replica in self._fronts:
            self.wait_until_ready(replica)
        self.scene.wait(lambda: any(map(_acts, self._fronts)), "one acts", timeout_s=_PATIENCE_S)
        acting, other = sorted(self._fronts, key=_acts, reverse=True)
        return acting, other

    def cut_off_from_api(self, replica: Operator) -> None:
        """Let this one reach NATS alone."""
        self._fronts[replica].refuse()

    def stop(self, replica: Operator) -> None:
        """End it by SIGTERM, however long that takes."""
        replica.process.request_stop()
        assert replica.process.wait(timeout_s=_PATIENCE_S)

    def wait_until_ready(self, replica: Operator) -> None:
        """Return when it could act."""
        self.scene.wait(lambda: replica.readiness()[0] == 200, "the replica is ready", timeout_s=_PATIENCE_S)

    def wait_until_it_acts_for_all(self, replica: Operator) -> None:
        """Return when it acts, and has renewed the lease of each election."""
        self.scene.wait(lambda: _acts(replica), "the replica acts", timeout_s=_PATIENCE_S)
        instance = [str(line["instance"]) for line in replica.log() if line["message"] == "Tenure starts"][-1]
        keys = [f"{self.scene.namespace}.{name}" for name in _ELECTIONS]

        def are_renewed() -> bool:
            return all(record["writer"].startswith(f"{instance}/") for record in self._bucket.records(keys))

        self.scene.wait(are_renewed, "it has renewed all leases", timeout_s=_PATIENCE_S)

    def close(self) -> None:
        """End all of it. The guarantees must have held, and no replica may have logged an error."""
        for follower in self._followers:
            follower.stop()
        for replica, front in self._fronts.items():
            replica.kill()
            front.close()
        self.scene.close()
        # The next operator is not to start among 200 elections that vanish one after another.
        where = f"/api/v1/namespaces/{self.scene.namespace}"
        wait_until(lambda: self.scene.kubernetes.find(where) is None, "the namespace is gone", timeout_s=_PATIENCE_S)
        for replica in self._fronts:
            replica.check()

    def _replica(self, name: str, front: Front, folder: Path) -> Operator:
        namespace = self.scene.namespace
        return Operator(
            self.scene.environment,
            folder,
            namespace=namespace,
            bucket=namespace,
            kubeconfig=front.kubeconfig,
            arguments=(
                *("--release", "tenure", "--operator-namespace", namespace),
                *("--operator-lease-duration", str(_OPERATOR_LEASE_S)),
            ),
            name=name,
        )

    def _follow(self, path: str, look: Callable[[Object], str]) -> Follower:
        def see(before: Object | None, after: Object | None, _: Mapping[str, Object]) -> None:
            was, now = (look(body) if body is not None else "nothing" for body in (before, after))
            if was != now:
                self.changes.append(f"{was}, then {now}")

        return Follower(self.scene.kubernetes, path, see, self.scene.watchers.news)

    def _create(self, name: str) -> None:
        labels = {"app": name}
        pod = {
            "metadata": {"name": name, "labels": labels},
            "spec": {"containers": [{"name": "main", "image": "none"}]},
        }
        self.scene.kubernetes.create(pods_path(self.scene.namespace), pod)
        election = leader_election(name, {"matchLabels": labels})
        self.scene.kubernetes.create(elections_path(self.scene.namespace), election)

    def _are_led(self) -> bool:
        leaders = [pod.name for pod in self.scene.pods if pod.role(pod.name) == LEADER]
        routed = [name for name in leaders if self.scene.election(name).condition("Routed") == "True (Routed)"]
        return routed == _ELECTIONS


def _acts(replica: Operator) -> bool:
    return bool(replica.report()["acts"])


def _leader_of(body: Object) -> str:
    view = ElectionView(body)
    return f"the leader of {view.name}: {view.holder} in term {view.term}"


def _role_of(body: Object) -> str:
    view = PodView(body)
    return f"the role of {view.identity}: {view.role(view.name)} in term {view.term(view.name)}"


@pytest.fixture(scope="module")
def crowd(
    environment: Environment, crd: None, common_operator: Operator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Crowd]:
    common_operator.stop()
    crowd = Crowd(environment, tmp_path_factory.mktemp("crowd"))
    try:
        crowd.populate()
        yield crowd
    finally:
        crowd.close()


def test_g6_at_200_elections_no_leader_changes_when_the_replica_that_acts_is_killed(crowd: Crowd) -> None:
    with crowd.unchanged() as (acting, other):
        acting.kill()
        crowd.wait_until_it_acts_for_all(other)


def test_g6_at_200_elections_no_leader_changes_when_the_replica_that_acts_stops(crowd: Crowd) -> None:
    with crowd.unchanged() as (acting, other):
        crowd.stop(acting)
        crowd.wait_until_it_acts_for_all(other)


def test_g6_at_200_elections_no_leader_changes_when_the_replica_that_acts_is_cut_off_from_the_api(
    crowd: Crowd,
) -> None:
    with crowd.unchanged() as (acting, other):
        crowd.cut_off_from_api(acting)
        crowd.wait_until_it_acts_for_all(other)


def test_g6_at_200_elections_no_leader_changes_in_a_rolling_update_of_the_operator(crowd: Crowd) -> None:
    with crowd.unchanged() as (acting, other):
        for replica in (acting, other):
            crowd.stop(replica)
            replica.start(wait=False)
            crowd.wait_until_ready(replica)
        crowd.wait_until_it_acts_for_all(crowd.settle()[0])
