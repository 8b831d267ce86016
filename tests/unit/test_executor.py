"""What is carried out for elections."""

from __future__ import annotations

import pytest

from model.api import ModelApi
from tenure.election.effects import Announce
from tenure.runtime.executor import MAX_WAITING_EVENTS, Executor
from unit.builders import a_resource
from unit.virtual_time import read_clock, run

_MORE = 500


def test_thousands_of_events_that_nobody_takes_are_dropped_with_one_line(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        executor = Executor(
            ModelApi().client,
            lambda _: pytest.fail("no record is asked for"),
            instance="operator/one",
            read_clock=read_clock,
            writes_slices=False,
            resource_is_gone=lambda *_: None,
        )
        for _ in range(MAX_WAITING_EVENTS + _MORE):
            executor.carry_out(("shop", "web"), a_resource(), Announce("LeaderElected", "web-0 leads."), lambda _: None)
        await executor.close()

    run(scenario())
    dropped = [record.message for record in caplog.records if "dropped" in record.message]
    assert dropped == ["Events dropped, as too many wait for the API server: 1 so far"]
