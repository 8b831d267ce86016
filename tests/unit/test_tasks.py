"""Tasks with an owner, and lists of pods that many ask for at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest

from tenure.election.selector import parse_selector
from tenure.kubernetes.client import KubernetesClient
from tenure.kubernetes.errors import ApiUnavailable
from tenure.kubernetes.metadata import Metadata
from tenure.runtime.listings import PodList, PodListings
from tenure.runtime.tasks import Tasks, forgive_generators, report
from unit.virtual_time import run


def test_tasks_run_beside_each_other() -> None:
    done: list[str] = []

    async def work(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        done.append(name)

    async def scenario() -> None:
        tasks = Tasks()
        tasks.start(work("slow", 2), name="slow")
        tasks.start(work("quick", 1), name="quick")
        await asyncio.sleep(3)

        assert not tasks._running, "what has ended is still held"

    run(scenario())
    assert done == ["quick", "slow"]


def test_an_error_is_logged_with_the_name_of_the_task_and_hurts_no_other(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    async def fail() -> None:
        raise RuntimeError("a defect")

    async def work() -> None:
        await asyncio.sleep(1)
        done.append("work")

    async def scenario() -> None:
        tasks = Tasks()
        tasks.start(fail(), name="status write of shop/web")
        tasks.start(work(), name="work")
        await asyncio.sleep(2)

    with caplog.at_level(logging.ERROR, "tenure"):
        run(scenario())
    assert [record.getMessage() for record in caplog.records] == ["status write of shop/web failed"]
    assert "a defect" in caplog.text
    assert done == ["work"]


def test_closing_cancels_what_runs_waits_for_it_and_starts_nothing_more(caplog: pytest.LogCaptureFixture) -> None:
    course: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.5)
            course.append("cleaned up")

    async def scenario() -> None:
        tasks = Tasks()
        tasks.start(work(), name="work")
        await asyncio.sleep(1)
        await tasks.close()
        course.append("closed")
        tasks.start(work(), name="too late")
        await asyncio.sleep(120)

    run(scenario())
    assert course == ["cleaned up", "closed"]
    assert caplog.records == []


def test_a_result_that_is_no_longer_wanted_is_awaited_all_the_same() -> None:
    """Python complains of a coroutine that nobody awaits."""
    posted: list[str] = []

    async def work() -> str:
        await asyncio.sleep(60)
        return "done"

    async def scenario() -> None:
        tasks = Tasks()
        tasks.start(report(work(), "failed", posted.append), name="work")
        await tasks.close()

    run(scenario())
    assert posted == []


@pytest.mark.parametrize("is_forgiven", [False, True])
def test_who_ends_says_nothing_of_generators_that_fail_as_the_loop_closes_them(
    caplog: pytest.LogCaptureFixture, is_forgiven: bool
) -> None:
    async def events() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            raise RuntimeError("it cannot be closed")

    left: list[AsyncGenerator[int, None]] = []

    async def scenario() -> None:
        left.append(events())
        await anext(left[0])
        if is_forgiven:
            forgive_generators()

    asyncio.run(scenario())
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert any("closing of asynchronous generator" in error for error in errors) is not is_forgiven
    assert len(errors) == (0 if is_forgiven else 1)


def test_who_ends_still_says_what_else_fails(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        forgive_generators()
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)

    asyncio.run(scenario())
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_closing_does_not_wait_for_ever() -> None:
    async def stubborn() -> None:
        for _ in range(2):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue

    async def scenario() -> float:
        tasks, loop = Tasks(), asyncio.get_running_loop()
        tasks.start(stubborn(), name="stubborn")
        await asyncio.sleep(0)
        begun_s = loop.time()
        await tasks.close()
        took_s = loop.time() - begun_s
        await asyncio.sleep(120)
        return took_s

    assert run(scenario()) == pytest.approx(1.0)


class _Api:
    """Lists one pod, named for the number of the list; each takes a second, and some fail."""

    def __init__(self, *, failing: tuple[int, ...] = ()) -> None:
        self.lists: list[str] = []
        self._failing = failing

    async def list_metadata(self, path: str, **query: str) -> dict[str, Any]:
        assert "resourceVersion" not in query, "a consistent list, not one from a cache"
        self.lists.append(path)
        number = len(self.lists)
        await asyncio.sleep(1)
        if number in self._failing:
            raise ApiUnavailable("late", said="too busy")
        metadata = {"name": f"list-{number}", "uid": "u", "resourceVersion": "1"}
        return {"items": [{"metadata": metadata}]}


async def _ask(listings: PodListings, namespace: str = "shop", *, at_s: float = 0.0) -> str:
    await asyncio.sleep(at_s)
    try:
        return (await listings.list(namespace)).items[0].name
    except ApiUnavailable:
        return "no answer"


def _listings(api: _Api) -> PodListings:
    return PodListings(cast(KubernetesClient, api))


def test_who_asks_during_a_list_gets_the_next_one_and_all_of_them_the_same() -> None:
    api = _Api()

    async def scenario() -> list[str]:
        listings = _listings(api)
        times = [0.0] + [0.5] * 1000 + [3.5]  # The second list rests until 3.0.
        return list(await asyncio.gather(*(_ask(listings, at_s=at_s) for at_s in times)))

    answers = run(scenario())
    assert answers == ["list-1"] + ["list-2"] * 1000 + ["list-3"]
    assert len(api.lists) == 3


def test_elections_that_ask_without_end_are_served_by_lists_that_take_a_third_of_the_time() -> None:
    api = _Api()

    async def scenario() -> float:
        listings, loop = _listings(api), asyncio.get_running_loop()
        begun_s = loop.time()
        await asyncio.gather(*(_ask(listings, at_s=number / 10) for number in range(300)))
        return loop.time() - begun_s

    took_s = run(scenario())
    assert 30 <= took_s <= 33
    assert len(api.lists) == pytest.approx(took_s / 3, abs=1)


def test_a_list_that_fails_fails_for_all_who_wait_for_it_and_the_next_is_tried() -> None:
    api = _Api(failing=(2,))

    async def scenario() -> list[str]:
        listings = _listings(api)
        return list(await asyncio.gather(*(_ask(listings, at_s=at_s) for at_s in (0.0, 0.5, 0.6, 3.5, 15.0))))

    assert run(scenario()) == ["list-1", "no answer", "no answer", "list-3", "list-4"]
    assert len(api.lists) == 4


def test_a_list_that_fails_does_so_for_each_by_an_error_of_its_own() -> None:
    """One for a thousand elections would carry the traceback of each of them."""

    async def scenario() -> list[Any]:
        listings = _listings(_Api(failing=(1, 2)))
        return await asyncio.gather(*(listings.list("shop") for _ in range(3)), return_exceptions=True)

    errors = run(scenario())
    assert [(type(error), str(error), error.said) for error in errors] == [(ApiUnavailable, "late", "too busy")] * 3
    assert len({id(error) for error in errors}) == 3


def test_of_a_list_nothing_is_kept() -> None:
    async def scenario() -> PodListings:
        listings = _listings(_Api(failing=(1,)))
        tasks = [asyncio.create_task(_ask(listings, at_s=at_s)) for at_s in (0.0, 0.5, 0.6)]
        await asyncio.sleep(0.7)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return listings

    assert run(scenario())._listings == {}


def test_namespaces_are_listed_apart_and_beside_each_other() -> None:
    api = _Api()

    async def scenario() -> tuple[list[str], float]:
        listings, loop = _listings(api), asyncio.get_running_loop()
        begun_s = loop.time()
        answers = await asyncio.gather(_ask(listings), _ask(listings, "office"))
        return list(answers), loop.time() - begun_s

    answers, took_s = run(scenario())
    assert sorted(answers) == ["list-1", "list-2"]
    assert took_s == pytest.approx(1.0)
    assert api.lists == ["/api/v1/namespaces/shop/pods", "/api/v1/namespaces/office/pods"]


def test_of_a_list_an_election_gets_the_pods_that_it_selects_and_those_with_its_labels() -> None:
    def item(name: str, **labels: str) -> Metadata:
        return Metadata("shop", name, f"uid-of-{name}", 1, labels, terminating=False)

    listed = PodList(
        [
            item("web-0", app="web", tier="front"),
            item("web-1", app="web", tier="none"),
            item("left", app="db", **{"role.tenure.dev/web": "follower"}),
            item("told", app="db", **{"term.tenure.dev/web": "7"}),
            item("others", app="db", **{"role.tenure.dev/db": "leader"}),
        ]
    )

    def names(selector: str | None) -> list[str]:
        found = listed.concerning("web", parse_selector(selector) if selector is not None else None)
        return [ref.name for ref in found]

    assert names("app=web,tier!=none") == ["web-0", "left", "told"]
    assert names("app notin (db)") == ["web-0", "web-1", "left", "told"]
    assert names(None) == ["left", "told"]
    assert names("app=absent") == ["left", "told"]
