"""A release at work: the operator runs with the account of the chart alone, and policies guard the labels."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chart_support import ROOT, Helm, InstalledOperator, NetworkPolicy, Object, Release, Requests, connections
from cluster_support import FORGER, Bucket, Refused, Scene
from cluster_support.kubernetes import pods_path, slices_path
from environment import Environment, EnvironmentFailed, wait_until
from tenure.nats.server import parse_server

ROLE, TERM = "role.tenure.dev/web", "term.tenure.dev/web"


@dataclass(frozen=True)
class Installed:
    """A release, its operator, and a namespace that it manages, in which one of the pods web-0 to web-2 leads."""

    release: Release
    operator: InstalledOperator
    scene: Scene
    is_for_all: bool


@pytest.fixture(scope="module", params=[True, False], ids=["all namespaces", "one namespace"])
def installed(
    request: pytest.FixtureRequest,
    environment: Environment,
    helm: Helm,
    make_namespace: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installed]:
    """A release for all namespaces, and after it another one for one namespace."""
    environment.kubectl("apply", "-f", str(ROOT / "crds" / "leaderelections.yaml"))
    path = "/apis/tenure.dev/v1alpha1/leaderelections"
    wait_until(lambda: environment.control_plane.api.request("GET", path)[0] == 200, "LeaderElections are served")
    scene = Scene(environment)
    namespaces = [] if request.param else [scene.namespace]
    release = Release(environment, helm, make_namespace(), namespaces=namespaces, crds={"install": False})
    release.install()
    operator = release.operator(tmp_path_factory.mktemp("operator"))
    operator.start()
    scene.run_pods(3)
    scene.elect()
    scene.wait_for_leader()
    scene.wait(lambda: len(scene.followers()) == 2, "the others are followers")
    scene.wait(lambda: _is_refused(lambda: _create(scene, {ROLE: "leader"}, dry_run=True)), "the policies are in force")
    yield Installed(release, operator, scene, is_for_all=request.param)
    operator.stop()
    operator.check()
    scene.close()
    release.uninstall()


def test_the_operator_needs_what_it_is_permitted_and_nothing_else(
    installed: Installed, environment: Environment, audit_log: Path
) -> None:
    """Whatever it has to do with the API, it does here; the audit log tells which permissions that took."""
    _hand_over(installed.scene)
    _lose_a_leader_unseen(installed)
    _lose_the_record(installed.scene, Bucket(environment.nats_url, "leader-elections"))
    _forge_a_term(installed, environment)

    requests, granted = Requests.by_audit_log(audit_log, installed.release.user), installed.release.permissions
    assert requests.forbidden == set()
    assert requests.used(granted) == granted


def test_so_it_is_with_what_only_the_options_need(
    installed: Installed, environment: Environment, audit_log: Path, tmp_path: Path
) -> None:
    """The roles permit more with the values for EndpointSlices and cordoned nodes: all of that is needed as well."""
    without = installed.release.permissions
    installed.operator.stop()
    installed.release.upgrade(endpointSlices=True, leaveCordonedNodes=True)
    operator = installed.release.operator(tmp_path)
    operator.start()
    _route_a_service(installed.scene)
    operator.stop()
    operator.check()

    requests, granted = Requests.by_audit_log(audit_log, installed.release.user), installed.release.permissions
    installed.operator.start()
    assert {resource for _, _, resource, _ in granted - without} == {"services", "endpointslices", "nodes"}
    assert requests.forbidden == set()
    assert requests.used(granted) >= granted - without


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the connections of a process")
def test_the_operator_connects_to_nothing_that_the_network_policy_keeps_from_it(
    installed: Installed, environment: Environment
) -> None:
    """By all connections that it has. The policy is read from the API server, with the ports that it has here."""
    api = environment.control_plane.api.port
    installed.release.upgrade(networkPolicy={"enabled": True, "apiServerPorts": [api]})
    path = f"/apis/networking.k8s.io/v1/namespaces/{installed.release.namespace}/networkpolicies/tenure"
    policy = NetworkPolicy(installed.scene.kubernetes.get(path), installed.release.deployment["spec"]["template"])

    reached = connections(installed.operator.process.pid)

    assert {api, parse_server(environment.nats_url).port} <= reached
    assert {("TCP", port) for port in reached} <= policy.outgoing


def _route_a_service(scene: Scene) -> None:
    """Its slice is made, changed, and taken away."""
    path = f"{slices_path(scene.namespace)}?labelSelector=kubernetes.io/service-name=routed"

    def pods() -> list[str]:
        slices = scene.kubernetes.get(path)["items"]
        return [endpoint["targetRef"]["name"] for body in slices for endpoint in body.get("endpoints") or ()]

    service = {"metadata": {"name": "routed"}, "spec": {"ports": [{"port": 80}], "ipFamilies": ["IPv4"]}}
    scene.kubernetes.create(f"/api/v1/namespaces/{scene.namespace}/services", service)
    scene.change(routing={"services": ["routed"]})
    leader = scene.wait_for_leader()
    scene.wait(lambda: pods() == [leader.name], "the slice is made")
    scene.delete_pod(leader)
    successor = scene.wait_for_leader(but=leader)
    scene.wait(lambda: pods() == [successor.name], "the slice follows")
    scene.change(routing=None)
    scene.wait(lambda: not scene.kubernetes.get(path)["items"], "the slice is taken away")


def _hand_over(scene: Scene) -> None:
    leader = scene.wait_for_leader()
    scene.delete_pod(leader)
    scene.wait_for_leader(but=leader)
    scene.wait(lambda: len(scene.followers()) == 2, "the others are followers")
    scene.wait(lambda: {"LeaderElected", "LeaderLost"} <= {event["reason"] for event in scene.events()}, "events")


def _lose_a_leader_unseen(installed: Installed) -> None:
    """The operator finds a lease of a pod that nobody has told it of."""
    scene, leader = installed.scene, installed.scene.wait_for_leader()
    installed.operator.stop()
    scene.kubernetes.delete(f"{pods_path(scene.namespace, leader.name)}?gracePeriodSeconds=0")
    installed.operator.start()
    scene.wait_for_leader(but=leader)


def _lose_the_record(scene: Scene, bucket: Bucket) -> None:
    term = scene.election().term
    bucket.purge(f"{scene.namespace}.web")
    scene.wait_for_leader(after=term)


def _forge_a_term(installed: Installed, environment: Environment) -> None:
    """By the operator's account, since nobody else can: whether a term is forged, the resource tells."""
    scene = installed.scene
    change = {"metadata": {"labels": {TERM: "999999"}}}
    version = "--output=jsonpath={.metadata.resourceVersion}"
    forged = int(_patch_as_operator(installed, environment, change, f"--field-manager={FORGER}", version))
    scene.wait(
        lambda: (
            int(scene.pod("web-0").body["metadata"]["resourceVersion"]) > forged
            and scene.pod("web-0").term() == str(scene.election().term)
        ),
        "the forged term was there, and is corrected",
    )


def _create(scene: Scene, labels: dict[str, str], *, namespace: str = "", dry_run: bool = False) -> None:
    pod = {
        "metadata": {"name": "forged", "labels": labels},
        "spec": {"containers": [{"name": "main", "image": "none"}]},
    }
    scene.kubernetes.create(pods_path(namespace or scene.namespace) + ("?dryRun=All" if dry_run else ""), pod)


def _bind(scene: Scene, path: str, labels: dict[str, str]) -> None:
    """Bind the pod web-0, which has a node already, so that this fails in any case: the question is with what."""
    binding = {"metadata": {"name": "web-0", "labels": labels}, "target": {"kind": "Node", "name": "node-1"}}
    scene.kubernetes.create(path.format(namespace=scene.namespace), binding)


def _patch(scene: Scene, part: str, change: Object) -> None:
    scene.kubernetes.patch(pods_path(scene.namespace, "web-0") + part, change)


WAYS = {
    "a pod": lambda scene, labels: _patch(scene, "", {"metadata": {"labels": labels}}),
    "its status": lambda scene, labels: _patch(scene, "/status", {"metadata": {"labels": labels}}),
    "its binding": lambda scene, labels: _bind(scene, "/api/v1/namespaces/{namespace}/pods/web-0/binding", labels),
    "a binding": lambda scene, labels: _bind(scene, "/api/v1/namespaces/{namespace}/bindings", labels),
    "a new pod": lambda scene, labels: _create(scene, {key: value for key, value in labels.items() if value}),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("labels", [{ROLE: "king"}, {TERM: "999"}, {"role.tenure.dev/other": "follower"}], ids=str)
def test_a_forged_label_is_refused_on_every_way(installed: Installed, way: str, labels: dict[str, str]) -> None:
    """Not even an administrator writes it."""
    with pytest.raises(Refused) as refused:
        WAYS[way](installed.scene, labels)

    assert refused.value.status == 403
    assert f"only the operator of Tenure writes the label {next(iter(labels))}: leave it as it is" in str(refused.value)


@pytest.mark.parametrize("way", ["a pod", "its status"])
@pytest.mark.parametrize("label", [ROLE, TERM])
def test_a_label_that_is_taken_off_is_refused(installed: Installed, way: str, label: str) -> None:
    with pytest.raises(Refused, match=f"403: .*only the operator of Tenure writes the label {label}"):
        WAYS[way](installed.scene, {label: None})


def test_all_else_of_a_pod_is_everybodys(installed: Installed) -> None:
    """Kubelets, controllers and people write pods all the time, and leave the labels of elections as they are."""
    scene = installed.scene
    labels = scene.pod("web-0").labels
    assert ROLE in labels

    _patch(scene, "", {"metadata": {"labels": {"mine": "1"}, "annotations": {"mine": "1"}, "finalizers": ["a.b/c"]}})
    _patch(scene, "/status", {"metadata": {"labels": {"mine": "2"}}, "status": {"message": "all is well"}})
    _patch(scene, "", {"metadata": {"labels": {ROLE: labels[ROLE], "mine": None}, "finalizers": []}})
    _create(scene, {"app": "other", "role.tenure.dev": "leader", "tenure.dev/role.web": "leader"})
    scene.kubernetes.delete(pods_path(scene.namespace, "forged"))

    for path in ("/api/v1/namespaces/{namespace}/pods/web-0/binding", "/api/v1/namespaces/{namespace}/bindings"):
        with pytest.raises(Refused, match=r"409: .*already assigned to node"):
            _bind(scene, path, {"mine": "3"})


MISUSE: dict[str, Object] = {
    "an image": {"spec": {"containers": [{"name": "main", "image": "evil"}]}},
    "a deadline": {"spec": {"activeDeadlineSeconds": 1}},
    "an annotation": {"metadata": {"annotations": {"a": "b"}}},
    "another label": {"metadata": {"labels": {"app": "other"}}},
    "another label, beside one of its own": {"metadata": {"labels": {"app": None, ROLE: "follower"}}},
    "a finalizer": {"metadata": {"finalizers": ["a.b/c"]}},
    "an owner": {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}]}},
}


@pytest.mark.parametrize("what", MISUSE)
def test_the_operators_account_can_change_nothing_but_its_labels(
    installed: Installed, environment: Environment, what: str
) -> None:
    """Somebody has got hold of it."""
    with pytest.raises(EnvironmentFailed, match="the operator of Tenure may change nothing of a pod but its labels"):
        _patch_as_operator(installed, environment, MISUSE[what], "--dry-run=server")


def test_the_operators_account_can_change_its_labels(installed: Installed, environment: Environment) -> None:
    change = {"metadata": {"labels": {ROLE: None, TERM: "77", "role.tenure.dev/other": "x"}}}
    _patch_as_operator(installed, environment, change, "--dry-run=server")


def _patch_as_operator(installed: Installed, environment: Environment, change: Object, *flags: str) -> str:
    return environment.kubectl(
        "patch", "pod", "web-0", "--namespace", installed.scene.namespace, "--as", installed.release.user,
        "--type=strategic", "--patch", json.dumps(change), *flags,
    )  # fmt: skip


def test_the_policies_are_bound_to_the_releases_namespaces(installed: Installed) -> None:
    forge = functools.partial(_create, installed.scene, {ROLE: "leader"}, namespace="default", dry_run=True)

    assert _is_refused(forge) == installed.is_for_all


def test_helm_test_asks_the_operator(installed: Installed) -> None:
    """There is no kubelet here: the test's own command is run, with the operator's address in the place of DNS."""
    scene, release = installed.scene, installed.release
    said: list[str] = []
    testing = threading.Thread(target=lambda: said.append(release.test()))
    testing.start()
    path = pods_path(release.namespace, f"{release.name}-test")
    scene.wait(lambda: scene.kubernetes.find(path), "the pod of the test is there")
    pod = scene.kubernetes.get(path)

    asked = _run_test(pod, installed.operator.listens_on)
    scene.kubernetes.patch(f"{path}/status", {"status": {"phase": "Failed" if asked.returncode else "Succeeded"}})
    testing.join()

    assert (asked.returncode, asked.stdout) == (0, f"http://{installed.operator.listens_on}/readyz: ok\n")
    assert "Phase:          Succeeded" in said[0]
    assert scene.kubernetes.find(path) is None


def test_helm_test_says_what_is_wrong(offline: Helm) -> None:
    pod = offline.template().one("Pod")

    asked = _run_test(pod, "127.0.0.1:1", prelude="import time; time.sleep = lambda _: None")

    assert (asked.returncode, asked.stderr) == (1, "The operator is not ready.\n")
    assert "127.0.0.1:1/readyz: <urlopen error [Errno 111] Connection refused>" in asked.stdout


def _run_test(pod: Object, address: str, *, prelude: str = "") -> subprocess.CompletedProcess[str]:
    container = pod["spec"]["containers"][0]
    program, url = container["args"]
    assert container["command"] == ["python", "-I", "-c"]
    assert url == f"http://tenure.{pod['metadata']['namespace']}.svc:8080/readyz"
    command = [sys.executable, "-I", "-c", f"{prelude}\n{program}", f"http://{address}/readyz"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("role", "may", "may_not"), [
    ("view", ["get", "list", "watch"], ["create", "update", "patch", "delete"]),
    ("edit", ["get", "list", "watch", "create", "update", "patch", "delete"], []),
])  # fmt: skip
def test_who_may_view_or_edit_a_namespace_may_view_or_edit_its_elections(
    installed: Installed, environment: Environment, role: str, may: list[str], may_not: list[str]
) -> None:
    namespace = installed.scene.namespace
    environment.kubectl("create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}", "-n", namespace)

    def can(verb: str, *part: str) -> bool:
        asked = ("auth", "can-i", verb, "leaderelections.tenure.dev", *part, "-n", namespace, f"--as={role}")
        try:
            return environment.kubectl(*asked) == "yes\n"
        except EnvironmentFailed:
            return False

    installed.scene.wait(lambda: all(can(verb) for verb in may), "the roles are aggregated")
    assert [verb for verb in may_not if can(verb)] == []
    assert not can("patch", "--subresource=status")


def _is_refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except Refused as refused:
        return refused.status == 403
    return False
