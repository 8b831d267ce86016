"""Fixtures for tests against a real API server, controller manager and nats-server."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator

import pytest

from environment import Environment, EnvironmentFailed, wait_until
from environment.binaries import control_plane_binaries

_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def outer_event_loop() -> Iterator[None]:
    """A loop for pytest-asyncio to come back to. It makes one itself where there is none, and never closes it."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.close()


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
