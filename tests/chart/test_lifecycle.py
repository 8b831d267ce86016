"""From `helm install` to `helm uninstall`, with all that the chart can make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import yaml

from chart_support import Helm, Release
from chart_support.copies import values
from chart_support.helm import Object
from chart_support.release import leftovers
from environment import Environment

_HERE = Path(__file__).parent
_EVERYTHING: Object = yaml.safe_load((_HERE / "everything.yaml").read_text())
_REST: list[Object] = list(yaml.safe_load_all((_HERE / "rest.yaml").read_text()))


def test_a_release_is_installed_upgraded_and_uninstalled(
    environment: Environment, helm: Helm, make_namespace: Callable[[], str]
) -> None:
    """The API server takes each object, Pod Security the pods, and nothing is left but the CRD."""
    release = Release(environment, helm, make_namespace(), name="cycle")
    release.install()
    first = _pods(environment, release)
    assert len(first) == 2

    release.upgrade(**_EVERYTHING)

    before = _pods(environment, release)
    assert len(before) == 3
    assert not first & before
    found = leftovers(environment, "cycle")
    assert len(found) >= len(release.manifest.objects)

    for rest in _REST:
        release.upgrade(**rest)
        present = _pods(environment, release)
        assert len(present) == 3
        assert not before & present
        before = present

    release.uninstall()

    assert leftovers(environment, "cycle") == [
        "customresourcedefinition.apiextensions.k8s.io/leaderelections.tenure.dev"
    ]
    assert _pods(environment, release) == set()


def test_the_values_of_that_release_are_all_that_are_documented() -> None:
    """Each has another value than by default at least once."""
    given = [_EVERYTHING, *_REST]
    missing = object()

    def look_up(where: object, path: list[str]) -> object:
        for name in path:
            where = where.get(name, missing) if isinstance(where, dict) else missing
        return where

    tried = {value.path: [look_up(one, value.path.split(".")) for one in given] for value in values()}

    assert [value.path for value in values() if all(one in (missing, value.default) for one in tried[value.path])] == []


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
