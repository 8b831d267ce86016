"""What is carried out for elections."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from model.api import ModelApi
from tenure.election.effects import Announce, Effect, ReadResource, WriteLabels, WriteStatus
from tenure.election.inputs import Input, ResourceReadFailed, StatusWritten
from tenure.election.labels import PodRole
from tenure.election.pod import PodRef
from tenure.kubernetes.client import KubernetesClient
from tenure.kubernetes.errors import ApiError, ApiUnavailable, NotFound, NotServed
from tenure.runtime.executor import EVENT_DELAY_S, MAX_WAITING_EVENTS, Executor
from unit.builders import a_resource
from unit.views import a_status
from unit.virtual_time import read_clock, run

_MORE = 500


def _an_executor(client: KubernetesClient) -> Executor:
    return Executor(
        client,
        lambda _: pytest.fail("no record is asked for"),
        instance="operator/one",
        read_clock=read_clock,
        writes_slices=False,
        resource_is_gone=lambda *_: None,
    )


def test_an_event_leaves_the_api_server_to_the_labels_of_a_hand_over_first() -> None:
    async def scenario() -> None:
        api = ModelApi()
        executor = _an_executor(api.client)
        executor.carry_out(("shop", "web"), a_resource(), Announce("LeaderElected", "web-0 leads."), lambda _: None)
        await asyncio.sleep(0.9 * EVENT_DELAY_S)
        assert api.requests == []
        await asyncio.sleep(0.2 * EVENT_DELAY_S)
        assert [request.rpartition("/")[2] for request in api.requests] == ["events"]
        await executor.close()

    run(scenario())


def test_thousands_of_events_that_nobody_takes_are_dropped_with_one_line(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        executor = _an_executor(ModelApi().client)
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

    async def merge_patch(self, *_: Any) -> None:
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


class _SlowClient:
    """Answers a patch when it is told to."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.answers = asyncio.Semaphore(0)

    async def json_patch(self, path: str, *_: Any, **__: Any) -> None:
        self.begun.append(path.rpartition("/")[2])
        await self.answers.acquire()
        raise ApiUnavailable("no answer in time")


def test_a_pod_that_many_elections_label_gets_one_write_at_a_time_and_holds_up_no_other_pod() -> None:
    async def scenario() -> None:
        client, told = _SlowClient(), list[Input]()
        executor = _an_executor(client)  # type: ignore[arg-type]
        for election, pod in [("a", "web-0"), ("b", "web-0"), ("c", "web-0"), ("d", "web-1")]:
            write = WriteLabels(PodRef(pod, f"uid-of-{pod}"), None, None, PodRole.FOLLOWER, 1)
            executor.carry_out(("shop", election), a_resource(), write, told.append)
        await asyncio.sleep(1)
        assert client.begun == ["web-0", "web-1"]
        for answered in range(1, 5):
            client.answers.release()
            await asyncio.sleep(1)
            assert len(told) == answered
        assert client.begun == ["web-0", "web-1", "web-0", "web-0"]
        await executor.close()

    run(scenario())
