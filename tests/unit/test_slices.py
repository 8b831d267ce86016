"""What an EndpointSlice of a leader says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from model.api_server import NAMESPACE, PODS, SERVICES, SLICES, Answer, ApiServer
from model.served_client import ServedClient
from tenure.api import GROUP, KIND, VERSION
from tenure.api.resource import parse_resource
from tenure.election.effects import RouteServices
from tenure.election.inputs import ServicesRouted
from tenure.election.pod import PodRef
from tenure.kubernetes import slices
from tenure.kubernetes.client import Lane
from unit.virtual_time import run


def _pod(*addresses: str, ready: bool = True, phase: str = "Running", **metadata: Any) -> dict[str, Any]:
    ports = [{"name": "web", "containerPort": 8080}, {"name": "dns", "containerPort": 53, "protocol": "UDP"}]
    return {
        "metadata": {"namespace": "shop", "name": "web-0", "uid": "a", **metadata},
        "spec": {
            "nodeName": "node-1",
            "containers": [{"name": "main", "ports": ports}],
            "initContainers": [{"name": "proxy", "ports": [{"name": "mesh", "containerPort": 15001}]}],
        },
        "status": {
            "phase": phase,
            "podIPs": [{"ip": address} for address in addresses],
            "conditions": [{"type": "Ready", "status": str(ready)}],
        },
    }


def _service(*ports: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "web"}, "spec": {"ports": list(ports), **spec}}


_DUAL = _pod("10.0.0.1", "fd00::1")


@pytest.mark.parametrize(
    ("pod", "family", "addresses"),
    [
        pytest.param(_DUAL, "IPv4", [["10.0.0.1"]], id="the IPv4 address"),
        pytest.param(_DUAL, "IPv6", [["fd00::1"]], id="the IPv6 address"),
        pytest.param(_pod("10.0.0.1"), "IPv6", [], id="a pod without an address of the family"),
        pytest.param(_pod(), "IPv4", [], id="a pod that has no address yet"),
        pytest.param(_pod("10.0.0.1", phase="Succeeded"), "IPv4", [], id="a pod that has ended"),
        pytest.param(None, "IPv4", [], id="nobody"),
    ],
)
def test_a_slice_has_one_address_of_its_family_or_none(pod: Any, family: str, addresses: list[list[str]]) -> None:
    assert [endpoint["addresses"] for endpoint in slices._endpoints(pod, family)] == addresses


def test_an_endpoint_says_whether_its_pod_is_ready_and_which_pod_it_is() -> None:
    (endpoint,) = slices._endpoints(_pod("10.0.0.1", ready=False), "IPv4")

    assert endpoint["conditions"] == {"ready": False, "serving": False, "terminating": False}
    assert (endpoint["nodeName"], endpoint["targetRef"]["uid"]) == ("node-1", "a")


def test_a_leader_that_is_being_deleted_takes_the_traffic_until_another_one_leads() -> None:
    (endpoint,) = slices._endpoints(_pod("10.0.0.1", deletionTimestamp="2026-01-01T00:00:00Z"), "IPv4")

    assert endpoint["conditions"]["ready"] is True


@pytest.mark.parametrize(
    ("port", "resolved"),
    [
        pytest.param({"port": 80}, ("", 80, "TCP"), id="the Service's own"),
        pytest.param({"name": "http", "port": 80, "targetPort": 8000}, ("http", 8000, "TCP"), id="by number"),
        pytest.param({"port": 80, "targetPort": "web"}, ("", 8080, "TCP"), id="by name"),
        pytest.param({"port": 80, "targetPort": "mesh"}, ("", 15001, "TCP"), id="by the name of a sidecar's"),
        pytest.param({"port": 53, "protocol": "UDP", "targetPort": "dns"}, ("", 53, "UDP"), id="of another protocol"),
    ],
)
def test_the_ports_are_those_of_the_pod(port: dict[str, Any], resolved: tuple[str, int, str]) -> None:
    ports, lacking = slices._resolve_ports(_service(port), _DUAL)

    assert [(one["name"], one["port"], one["protocol"]) for one in ports] == [resolved]
    assert lacking == []


def test_a_protocol_of_the_application_is_handed_on() -> None:
    ports, _ = slices._resolve_ports(_service({"port": 80, "appProtocol": "kubernetes.io/h2c"}), _DUAL)

    assert ports[0]["appProtocol"] == "kubernetes.io/h2c"


@pytest.mark.parametrize("port", [{"targetPort": "admin"}, {"targetPort": "dns"}])
def test_a_port_that_the_pod_lacks_is_left_out_and_reported(port: dict[str, Any]) -> None:
    ports, lacking = slices._resolve_ports(_service({"port": 80, **port}, {"port": 81}), _DUAL)

    assert [one["port"] for one in ports] == [81]
    sentence = "Service web names the port {}, which web-0 lacks: name one of its containers' ports, or give a number."
    assert lacking == [sentence.format(port["targetPort"])]
    assert slices._resolve_ports(_service({"port": 80, **port}), None) == ([], []), "nobody lacks nothing"


@pytest.mark.parametrize(
    ("spec", "objection"),
    [
        pytest.param({}, None, id="without a selector"),
        pytest.param({"selector": {}}, None, id="an empty selector is none"),
        pytest.param(
            {"selector": {"app": "web"}},
            "Service web has a selector, by which Kubernetes writes its endpoints: take the selector away.",
            id="with a selector",
        ),
        pytest.param(
            {"type": "ExternalName"},
            "Service web is an ExternalName, which has no endpoints: give it another type.",
            id="ExternalName",
        ),
    ],
)
def test_which_services_can_be_routed(spec: dict[str, Any], objection: str | None) -> None:
    assert slices._object_to(_service(**spec)) == objection


@pytest.mark.parametrize(
    ("labels", "is_ours"),
    [
        ({slices.MANAGED_BY: "tenure.dev", slices.ELECTION: "web"}, True),
        ({slices.MANAGED_BY: "tenure.dev", slices.ELECTION: "other"}, False),
        ({slices.MANAGED_BY: "somebody", slices.ELECTION: "web"}, False),
        (None, False),
    ],
)
def test_whose_a_slice_is(labels: dict[str, str] | None, is_ours: bool) -> None:
    assert slices.is_of({"metadata": {"labels": labels}}, "web") is is_ours


class _Routed:
    """The Service `web` of an election, whose pod web-0 leads in term 3, on a modelled API server."""

    def __init__(self) -> None:
        self.server = ApiServer(lambda: 0.0)
        self.server.put(PODS, _pod("10.0.0.1"))
        self.server.put(SERVICES, {**_service({"port": 80}), "metadata": {"name": "web", "uid": "s"}})
        self._election = parse_resource(
            {
                "apiVersion": f"{GROUP}/{VERSION}",
                "kind": KIND,
                "metadata": {"name": "web", "namespace": NAMESPACE, "uid": "e", "resourceVersion": "1"},
                "spec": {"selector": {"matchLabels": {"app": "web"}}},
            }
        )

    def route(self, *services: str) -> ServicesRouted:
        """Route while nothing comes through that can wait, such as events."""
        client = ServedClient(self.server)
        client._lanes[Lane.BULK] = asyncio.Semaphore(0)
        wanted = RouteServices(services or ("web",), 3, PodRef("web-0", "a"), is_ready=True)
        return run(slices.route_services(client, self._election, wanted))

    @property
    def slice(self) -> dict[str, Any]:
        """The one slice that there is."""
        (stored,) = self.server.objects(SLICES).values()
        return stored.body

    def change_metadata(self, **metadata: Any) -> None:
        self.server.put(SLICES, {**self.slice, "metadata": self.slice["metadata"] | metadata})


def test_a_slice_whose_annotations_were_all_taken_off_is_repaired() -> None:
    routed = _Routed()
    routed.route()
    metadata = {name: content for name, content in routed.slice["metadata"].items() if name != "annotations"}
    routed.server.put(SLICES, {**routed.slice, "metadata": metadata})

    assert routed.route().refusals == ()
    assert routed.slice["metadata"]["annotations"] == {slices.TERM: "3"}


def test_a_slice_of_ours_that_only_its_creation_finds_is_none_of_somebody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is made between the list and the creation: by another operator, or by a request that had no answer in time."""
    routed = _Routed()
    routed.route()
    routed.server.put(SLICES, {**routed.slice, "endpoints": []})

    async def list_none(*_: Any) -> list[dict[str, Any]]:
        return []

    monkeypatch.setattr(slices, "_list_ours", list_none)
    labels = routed.slice["metadata"]["labels"]
    routed.change_metadata(labels=labels | {slices.SERVICE_NAME: "seen by no list"})

    assert routed.route().refusals == ()
    assert [endpoint["addresses"] for endpoint in routed.slice["endpoints"]] == [["10.0.0.1"]]
    routed.change_metadata(labels={**labels, slices.SERVICE_NAME: "seen by no list", slices.MANAGED_BY: "somebody"})
    assert routed.route().refusals == (
        "EndpointSlice web-tenure-ipv4 belongs to somebody else: delete it, or rename the Service.",
    )


def test_a_slice_that_is_gone_when_what_its_creation_has_found_is_read_is_made_at_the_next_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    routed = _Routed()
    routed.server.put(SLICES, {"metadata": {"name": "web-tenure-ipv4", "uid": "of somebody else"}})
    serve = routed.server.serve

    def vanish(method: str, path: str, query: Mapping[str, str], body: Any) -> Answer:
        if method == "GET" and path.endswith("/web-tenure-ipv4"):
            routed.server.remove(SLICES, "web-tenure-ipv4")
        return serve(method, path, query, body)

    monkeypatch.setattr(routed.server, "serve", vanish)

    first, second = routed.route(), routed.route()

    assert (first.refusals, first.is_done) == ((), False)
    assert second.is_done
    assert [endpoint["addresses"] for endpoint in routed.slice["endpoints"]] == [["10.0.0.1"]]


def test_what_nobody_foresaw_of_one_service_keeps_no_other_from_the_leader(caplog: pytest.LogCaptureFixture) -> None:
    routed = _Routed()
    routed.server.put(SERVICES, {"metadata": {"name": "odd", "uid": "o"}})

    assert routed.route("odd", "web").refusals == ("Service odd cannot be routed: the operator's log says why.",)
    assert [endpoint["addresses"] for endpoint in routed.slice["endpoints"]] == [["10.0.0.1"]]
    assert "KeyError: 'spec'" in caplog.text
