"""Endpoints that the operator writes: at every moment exactly one."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from cluster_support import MakeOperator, Scene
from cluster_support.follower import Follower
from cluster_support.kubernetes import Object, elections_path, pods_path, slices_path
from cluster_support.scene import SHORT, role_key

_SWITCHOVERS = 100
_TERM = "tenure.dev/term"


class Reader:
    """Follows every event of a Service's EndpointSlices, as a proxy does, and notes what it may connect to."""

    def __init__(self, scene: Scene, service: str) -> None:
        self.seen: list[tuple[int, list[str]]] = []
        """For each event, the term in the slice that it was about (0 when it is gone), and all ready addresses."""
        self.gaps_s: list[float] = []
        """How long there was no address, each time that there had been one before and was one afterwards."""
        self._service = service
        self._none_since_s: float | None = None
        self._follower = Follower(scene.kubernetes, slices_path(scene.namespace), self._see, scene.watchers.news)

    def _see(self, before: Object | None, after: Object | None, objects: Mapping[str, Object]) -> None:
        if service_of(after or before or {}) != self._service:
            return
        now_s = time.monotonic()
        annotations = (after or {"metadata": {}})["metadata"].get("annotations") or {}
        addresses = [one for body in objects.values() if service_of(body) == self._service for one in ready(body)]
        if addresses and self._none_since_s is not None:
            self.gaps_s.append(now_s - self._none_since_s)
            self._none_since_s = None
        elif not addresses and self.seen and self.seen[-1][1]:
            self._none_since_s = now_s
        self.seen.append((int(annotations.get(_TERM, 0)), addresses))

    def catch_up(self) -> None:
        self._follower.catch_up()

    def stop(self) -> None:
        self._follower.stop()

    def __str__(self) -> str:
        median_ms, longest_ms = (1000 * of(self.gaps_s or [0]) for of in (statistics.median, max))
        return (
            f"{self._service}: {len(self.seen)} events, {len(self.gaps_s)} gaps, "
            f"median {median_ms:.0f} ms, longest {longest_ms:.0f} ms"
        )


def service_of(body: Object) -> str | None:
    """The Service that a slice is of."""
    return (body.get("metadata", {}).get("labels") or {}).get("kubernetes.io/service-name")


def ready(body: Object) -> list[str]:
    """The addresses of a slice that take connections."""
    return [
        address
        for endpoint in body.get("endpoints") or ()
        if endpoint["conditions"]["ready"]
        for address in endpoint["addresses"]
    ]


@pytest.fixture
def follow(scene: Scene) -> Iterator[Callable[[str], Reader]]:
    """Begins to follow the slices of a Service."""
    with contextlib.ExitStack() as stack:

        def begin(service: str) -> Reader:
            reader = Reader(scene, service)
            stack.callback(reader.stop)
            return reader

        yield begin


def _services(scene: Scene) -> str:
    return f"/api/v1/namespaces/{scene.namespace}/services"


def _serve(scene: Scene, name: str, **spec: Any) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8080}], **spec},
    }
    scene.kubernetes.create(_services(scene), body)


def _slices(scene: Scene, service: str) -> list[Object]:
    listed = scene.kubernetes.get(slices_path(scene.namespace))["items"]
    return [body for body in listed if service_of(body) == service]


def _switch_over(scene: Scene, asked_id: str) -> None:
    before = scene.election().term
    change = {"spec": {"switchover": {"id": asked_id}}}
    scene.kubernetes.patch(elections_path(scene.namespace, "web"), change)
    scene.wait(
        lambda: scene.election().term > before and scene.election().condition("Routed") == "True (Routed)",
        f"switchover {asked_id} is made",
    )


def _wait_for_refusal(scene: Scene, message: str) -> None:
    scene.wait(
        lambda: (
            (scene.election().condition("Routed"), scene.election().message("Routed"))
            == ("False (ServiceRefused)", message)
        ),
        f"Routed says: {message}",
    )
    scene.wait(lambda: ("ServiceRefused", message) in scene.told(), f"an event says: {message}")


def _wait_for_addresses(scene: Scene, service: str, wanted: dict[str, list[str]]) -> None:
    scene.wait(
        lambda: {body["addressType"]: ready(body) for body in _slices(scene, service)} == wanted,
        f"the slices of {service} have {wanted}",
    )


def test_a_reader_sees_exactly_one_address_at_every_moment_of_a_hundred_switchovers(
    scene: Scene, make_operator: MakeOperator, follow: Callable[[str], Reader]
) -> None:
    """And of a Service that selects the leader label never two. docs/endpoint-slices.md has what `pytest -s` shows."""
    make_operator("--endpoint-slices").start()
    scene.run_pods(3)
    _serve(scene, "web-direct")
    _serve(scene, "web-leader", selector={"app": "web", role_key(): "leader"})
    direct, by_label = follow("web-direct"), follow("web-leader")
    scene.elect(routing={"services": ["web-direct"]})
    scene.wait_for_leader()

    for n in range(_SWITCHOVERS):
        _switch_over(scene, f"id-{n}")

    leader = scene.leader()
    assert leader is not None
    _wait_for_addresses(scene, "web-leader", {"IPv4": [leader.address]})
    direct.catch_up()
    by_label.catch_up()
    print(f"\n{by_label}\n{direct}")
    terms = [term for term, _ in direct.seen]
    assert {len(addresses) for _, addresses in direct.seen} == {1}
    assert terms == sorted(terms)
    assert (terms[0], terms[-1]) == (1, _SWITCHOVERS + 1)
    by_term = {term: addresses[0] for term, addresses in direct.seen}
    assert by_term.keys() == set(range(1, _SWITCHOVERS + 2))
    assert all(by_term[term] != by_term[term + 1] for term in range(1, _SWITCHOVERS + 1))
    assert by_term[terms[-1]] == leader.address
    assert {len(addresses) for _, addresses in by_label.seen} <= {0, 1}
    assert by_label.seen[-1][1] == [leader.address]


def test_a_slice_has_the_ports_by_name_and_follows_the_leader_the_service_and_the_spec(
    scene: Scene, make_operator: MakeOperator
) -> None:
    make_operator("--endpoint-slices").start()
    container = {"name": "main", "image": "none", "ports": [{"name": "web", "containerPort": 8443}]}
    pod = {"metadata": {"name": "first", "labels": {"app": "web"}}, "spec": {"containers": [container]}}
    scene.kubernetes.create(pods_path(scene.namespace), pod)
    _serve(scene, "one", ports=[{"name": "https", "port": 443, "targetPort": "web"}])
    _serve(scene, "two", clusterIP="None")
    scene.elect(lease=SHORT, routing={"services": ["one", "two"]})
    leader = scene.wait_for_leader()

    (one,) = _slices(scene, "one")
    assert (ready(one), one["addressType"]) == ([leader.address], "IPv4")
    assert [(port["name"], port["port"], port["protocol"]) for port in one["ports"]] == [("https", 8443, "TCP")]
    assert one["endpoints"][0]["targetRef"]["uid"] == leader.uid
    assert one["metadata"]["ownerReferences"][0]["kind"] == "LeaderElection"
    # Kubernetes gives a headless Service without a selector both families, and a slice has one.
    two = {body["addressType"]: ready(body) for body in _slices(scene, "two")}
    assert two == {"IPv4": [leader.address], "IPv6": []}

    # What somebody else changes or deletes is mended, and a port that changes is followed.
    path = f"{slices_path(scene.namespace)}/{one['metadata']['name']}"
    scene.kubernetes.patch(path, {"endpoints": []})
    scene.wait(lambda: [ready(body) for body in _slices(scene, "one")] == [[leader.address]], "the slice is mended")
    scene.kubernetes.delete(path)
    scene.wait(lambda: [ready(body) for body in _slices(scene, "one")] == [[leader.address]], "the slice is back")
    scene.kubernetes.patch(path, {"metadata": {"annotations": {_TERM: "999"}}, "endpoints": []})
    scene.wait(lambda: [ready(body) for body in _slices(scene, "one")] == [[leader.address]], "a forged term is mended")
    scene.kubernetes.patch(
        f"{_services(scene)}/two", {"spec": {"ports": [{"name": "http", "port": 80, "targetPort": 81}]}}
    )
    scene.wait(lambda: {body["ports"][0]["port"] for body in _slices(scene, "two")} == {81}, "the port is followed")

    # A leader that is not Ready takes no connections, and one that is gone has no endpoint.
    scene.set_ready(leader, ready=False)
    scene.wait(lambda: [ready(body) for body in _slices(scene, "one")] == [[]], "it is not ready")
    scene.delete_pod(leader)
    scene.wait(lambda: [body.get("endpoints") for body in _slices(scene, "one")] in ([None], [[]]), "it is gone")

    scene.change(routing={"services": ["two"]})
    scene.wait(lambda: not _slices(scene, "one"), "the slice of a Service that is not named any more is gone")
    scene.delete_election()
    # Kubernetes' garbage collector looks for new kinds twice a minute.
    scene.wait(lambda: not _slices(scene, "two"), "the slices go with the election", timeout_s=75)


def test_each_family_has_a_slice_with_the_leaders_address_of_it(scene: Scene, make_operator: MakeOperator) -> None:
    make_operator("--endpoint-slices").start()
    scene.run_pods(2)
    by_family = {}
    for n, pod in enumerate(scene.pods):
        by_family[pod.uid] = {"IPv4": [pod.address], "IPv6": [f"fd00::{n + 1}"]}
        both = [{"ip": pod.address}, {"ip": f"fd00::{n + 1}"}]
        scene.kubernetes.patch(f"{pods_path(scene.namespace, pod.name)}/status", {"status": {"podIPs": both}})
    _serve(scene, "both", clusterIP="None", ipFamilyPolicy="RequireDualStack")
    scene.elect(lease=SHORT, routing={"services": ["both"]})
    leader = scene.wait_for_leader()

    _wait_for_addresses(scene, "both", by_family[leader.uid])
    _switch_over(scene, "one")
    _wait_for_addresses(scene, "both", by_family[scene.wait_for_leader(but=leader).uid])


def test_a_service_that_cannot_be_routed_is_refused_with_what_to_do_and_the_others_are_routed(
    scene: Scene, make_operator: MakeOperator
) -> None:
    make_operator("--endpoint-slices").start()
    scene.run_pods(2)
    _serve(scene, "good")
    scene.elect(lease=SHORT, routing={"services": ["good", "web"]})

    _wait_for_refusal(scene, "There is no Service web: create it, without a selector.")
    leader = scene.leader()
    assert leader is not None
    assert [ready(body) for body in _slices(scene, "good")] == [[leader.address]]

    _serve(scene, "web", selector={role_key(): "leader"})
    _wait_for_refusal(
        scene, "Service web has a selector, by which Kubernetes writes its endpoints: take the selector away."
    )
    scene.kubernetes.delete(f"{_services(scene)}/web")
    foreign: Object = {
        "metadata": {"name": "web-tenure-ipv4", "labels": {"endpointslice.kubernetes.io/managed-by": "somebody"}},
        "addressType": "IPv4",
        "endpoints": [],
    }
    scene.wait(lambda: not _slices(scene, "web"), "the slices of Kubernetes' own controller are gone")
    scene.kubernetes.create(slices_path(scene.namespace), foreign)
    _serve(scene, "web")
    _wait_for_refusal(
        scene, "EndpointSlice web-tenure-ipv4 belongs to somebody else: delete it, or rename the Service."
    )
    taken = scene.kubernetes.get(f"{slices_path(scene.namespace)}/web-tenure-ipv4")
    assert taken["metadata"]["labels"] == {"endpointslice.kubernetes.io/managed-by": "somebody"}
    assert not taken.get("endpoints")

    scene.kubernetes.delete(f"{slices_path(scene.namespace)}/web-tenure-ipv4")
    scene.change(switchover={"id": "one"})
    second = scene.wait_for_leader(but=leader)
    assert [ready(body) for body in _slices(scene, "web")] == [[second.address]]

    stray: Object = {
        "metadata": {"name": "stray", "labels": {"kubernetes.io/service-name": "good"}},
        "addressType": "IPv4",
        "endpoints": [],
    }
    scene.kubernetes.create(slices_path(scene.namespace), stray)
    scene.change(switchover={"id": "two"})
    _wait_for_refusal(
        scene, "Service good has other endpoints: delete EndpointSlice stray, which is managed by nobody."
    )
    assert [leader.address] in [ready(body) for body in _slices(scene, "good")]


def test_an_operator_that_writes_no_slices_says_so(scene: Scene, make_operator: MakeOperator) -> None:
    make_operator().start()
    scene.run_pods(1)
    scene.elect(lease=SHORT, routing={"services": ["web"]})

    _wait_for_refusal(
        scene,
        "This operator writes no EndpointSlices: start it with --endpoint-slices, or take spec.routing.services away.",
    )
    assert scene.leader() is not None
