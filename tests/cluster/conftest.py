"""Fixtures for tests against a real API server, controller manager and nats-server."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster_support import Bucket, Campaigners, MakeOperator, Operator, Scene
from environment import Environment, EnvironmentFailed, wait_until
from environment.binaries import control_plane_binaries

CRD = Path(__file__).parents[2] / "crds" / "leaderelections.yaml"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """One environment for the whole session. What a test breaks, it must mend."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():  # the first time, this builds for minutes: let its progress be seen
        control_plane_binaries()
    with Environment(tmp_path_factory.mktemp("environment")) as running:
        yield running


@pytest.fixture
def namespace(environment: Environment) -> Iterator[str]:
    """A namespace for one test, in which pods can be created. It is deleted afterwards, without waiting for that."""
    name = f"test-{next(_numbers)}"
    environment.kubectl("create", "namespace", name)
    wait_until(lambda: _has_service_account(environment, name), f"the namespace {name} has its service account")
    yield name
    environment.kubectl("delete", "namespace", name, "--wait=false")


def _has_service_account(environment: Environment, namespace: str) -> bool:
    try:
        return bool(environment.kubectl("get", "serviceaccount", "default", "-n", namespace))
    except EnvironmentFailed:
        return False


# ------------------------------------------------------------------------------------------------------- the operator


@pytest.fixture(scope="session")
def crd(environment: Environment) -> None:
    """LeaderElections are served."""
    apply_crd(environment)


def apply_crd(environment: Environment) -> None:
    """Create the CRD, or leave it as it is, and return when LeaderElections are served."""
    environment.kubectl("apply", "-f", str(CRD))
    path = "/apis/tenure.dev/v1alpha1/leaderelections"
    wait_until(lambda: environment.control_plane.api.request("GET", path)[0] == 200, "LeaderElections are served")


@pytest.fixture
def scene(environment: Environment, crd: None) -> Iterator[Scene]:
    """A fresh namespace. At the end of the test, its watchers must not have seen any guarantee broken."""
    scene = Scene(environment)
    yield scene
    scene.close()


@pytest.fixture(scope="session")
def common_operator(
    environment: Environment, crd: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Operator]:
    """One operator for all namespaces and all tests. A test may end it: the next one that needs it starts it again."""
    operator = Operator(environment, tmp_path_factory.mktemp("operator"), bucket="common")
    yield operator
    operator.stop()


@pytest.fixture
def everywhere(common_operator: Operator) -> Iterator[Operator]:
    """The common operator, running. It must not have logged an error by the end of the test."""
    common_operator.ensure_running()
    yield common_operator
    common_operator.check()


@pytest.fixture
def nobody(common_operator: Operator) -> None:
    """No common operator runs, which would act on what the test makes."""
    common_operator.stop()


@pytest.fixture
def make_operator(environment: Environment, scene: Scene, nobody: None, tmp_path: Path) -> Iterator[MakeOperator]:
    """Makes operators of the scene's namespace, which no other one manages then.

    At the end they end, and must not have logged an error.
    """
    made: list[Operator] = []

    def make(*arguments: str, **settings: Any) -> Operator:
        settings = {
            "namespace": scene.namespace,
            "bucket": scene.namespace,
            "name": f"operator-{len(made) + 1}",
            **settings,
        }
        operator = Operator(environment, tmp_path, arguments=arguments, **settings)
        made.append(operator)
        return operator

    yield make
    for operator in made:
        operator.stop()
    for operator in made:
        operator.check()


@pytest.fixture
def bucket(environment: Environment, common_operator: Operator) -> Bucket:
    """The bucket of the common operator."""
    return Bucket(environment.nats_url, common_operator.bucket)


@pytest.fixture
def campaigners(environment: Environment) -> Iterator[Campaigners]:
    """Makes programs that campaign for themselves. At the end they end."""
    campaigners = Campaigners(environment.nats_url)
    yield campaigners
    campaigners.close()
