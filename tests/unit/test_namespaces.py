"""Namespaces are opened once, whatever goes wrong meanwhile, and one that comes back is another."""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import Any, cast

import pytest

from model.api import PODS, ModelApi, Object
from tenure.kubernetes.client import KubernetesClient
from tenure.kubernetes.errors import ApiUnavailable
from tenure.kubernetes.pods import parse_pod
from tenure.runtime.namespaces import Namespaces
from tenure.runtime.pods import PodIndex
from tenure.runtime.watch_lag import WATCH_LAG_S
from unit.shell import Shell
from unit.virtual_time import run


def test_an_election_begins_though_the_opening_of_its_namespace_failed_as_nobody_foresaw(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        async with Shell() as shell:
            shell.api.trouble = lambda request: RuntimeError("a defect") if request.startswith("LIST") else None
            shell.make_pods("web-0")
            shell.api.make_election("shop", "web", app="web")
            await asyncio.sleep(1)
            shell.api.trouble = lambda _: None
            await asyncio.sleep(10)
            assert shell.labels() == {"web-0": ("leader", "1")}

    run(scenario())
    errors = {record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR}
    assert errors == {"Reading the pods of shop failed"}


def test_a_namespace_that_came_back_unseen_is_another_for_all_elections_in_it() -> None:
    """Two elections were deleted with it, and one of them was missed until elections of the new one had come."""

    async def scenario() -> None:
        async with Shell() as shell:
            shell.make_pods("web-0")
            for name in ("missed", "web"):
                shell.api.make_election("shop", name, app="web")
            await asyncio.sleep(10)
            assert shell.record().namespace_uid == "uid-of-shop"

            shell.is_watching = False
            for name in ("missed", "web"):
                shell.delete_election(name)
                shell.bucket.delete(f"shop.{name}")
            shell.api.make_namespace("shop", uid="uid-of-another-shop")
            shell.is_watching = True
            for name in ("new", "web"):
                shell.api.make_election("shop", name, uid=f"uid-of-new-{name}", app="web")
            await asyncio.sleep(1)
            await shell.resync.compare()
            await asyncio.sleep(60)

            assert {shell.record(f"shop.{name}").namespace_uid for name in ("new", "web")} == {"uid-of-another-shop"}
            assert [shell.labels(name)["web-0"][0] for name in ("new", "web")] == ["leader", "leader"]

    run(scenario())


def test_g6_an_election_that_is_deleted_changes_nothing_for_the_others_of_its_namespace() -> None:
    async def scenario() -> None:
        async with Shell() as shell:
            shell.make_pods("web-0")
            for name in ("gone", "web"):
                shell.api.make_election("shop", name, app="web")
            await asyncio.sleep(10)
            seat = shell.controller._managed["shop", "web"].seat
            shell.delete_election("gone")
            await asyncio.sleep(60)
            assert shell.controller._managed["shop", "web"].seat is seat
            assert shell.labels() == {"web-0": ("leader", "1")}

    run(scenario())


async def _watch_on(shell: Shell, listed: list[Object]) -> None:
    """Show what has been listed as a slow watch does: one object after another, seven seconds apart."""
    for shown in listed:
        await asyncio.sleep(0.7 * WATCH_LAG_S)
        shell.is_watching = True
        shell._watch("ADDED", shown)
        shell.is_watching = False


def _reads(shell: Shell) -> int:
    return sum(request.startswith(f"GET {PODS.format('shop')}/") for request in shell.api.requests)


def test_pods_that_a_watch_goes_on_to_show_are_waited_for_and_not_read_one_by_one() -> None:
    async def scenario() -> None:
        async with Shell() as shell:
            shell.is_watching = False
            shell.make_pods("web-0", "web-1", "web-2")
            pods = [shell.api.objects[f"{PODS.format('shop')}/web-{number}"] for number in range(3)]
            shell.is_watching = True
            shell.api.make_election("shop", "web", app="web")
            shell.is_watching = False
            await _watch_on(shell, pods)
            await asyncio.sleep(1)
            assert _reads(shell) == 0
            assert shell.record().holder.startswith("web-")

    run(scenario())


def test_pods_that_a_watch_does_not_show_are_read() -> None:
    async def scenario() -> None:
        async with Shell() as shell:
            shell.is_watching = False
            shell.make_pods("web-0", "web-1", "web-2")
            pod = shell.api.objects[f"{PODS.format('shop')}/web-1"]
            shell.is_watching = True
            shell.api.make_election("shop", "web", app="web")
            shell.is_watching = False
            await _watch_on(shell, [pod])
            await asyncio.sleep(WATCH_LAG_S - 1)
            assert _reads(shell) == 0
            await asyncio.sleep(2)
            assert _reads(shell) == 2
            assert len(shell.controller.index.pods("shop")) == 3

    run(scenario())


def test_a_namespace_is_opened_as_soon_as_all_of_its_pods_that_still_exist_are_known() -> None:
    async def scenario() -> None:
        api, index = ModelApi(), PodIndex()
        api.make_namespace("shop")
        for number in range(3):
            api.make_pod("shop", f"web-{number}", app="web")
        last = parse_pod(api.objects[f"{PODS.format('shop')}/web-2"])
        api.latency_s = 1.0
        namespaces = Namespaces(api.client, index, pod_selector="")
        opening = asyncio.create_task(namespaces.open("shop"))
        await asyncio.sleep(1.8)  # Its pods are listed, and the answer is on its way.
        for number in range(2):
            api.delete(f"{PODS.format('shop')}/web-{number}")
        await asyncio.sleep(0.8 * WATCH_LAG_S)
        assert not opening.done()
        index.see("shop", last)
        await asyncio.sleep(1.5)
        assert opening.done()
        assert {request for request in api.requests if request.startswith("GET")} == {"GET /api/v1/namespaces/shop"}
        await namespaces.close()

    run(scenario())


def test_a_namespace_is_not_opened_without_its_pods_when_a_further_look_at_them_fails() -> None:
    async def scenario() -> None:
        api, index = ModelApi(), PodIndex()
        api.make_namespace("shop")
        api.make_pod("shop", "web-0", app="web")
        looks = itertools.count(1)

        def fail_the_second(request: str) -> Exception | None:
            return ApiUnavailable("503") if request.startswith("LIST") and next(looks) == 2 else None

        api.trouble = fail_the_second
        namespaces = Namespaces(api.client, index, pod_selector="")
        await namespaces.open("shop")
        assert next(looks) > 3, "it has looked again after that"
        assert [pod.name for pod in index.pods("shop").values()] == ["web-0"]
        await namespaces.close()

    run(scenario())


class _SilentApi:
    """Never answers; a request that is given up takes half a second to end."""

    def __init__(self) -> None:
        self.asked = 0
        self.given_up = 0

    async def list_metadata(self, *_: Any, **__: Any) -> Any:
        return await self.get()

    async def get(self, *_: Any, **__: Any) -> Any:
        self.asked += 1
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            try:
                await asyncio.sleep(0.5)
            finally:
                self.given_up += 1
            raise


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_the_opening_of_a_namespace_has_ended_when_its_owner_does(is_forgotten: bool) -> None:
    """The client that it asks is closed next."""
    api = _SilentApi()

    async def scenario() -> None:
        namespaces = Namespaces(cast(KubernetesClient, api), PodIndex(), pod_selector="")
        waiting = asyncio.create_task(namespaces.open("shop"))
        await asyncio.sleep(1)
        if is_forgotten:
            namespaces.forget("shop")
        await namespaces.close()
        assert (api.asked, api.given_up) == (1, 1)
        late = asyncio.create_task(namespaces.open("office"))
        await asyncio.wait({waiting, late}, timeout=60)
        assert waiting.cancelled()
        assert late.cancelled()
        assert api.asked == 1

    run(scenario())
