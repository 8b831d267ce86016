"""What is carried out for elections."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from model.api import ModelApi
from tenure.election.effects import Announce, Effect, ReadResource, WriteStatus
from tenure.election.inputs import Input, ResourceReadFailed, StatusWritten
from tenure.kubernetes.errors import ApiError, NotFound, NotServed
from tenure.runtime.executor import EVENT_DELAY_S, LAST_EVENTS_TIMEOUT_S, MAX_WAITING_EVENTS, Executor
from unit.builders import a_resource
from unit.views import a_status
from unit.virtual_time import read_clock, run

_MORE = 500


def _an_executor(api: ModelApi) -> Executor:
    return Executor(
        api.client,
        lambda _: pytest.fail("no record is asked for"),
        instance="operator/one",
        read_clock=read_clock,
        writes_slices=False,
        resource_is_gone=lambda *_: None,
    )


def test_an_event_leaves_the_api_server_to_the_labels_of_a_hand_over_first() -> None:
    async def scenario() -> None:
        api = ModelApi()
        executor = _an_executor(api)
        executor.carry_out(("shop", "web"), a_resource(), Announce("LeaderElected", "web-0 leads."), lambda _: None)
        await asyncio.sleep(0.9 * EVENT_DELAY_S)
        assert api.requests == []
        await asyncio.sleep(0.2 * EVENT_DELAY_S)
        assert [request.rpartition("/")[2] for request in api.requests] == ["events"]
        await executor.close()

    run(scenario())


def test_a_process_that_stops_posts_its_last_events_first() -> None:
    async def scenario() -> None:
        api = ModelApi()
        executor = _an_executor(api)
        for _ in range(_MORE):
            executor.carry_out(("shop", "web"), a_resource(), Announce("LeaderElected", "web-0 leads."), lambda _: None)
        begun_at_s = read_clock().monotonic_s
        await executor.close()
        assert [request.rpartition("/")[2] for request in api.requests] == ["events"] * _MORE
        assert read_clock().monotonic_s < begun_at_s + 0.1 * EVENT_DELAY_S, "whoever stops waits for no hand-over"

    run(scenario())


def test_a_process_stops_in_time_though_the_api_takes_no_events() -> None:
    async def scenario() -> None:
        api = ModelApi()
        api.latency_s = 60.0
        executor = _an_executor(api)
        executor.carry_out(("shop", "web"), a_resource(), Announce("LeaderElected", "web-0 leads."), lambda _: None)
        begun_at_s = read_clock().monotonic_s
        await executor.close()
        assert read_clock().monotonic_s == pytest.approx(begun_at_s + LAST_EVENTS_TIMEOUT_S)

    run(scenario())


def test_thousands_of_events_that_nobody_takes_are_dropped_with_one_line(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        executor = _an_executor(ModelApi())
        for _ in range(MAX_WAITING_EVENTS + _MORE):
            executor.carry_out(("shop", "web"), a_resource(), Announce("LeaderElected", "web-0 leads."), lambda _: None)
        await executor.close()

    run(scenario())
    dropped = [record.message for record in caplog.records if "dropped" in record.message]
    assert dropped == ["Events dropped, as too many wait for the API server: 1 so far"]


class _Client:
    """Answers every request with this error."""

    def __init__(self, error: ApiError) -> None:
        self._error = error

    async def get(self, *_: Any) -> None:
        raise self._error

    async def merge_patch(self, *_: Any, **__: Any) -> None:
        raise self._error


def _ask(effect: Effect, error: ApiError) -> tuple[list[Input], list[str]]:
    """Return what the election is told of a request that ends so, and the UIDs of elections that count as gone."""
    told: list[Input] = []
    gone: list[str] = []

    async def scenario() -> None:
        executor = Executor(
            _Client(error),  # type: ignore[arg-type]
            lambda _: pytest.fail("no record is asked for"),
            instance="operator/one",
            read_clock=read_clock,
            writes_slices=False,
            resource_is_gone=lambda _, uid: gone.append(uid),
        )
        executor.carry_out(("shop", "web"), a_resource(), effect, told.append)
        await asyncio.sleep(1)
        await executor.close()

    run(scenario())
    return told, gone


@pytest.mark.parametrize(
    ("effect", "failed"),
    [
        pytest.param(ReadResource(), ResourceReadFailed(), id="read"),
        pytest.param(WriteStatus(a_status(), 1), StatusWritten(None), id="status"),
    ],
)
def test_an_election_is_gone_when_the_api_server_says_so_and_not_when_its_path_is_not_served(
    effect: Effect, failed: Input
) -> None:
    assert _ask(effect, NotFound("404")) == ([], [a_resource().uid])
    assert _ask(effect, NotServed("404 page not found")) == ([failed], [])
