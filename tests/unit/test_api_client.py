"""Requests to the API server: turns, deadlines and logins, without a server, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from kubernetes.aio.client import Configuration

from tenure.election.pod import PodRef
from tenure.kubernetes.client import MAX_CONCURRENT_REQUESTS, REQUEST_TIMEOUT_S, TURN_TIMEOUT_S, KubernetesClient, Lane
from tenure.kubernetes.errors import ApiError, ApiUnavailable, Refused
from tenure.kubernetes.pods import insist_on_pod
from unit.virtual_time import run

_POD = "/api/v1/namespaces/shop/pods/web-0"


_ABSENT = b'{"kind": "Status", "reason": "NotFound", "details": {"name": "web-1", "kind": "pods"}}'


class _Client(KubernetesClient):
    """Each request takes `takes_s`, and is answered with `status`."""

    def __init__(self, *, takes_s: float, status: int = 200, logs_in_for_s: float = 0.0) -> None:
        super().__init__(Configuration(), self._log_in_again)
        self.takes_s, self.status, self.logs_in_for_s = takes_s, status, logs_in_for_s
        self.logins = 0

    async def _exchange(self, *_: Any, **__: Any) -> tuple[int, bytes]:
        await asyncio.sleep(self.takes_s)
        return self.status, b"{}" if self.status < 300 else _ABSENT

    async def _log_in_again(self) -> Configuration:
        self.logins += 1
        await asyncio.sleep(self.logs_in_for_s)
        raise RuntimeError("locked out")


async def _time(work: Any) -> tuple[float, Exception | None]:
    """How long it took, and how it failed."""
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    try:
        await work
    except ApiError as error:
        return loop.time() - begun_s, error
    return loop.time() - begun_s, None


def _patch_followers(client: KubernetesClient, count: int) -> list[Any]:
    return [client.json_patch(f"{_POD}{number}", [], lane=Lane.BULK) for number in range(count)]


def test_a_deadline_begins_with_a_requests_turn() -> None:
    """Else a slow API server leads nowhere: who gives up at the end of the line asks again, at its end."""

    async def scenario() -> list[tuple[float, Exception | None]]:
        client = _Client(takes_s=REQUEST_TIMEOUT_S - 1)
        work = _patch_followers(client, 3 * MAX_CONCURRENT_REQUESTS[Lane.BULK])
        return list(await asyncio.gather(*map(_time, work)))

    results = run(scenario())
    assert [error for _, error in results if error is not None] == []
    assert max(took_s for took_s, _ in results) == pytest.approx(3 * (REQUEST_TIMEOUT_S - 1))


def test_nobody_waits_for_a_turn_without_limit() -> None:
    async def scenario() -> list[tuple[float, Exception | None]]:
        client = _Client(takes_s=2 * REQUEST_TIMEOUT_S)  # The API server does not answer.
        rounds = TURN_TIMEOUT_S / REQUEST_TIMEOUT_S
        count = 2 * int(rounds) * MAX_CONCURRENT_REQUESTS[Lane.START]
        work = [client.merge_patch(f"/election/{number}/status", {}, lane=Lane.START) for number in range(count)]
        return list(await asyncio.gather(*map(_time, work)))

    results = run(scenario())
    assert {type(error) for _, error in results} == {ApiUnavailable}
    assert max(took_s for took_s, _ in results) <= TURN_TIMEOUT_S + REQUEST_TIMEOUT_S


def test_whether_the_api_answers_is_known_in_time_however_many_wait_for_their_turn() -> None:
    async def scenario() -> float:
        client = _Client(takes_s=2 * REQUEST_TIMEOUT_S)
        waiting = [asyncio.create_task(_time(client.get(_POD))) for _ in range(1000)]
        await asyncio.sleep(0.1)
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        assert not await client.answers(within_s=2.0)
        took_s = loop.time() - begun_s
        await asyncio.gather(*waiting)
        return took_s

    assert run(scenario()) == pytest.approx(2.0)


def test_patches_of_one_object_come_one_after_another_and_hold_up_no_other_and_no_crown() -> None:
    """Of those at once the API server lets one through, and has the others try again until their time is up."""

    async def scenario() -> list[float]:
        client = _Client(takes_s=1.0)
        followers = [client.json_patch(_POD, [], lane=Lane.BULK) for _ in range(3)]
        crown = client.json_patch(_POD, [], lane=Lane.PROMPT)
        other = client.json_patch(f"{_POD}0", [], lane=Lane.BULK)
        return [took_s for took_s, _ in await asyncio.gather(*map(_time, [*followers, crown, other]))]

    assert run(scenario()) == pytest.approx([1.0, 2.0, 3.0, 1.0, 1.0])


def test_nobody_waits_for_others_that_patch_the_same_without_limit() -> None:
    async def scenario() -> list[tuple[float, Exception | None]]:
        client = _Client(takes_s=2 * REQUEST_TIMEOUT_S)  # The API server does not answer.
        work = [client.json_patch(_POD, [], lane=Lane.BULK) for _ in range(100)]
        return list(await asyncio.gather(*map(_time, work)))

    assert max(took_s for took_s, _ in run(scenario())) <= TURN_TIMEOUT_S + REQUEST_TIMEOUT_S


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda client: client.get(_POD), id="read"),
        pytest.param(lambda client: client.merge_patch(f"{_POD}/status", {}), id="status"),
        pytest.param(lambda client: client.json_patch(_POD, [], lane=Lane.PROMPT), id="crown"),
    ],
)
def test_what_cannot_wait_does_not_wait_for_followers_events_lists_lost_pods_and_elections_that_begin(
    ask: Callable[[KubernetesClient], Any],
) -> None:
    async def scenario() -> float:
        client = _Client(takes_s=1.0, status=404)
        others = _patch_followers(client, 1000) + [client.create("/events", {}) for _ in range(1000)]
        others += [client.list_metadata("/pods") for _ in range(1000)]
        others += [insist_on_pod(client, "shop", PodRef("web-1", "b")) for _ in range(1000)]
        others += [client.merge_patch(f"/election/{number}/status", {}, lane=Lane.START) for number in range(1000)]
        tasks = [asyncio.create_task(_time(one)) for one in others]
        await asyncio.sleep(0.1)
        took_s, _ = await _time(ask(client))
        await asyncio.gather(*tasks)
        return took_s

    assert run(scenario()) == pytest.approx(1.0)


def test_all_who_wait_for_a_login_that_fails_fail_with_it() -> None:
    """They do not try one after another, for as long as each attempt takes."""

    async def scenario() -> tuple[list[tuple[float, Exception | None]], int]:
        client = _Client(takes_s=0.0, status=401, logs_in_for_s=10.0)
        results = await asyncio.gather(*(_time(client.get(_POD)) for _ in range(20)))
        return list(results), client.logins

    results, logins = run(scenario())
    assert logins == 1
    assert max(took_s for took_s, _ in results) == pytest.approx(10.0)
    assert {type(error) for _, error in results} == {ApiUnavailable, Refused}


class _Answer:
    """An answer to a watch: a status, and what is read of it."""

    def __init__(self, status: int, *lines: bytes) -> None:
        self.status = status
        self.content, self.connection, self.response = self, None, self
        self._lines = lines

    async def read(self) -> bytes:
        return b"{}"

    async def iter_any(self) -> AsyncIterator[bytes]:
        for line in self._lines:
            yield line

    def close(self) -> None:
        pass


class _WatchingClient(KubernetesClient):
    """Its watches are answered by these, one after another."""

    def __init__(self, *answers: _Answer) -> None:
        super().__init__(Configuration(), self._log_in_again)
        self._answers = iter(answers)
        self.logins = 0

    async def _call(self, *_: Any, **__: Any) -> _Answer:
        return next(self._answers)

    async def _log_in_again(self) -> Configuration:
        self.logins += 1
        return Configuration()


def test_a_watch_goes_on_with_another_login_when_the_token_has_run_out() -> None:
    async def scenario() -> tuple[list[Any], int]:
        client = _WatchingClient(_Answer(401), _Answer(200, b'{"type": "ADDED"}\n'))
        events = [event async for event in client.watch(_POD, "1")]
        await client.close()
        return events, client.logins

    assert run(scenario()) == ([{"type": "ADDED"}], 1)


def test_a_watch_that_is_refused_after_another_login_too_says_so() -> None:
    async def scenario() -> None:
        client = _WatchingClient(_Answer(401), _Answer(401))
        try:
            async for _ in client.watch(_POD, "1"):
                pass
        finally:
            await client.close()

    with pytest.raises(Refused, match="401"):
        run(scenario())
