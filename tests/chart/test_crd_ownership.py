"""One CRD for a whole cluster, and several who might bring it: in each order it works as the chart's notes say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chart_support import ROOT, Helm, HelmFailed, Release
from environment import Environment, wait_until

_FILE = ROOT / "crds" / "leaderelections.yaml"
_CRD = "crd/leaderelections.tenure.dev"
_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/leaderelections.tenure.dev"

_LITTLE: dict[str, Any] = {
    "replicaCount": 0,
    "admissionPolicies": {"enabled": False},
    "rbac": {"create": False, "aggregate": False},
}
"""Of no concern here."""


@pytest.fixture
def make_release(
    environment: Environment, helm: Helm, make_namespace: Callable[[], str]
) -> Iterator[Callable[..., Release]]:
    """Makes releases, in a cluster without the CRD at first and at last. What a test leaves of them goes."""
    environment.kubectl("delete", _CRD, "--ignore-not-found")
    made: list[Release] = []

    def make(**values: Any) -> Release:
        release = Release(environment, helm, make_namespace(), wait=False, **_LITTLE, **values)
        made.append(release)
        return release

    yield make
    for release in made:
        if release.is_installed:
            release.uninstall()
    environment.kubectl("delete", _CRD, "--ignore-not-found")


def _owner(environment: Environment) -> str | None:
    """The namespace of the release that owns the CRD, "" when it is nobody's, None when there is no CRD."""
    status, crd = environment.control_plane.api.request("GET", _PATH)
    return None if status == 404 else crd["metadata"].get("annotations", {}).get("meta.helm.sh/release-namespace", "")


def _elect(environment: Environment) -> None:
    """Create an election, as soon as they are served."""
    path = "/apis/tenure.dev/v1alpha1/namespaces/default/leaderelections"
    wait_until(lambda: environment.control_plane.api.request("GET", path)[0] == 200, "LeaderElections are served")
    election = {
        "apiVersion": "tenure.dev/v1alpha1",
        "kind": "LeaderElection",
        "metadata": {"name": "kept"},
        "spec": {"selector": {"matchLabels": {"app": "kept"}}},
    }
    environment.control_plane.api.create(path, election)


def test_the_crd_outlives_the_release_and_is_there_for_the_next_of_the_same_name(
    environment: Environment, make_release: Callable[..., Release]
) -> None:
    release = make_release()
    assert "stay when this release is uninstalled" in release.install()
    _elect(environment)

    assert "kept due to the resource policy" in release.uninstall()
    release.install()

    assert _owner(environment) == release.namespace
    assert environment.kubectl("get", "leaderelections", "-n", "default", "-o", "name").split() == [
        "leaderelection.tenure.dev/kept"
    ]


def test_another_release_takes_over_a_crd_that_was_kept(
    environment: Environment, make_release: Callable[..., Release]
) -> None:
    first, second = make_release(), make_release()
    notes = first.install()
    _elect(environment)
    first.uninstall()

    with pytest.raises(HelmFailed, match="invalid ownership metadata"):
        second.install()
    assert "takes the CRD over with --take-ownership" in notes
    second.install("--take-ownership")

    assert _owner(environment) == second.namespace
    assert environment.kubectl("get", "leaderelections", "-n", "default", "-o", "name")


def test_a_crd_that_kubectl_brought_is_taken_over_or_left(
    environment: Environment, make_release: Callable[..., Release]
) -> None:
    environment.kubectl("apply", "--server-side", "-f", str(_FILE))
    first, second = make_release(crds={"install": False}), make_release()

    assert "kubectl apply --server-side -f crds/leaderelections.yaml" in first.install()
    assert _owner(environment) == ""
    with pytest.raises(HelmFailed, match="invalid ownership metadata"):
        second.install()
    second.install("--take-ownership")
    assert _owner(environment) == second.namespace


def test_an_older_crd_of_kubectl_is_brought_up_to_date(
    environment: Environment, make_release: Callable[..., Release]
) -> None:
    environment.kubectl("apply", "-f", "-", input=_FILE.read_text().replace("The pod that leads.", "Formerly."))
    release = make_release()

    release.install("--take-ownership", "--force-conflicts")

    crd = environment.control_plane.api.request("GET", _PATH)[1]
    assert crd["spec"]["versions"][0]["additionalPrinterColumns"][0]["description"] == "The pod that leads."


def test_two_releases_for_two_namespaces_share_the_crd_of_the_first(
    environment: Environment, make_release: Callable[..., Release]
) -> None:
    first = make_release(namespaces=["default"])
    notes = first.install()
    second = make_release(namespaces=["kube-public"])

    with pytest.raises(HelmFailed, match="invalid ownership metadata"):
        second.install()
    assert "with --set crds.install=false" in " ".join(notes.split())
    second.install("--set", "crds.install=false")
    second.uninstall()

    assert _owner(environment) == first.namespace


def test_a_release_can_give_the_crd_up(environment: Environment, make_release: Callable[..., Release]) -> None:
    """Such as one that is to have a namespace less, and the CRD in other hands."""
    first, second = make_release(), make_release()
    first.install()
    _elect(environment)

    first.upgrade(crds={"install": False})
    second.install("--take-ownership")

    assert _owner(environment) == second.namespace
    assert environment.kubectl("get", "leaderelections", "-n", "default", "-o", "name")


def test_a_crd_that_is_not_to_be_kept_goes_with_the_release(
    environment: Environment, make_release: Callable[..., Release]
) -> None:
    release = make_release(crds={"keep": False})
    assert "WARNING: when this release is uninstalled, the CRD goes and every LeaderElection" in release.install()

    release.uninstall()

    wait_until(lambda: _owner(environment) is None, "the CRD is gone")
