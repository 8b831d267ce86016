"""The chart's network policy leaves open what the operator needs, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from chart_support import Helm, Manifest, NetworkPolicy
from tenure.nats.server import parse_server

_DNS = {(protocol, port) for protocol in ("UDP", "TCP") for port in (53, 5353)}
"""The ports of Services of DNS, and of OpenShift's pods of it."""

_PEERS = [{"podSelector": {"matchLabels": {"app": "nats"}}}]
_OTHERS = [{"ipBlock": {"cidr": "10.0.0.0/8"}}]


def _policy(manifest: Manifest) -> NetworkPolicy:
    return NetworkPolicy(manifest.one("NetworkPolicy"), manifest.one("Deployment")["spec"]["template"])


def _template(offline: Helm, policy: Mapping[str, Any], *, urls: str | list[str] = "nats://nats.nats:4222") -> Manifest:
    values = {"nats": {"url": urls}, "crds": {"install": False}, "networkPolicy": {"enabled": True, **policy}}
    return offline.template(values=values)


def _variable(manifest: Manifest, name: str) -> str:
    """What the operator is told."""
    (container,) = manifest.one("Deployment")["spec"]["template"]["spec"]["containers"]
    return next(str(variable["value"]) for variable in container["env"] if variable["name"] == name)


@pytest.mark.parametrize(
    "urls",
    [
        "nats://nats.nats",
        "nats://nats.nats:14222",
        "nats.nats:14222",
        "tls://nats.nats:443/",
        "nats://nats.nats:04222",
        "nats://10.0.0.1:5222",
        "nats://[2001:db8::7222]",
        "nats://[2001:db8::7222]:5222",
        ["nats://a:6222", "tls://b", "c:8222/"],
    ],
    ids=str,
)
def test_the_operator_can_reach_dns_the_api_server_and_each_nats_server_and_no_other_port(
    offline: Helm, urls: str | list[str]
) -> None:
    """The operator's own reading of its URLs says which ports those are."""
    manifest = _template(offline, {"apiServerPorts": [443, 16443]}, urls=urls)

    servers = {("TCP", parse_server(url).port) for url in _variable(manifest, "TENURE_NATS_URL").split()}
    assert _policy(manifest).outgoing == _DNS | {("TCP", 443), ("TCP", 16443)} | servers


def test_the_api_server_can_be_reached_at_its_own_ports_by_default(offline: Helm) -> None:
    """Of its Service, and of its pod: network plugins differ in which of the two they look at."""
    assert {("TCP", 443), ("TCP", 6443)} <= _policy(_template(offline, {})).outgoing


def test_peers_narrow_their_own_ports_and_no_others(offline: Helm) -> None:
    policy = _policy(_template(offline, {"nats": _PEERS, "apiServer": _OTHERS, "apiServerPorts": [6443]}))

    assert policy.outgoing_to(_PEERS) == {("TCP", 4222)}
    assert policy.outgoing_to(_OTHERS) == {("TCP", 6443)}
    assert policy.outgoing_to([]) == _DNS


def test_the_operator_can_be_reached_where_it_listens_and_at_no_other_port(offline: Helm) -> None:
    """There its probes, its Service and the test of the release call it."""
    manifest = _template(offline, {})
    listens_at = int(_variable(manifest, "TENURE_LISTEN").rpartition(":")[2])
    (container,) = manifest.one("Deployment")["spec"]["template"]["spec"]["containers"]
    (port,) = manifest.one("Service")["spec"]["ports"]
    (_, asked) = manifest.one("Pod")["spec"]["containers"][0]["args"]

    assert _policy(manifest).incoming == {("TCP", listens_at)}
    called = {container[f"{probe}Probe"]["httpGet"]["port"] for probe in ("liveness", "readiness")}
    assert called | {port["targetPort"]} == {"http"}
    assert f":{port['port']}/" in asked


def test_whoever_may_reach_the_operator_the_test_of_the_release_may(offline: Helm) -> None:
    manifest = _template(offline, {"from": _PEERS})
    (rule,) = manifest.one("NetworkPolicy")["spec"]["ingress"]

    peer, tester = rule["from"]
    assert peer == _PEERS[0]
    assert tester["podSelector"]["matchLabels"].items() <= manifest.one("Pod")["metadata"]["labels"].items()
    assert "namespaceSelector" not in tester
