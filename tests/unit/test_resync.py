"""What the watches have missed is found, among models in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tenure.runtime.watch_lag import WATCH_LAG_S
from unit.shell import Shell
from unit.virtual_time import run

INTERVAL_S = 300.0

_ALL_ELECTIONS = "/apis/tenure.dev/v1alpha1/leaderelections"
_ALL_PODS = "/api/v1/pods"


@contextlib.asynccontextmanager
async def _resyncing(shell: Shell) -> AsyncIterator[None]:
    """Compare as an operator does, from its start on."""
    task = asyncio.create_task(shell.resync.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _lists(shell: Shell) -> int:
    """How many comparisons were begun: each begins with the list of all elections."""
    return shell.api.requests.count(f"LIST {_ALL_ELECTIONS}")


async def _until_listed(shell: Shell, path: str) -> None:
    """Return when a list has been made that takes a second, and its answer is on its way."""
    while f"LIST {path}" not in shell.api.requests:
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.6)


async def _assert_that_a_hidden_deletion_is_found(shell: Shell) -> None:
    """The watch begins anew, with a list in which the third of the pods is missing, as Kopf tells of it: not at all."""
    shell.is_watching = False
    shell.delete_pod("web-2")
    shell.is_watching = True
    shell.controller.wants_comparison.set()  # as the handlers do for each object of a list
    await asyncio.sleep(10)
    assert len(shell.controller.index.pods("shop")) == 2


def test_a_change_of_an_election_that_was_missed_is_found() -> None:
    async def scenario() -> None:
        async with Shell() as shell, _resyncing(shell):
            shell.make_pods("web-0")
            shell.api.make_pod("shop", "db-0", app="db")
            shell.api.make_election("shop", "web", app="web")
            await asyncio.sleep(20)
            shell.is_watching = False
            shell.api.make_election("shop", "web", app="db")
            shell.is_watching = True

            await asyncio.sleep(INTERVAL_S + 20)

            assert {name: role for name, (role, _) in shell.labels().items()} == {"web-0": None, "db-0": "leader"}

    run(scenario())


def test_elections_and_pods_that_come_or_go_unseen_are_found() -> None:
    async def scenario() -> None:
        async with Shell() as shell, _resyncing(shell):
            shell.make_pods("web-0", "web-1")
            shell.api.make_election("shop", "gone", app="web")
            shell.api.make_election("shop", "web", app="web")
            await asyncio.sleep(20)
            shell.is_watching = False
            shell.delete_pod("web-0")
            shell.delete_election("gone")
            shell.api.make_election("shop", "new", app="web")
            shell.is_watching = True

            await asyncio.sleep(INTERVAL_S + 30)

            assert shell.controller.keys() == {("shop", "web"), ("shop", "new")}
            assert shell.labels("web") == {"web-1": ("leader", "2")}
            assert shell.labels("new") == {"web-1": ("leader", "1")}
            assert shell.labels("gone") == {"web-1": (None, "1")}

    run(scenario())


def test_a_pod_that_the_watch_never_shows_is_read() -> None:
    async def scenario() -> None:
        async with Shell() as shell:
            shell.is_watching = False
            shell.make_pods("web-0")
            shell.is_watching = True
            async with _resyncing(shell):
                await asyncio.sleep(WATCH_LAG_S + 1)
            assert len(shell.controller.index.pods("shop")) == 1

    run(scenario())


def test_a_later_list_of_a_watch_is_compared_once_when_it_has_settled() -> None:
    async def scenario() -> None:
        async with Shell() as shell, _resyncing(shell):
            await asyncio.sleep(10)
            for _ in range(5):
                shell.controller.wants_comparison.set()
                await asyncio.sleep(0.1)
            await asyncio.sleep(10)
            assert _lists(shell) == 2

    run(scenario())


def test_what_a_list_of_a_watch_hides_is_found_though_the_first_comparison_is_not_over() -> None:
    """It had listed the pods before the watch broke: what was deleted meanwhile stayed known until the next listing."""

    async def scenario() -> None:
        async with Shell() as shell:
            shell.make_pods("web-0", "web-1", "web-2")
            shell.api.make_election("shop", "web", app="web")
            await asyncio.sleep(1)
            shell.api.latency_s = 1.0
            async with _resyncing(shell):
                await _until_listed(shell, _ALL_PODS)
                await _assert_that_a_hidden_deletion_is_found(shell)

    run(scenario())


def test_what_a_list_of_a_watch_hides_is_found_though_it_came_while_the_first_comparison_listed_the_elections() -> None:
    async def scenario() -> None:
        async with Shell() as shell:
            shell.make_pods("web-0", "web-1", "web-2")
            await asyncio.sleep(1)
            shell.api.cached = dict(shell.api.objects)  # It shows the first comparison of the pods what is no more.
            shell.api.latency_s = 1.0
            async with _resyncing(shell):
                await asyncio.sleep(0.5)
                await _assert_that_a_hidden_deletion_is_found(shell)

    run(scenario())


def test_what_a_list_of_a_watch_hides_is_found_though_the_servers_cache_still_shows_it() -> None:
    async def scenario() -> None:
        async with Shell() as shell:
            shell.make_pods("web-0", "web-1", "web-2")
            async with _resyncing(shell):
                await asyncio.sleep(10)
                shell.api.cached = dict(shell.api.objects)
                await _assert_that_a_hidden_deletion_is_found(shell)

    run(scenario())


def test_pods_are_listed_from_the_servers_cache_when_nothing_can_have_been_missed() -> None:
    """What only the cache still shows stays known, which tells that the cache was asked."""

    async def scenario() -> None:
        async with Shell() as shell:
            shell.make_pods("web-0")
            shell.api.cached = dict(shell.api.objects)
            shell.is_watching = False
            shell.delete_pod("web-0")
            async with _resyncing(shell):
                await asyncio.sleep(30)

            assert shell.resync.has_compared.is_set()
            assert len(shell.controller.index.pods("shop")) == 1

    run(scenario())


def test_an_operator_that_starts_while_all_that_is_listed_is_deleted_is_ready_soon_and_reads_none_of_it() -> None:
    """What is deleted before the watches begin comes through none of them."""

    async def scenario() -> None:
        async with Shell() as shell:
            shell.is_watching = False
            shell.make_pods("web-0", "web-1", "web-2")
            for name in ("db", "web"):
                shell.api.make_election("shop", name, app="web")
            shell.api.latency_s = 1.0
            async with _resyncing(shell), asyncio.timeout(WATCH_LAG_S):
                await _until_listed(shell, _ALL_ELECTIONS)
                for name in ("db", "web"):
                    shell.delete_election(name)
                await _until_listed(shell, _ALL_PODS)
                shell.api.cached = dict(shell.api.objects)
                for number in range(3):
                    shell.delete_pod(f"web-{number}")
                await shell.resync.has_compared.wait()

            assert {request for request in shell.api.requests if request.startswith("GET")} == set()

    run(scenario())


def test_pods_whose_end_the_watch_has_shown_are_not_looked_for() -> None:
    """In a cluster where pods come and go there are some at each comparison."""

    async def scenario() -> None:
        async with Shell() as shell:
            shell.make_pods("web-0", "web-1")
            shell.api.latency_s = 1.0
            async with _resyncing(shell):
                await _until_listed(shell, _ALL_PODS)
                shell.delete_pod("web-1")
                await asyncio.sleep(30)

            assert shell.resync.has_compared.is_set()
            assert [request for request in shell.api.requests if "pods" in request] == [f"LIST {_ALL_PODS}"]

    run(scenario())
