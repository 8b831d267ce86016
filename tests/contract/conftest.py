"""Fixtures for tests against a real nats-server and its model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from contract.candidates import Told
from contract.harness import Harness, ModelHarness, RealHarness
from environment import NatsServer


@pytest.fixture(params=["model", "nats-server"])
async def harness(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Harness]:
    """The modelled store and the real one: every test that asks for this runs with both."""
    if request.param == "model":
        yield ModelHarness()
        return
    real = RealHarness(tmp_path)
    await real.begin()
    yield real
    await real.end()


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[RealHarness]:
    """The real store alone."""
    real = RealHarness(tmp_path)
    await real.begin()
    yield real
    await real.end()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    """A nats-server that runs."""
    with NatsServer(tmp_path) as server:
        yield server


@pytest.fixture
def told() -> Told:
    return Told()
