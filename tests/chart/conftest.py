"""Fixtures for tests with real Helm; some need nothing else, most an API server."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chart_support import Helm
from environment import Environment, wait_until
from environment.binaries import control_plane_binaries, helm_binary, promtool_binary

_STUBS = Path(__file__).with_name("monitoring-crds.yaml")
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def binaries(request: pytest.FixtureRequest) -> None:
    """Helm, promtool and the control plane are there."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():  # the first time, this builds for minutes: let its progress be seen
        helm_binary()
        promtool_binary()
        control_plane_binaries()


@pytest.fixture(scope="session")
def offline(binaries: None, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm without a cluster."""
    return Helm(tmp_path_factory.mktemp("helm-offline"))


@pytest.fixture(scope="session")
def audit_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the API server writes who asked it for what."""
    return tmp_path_factory.mktemp("audit") / "audit.log"


@pytest.fixture(scope="session")
def environment(binaries: None, audit_log: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """One environment for the whole session, with the kinds of the Prometheus operator and without our own."""
    with Environment(tmp_path_factory.mktemp("environment"), audit_log=audit_log) as running:
        running.kubectl("apply", "-f", str(_STUBS))
        running.kubectl("wait", "--for=condition=Established", "-f", str(_STUBS), "--timeout=20s")
        yield running


@pytest.fixture(scope="session")
def helm(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm with the environment's cluster."""
    return Helm(tmp_path_factory.mktemp("helm"), kubeconfig=environment.kubeconfig)


@pytest.fixture(scope="session")
def make_namespace(environment: Environment) -> Callable[[], str]:
    """Makes a namespace that takes only pods that Pod Security calls restricted, and returns its name."""

    def make() -> str:
        name = f"system-{next(_numbers)}"
        environment.kubectl("create", "namespace", name)
        environment.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
        account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        api = environment.control_plane.api
        wait_until(lambda: api.request("GET", account)[0] == 200, f"{name} has its service account")
        return name

    return make
