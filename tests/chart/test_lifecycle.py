"""From `helm install` to `helm uninstall`, with all that the chart can make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import yaml

from chart_support import Helm, Release
from chart_support.release import leftovers
from environment import Environment

_EVERYTHING = yaml.safe_load(Path(__file__).with_name("everything.yaml").read_text())


def test_a_release_is_installed_upgraded_and_uninstalled(
    environment: Environment, helm: Helm, make_namespace: Callable[[], str]
) -> None:
    """The API server takes each object, Pod Security the pods, and nothing is left but the CRD."""
    release = Release(environment, helm, make_namespace(), name="cycle")
    release.install()
    first = _pods(environment, release)
    assert len(first) == 2

    release.upgrade(**_EVERYTHING)

    assert len(_pods(environment, release)) == 3
    assert not first & _pods(environment, release)
    found = leftovers(environment, "cycle")
    assert len(found) >= len(release.manifest.objects)

    release.uninstall()

    assert leftovers(environment, "cycle") == [
        "customresourcedefinition.apiextensions.k8s.io/leaderelections.tenure.dev"
    ]
    assert _pods(environment, release) == set()


def test_a_service_monitor_finds_the_service(offline: Helm) -> None:
    manifest = offline.template("--set", "metrics.serviceMonitor.enabled=true,commonLabels.a=b")
    service, monitor = manifest.one("Service"), manifest.one("ServiceMonitor")
    (endpoint,) = monitor["spec"]["endpoints"]

    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}


def test_what_selects_the_operators_pods_selects_no_others(offline: Helm) -> None:
    """Another release in the same namespace has pods of its own, and the pod of `helm test` is no operator."""
    manifest = offline.template("--set", "networkPolicy.enabled=true")
    pod = manifest.one("Deployment")["spec"]["template"]["metadata"]["labels"].items()
    others = [
        offline.template(name="other").one("Deployment")["spec"]["template"]["metadata"]["labels"].items(),
        manifest.one("Pod")["metadata"]["labels"].items(),
    ]
    selectors = [
        manifest.one("Deployment")["spec"]["selector"]["matchLabels"],
        manifest.one("Service")["spec"]["selector"],
        manifest.one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        manifest.one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]

    assert [selector for selector in selectors if not selector.items() <= pod] == []
    assert [selector for selector in selectors for other in others if selector.items() <= other] == []


def test_two_releases_have_no_object_in_common(offline: Helm) -> None:
    """But for the CRD. Also not when they have the same name in two namespaces, or manage one namespace in turn."""
    releases = [
        offline.template("--set", "namespaces={shop}", name=name, namespace=namespace)
        for name, namespace in (("tenure", "a"), ("tenure", "b"), ("tenure-b", "a"), ("leases", "a"))
    ]
    objects = [
        (body["kind"], body["metadata"].get("namespace"), body["metadata"]["name"])
        for manifest in releases
        for body in manifest
        if body["kind"] != "CustomResourceDefinition"
    ]

    assert len(objects) == len(set(objects))


def _pods(environment: Environment, release: Release) -> set[str]:
    selector = f"app.kubernetes.io/instance={release.name}"
    return set(environment.kubectl("get", "pods", "-n", release.namespace, "-l", selector, "-o", "name").split())
