"""What deleted elections leave in the bucket: it is given an end once, costs nothing afterwards, and goes."""

from __future__ import annotations

import asyncio

from tenure.election.record import render
from tenure.runtime.resync import MAX_RETIRED
from unit.builders import a_record
from unit.shell import Shell
from unit.virtual_time import run

RETENTION_S = 3600


def _leave(shell: Shell, name: str, *, holder: str = "", namespace: str = "shop", uid: str = "uid-of-shop") -> None:
    """Put the record of an election into the bucket that exists no more."""
    shell.bucket.put(f"{namespace}.{name}", render(a_record(holder, 7, namespace_uid=uid)))


def _shell(*, after: Shell | None = None) -> Shell:
    return Shell(after=after, record_retention_s=RETENTION_S)


def test_a_record_without_a_holder_is_given_an_end_as_well() -> None:
    async def scenario() -> None:
        async with _shell() as shell:
            _leave(shell, "vacant")
            _leave(shell, "held", holder="web-0_uid")

            await shell.resync.compare()

            for key in ("shop.vacant", "shop.held"):
                assert (shell.record(key).holder, shell.record(key).term) == ("", 7)
            await asyncio.sleep(RETENTION_S + 1)
            assert shell.bucket.snapshot() == []

    run(scenario())


def test_the_end_comes_though_operators_are_started_again_before_it() -> None:
    """A record that was written again by each would never go."""

    async def scenario() -> None:
        async with _shell() as first:
            _leave(first, "vacant")
            await first.resync.compare()
        await asyncio.sleep(RETENTION_S / 2)
        async with _shell(after=first) as second:
            await second.resync.compare()
            await asyncio.sleep(RETENTION_S / 2 + 1)
            assert second.bucket.snapshot() == []

    run(scenario())


def test_many_records_are_taken_in_turns_and_cost_no_request_afterwards() -> None:
    async def scenario() -> None:
        async with _shell() as shell:
            for number in range(2 * MAX_RETIRED):
                _leave(shell, f"web-{number}")
            requests = []
            for _ in range(4):
                shell.api.requests.clear()
                await shell.resync.compare()
                requests.append(len(shell.api.requests))

            assert requests[0] == requests[1] > MAX_RETIRED > 2 == requests[2] == requests[3]
            assert shell.leases.entries == {}

    run(scenario())


def test_records_of_another_cluster_are_left_alone_and_asked_about_once() -> None:
    async def scenario() -> None:
        async with _shell() as shell:
            _leave(shell, "web", uid="uid-of-another-shop")
            _leave(shell, "web", namespace="office", uid="uid-of-office")
            before = shell.bucket.snapshot()
            await shell.resync.compare()
            shell.api.requests.clear()
            _leave(shell, "api", uid="uid-of-another-shop")
            await shell.resync.compare()

            assert len(shell.api.requests) == 2
            assert shell.bucket.snapshot()[:2] == before

    run(scenario())


def test_an_election_that_goes_with_its_namespace_is_cleaned_up_all_the_same() -> None:
    async def scenario() -> None:
        async with _shell() as shell:
            shell.make_pods("web-0")
            shell.api.make_election("shop", "web", app="web")
            await asyncio.sleep(10)
            shell.api.objects.pop("/api/v1/namespaces/shop")
            shell.delete_pod("web-0")
            shell.delete_election()
            await asyncio.sleep(RETENTION_S + 1)

            assert shell.bucket.snapshot() == []

    run(scenario())


def test_g2_an_election_that_is_created_again_goes_on_counting_and_its_record_stays() -> None:
    async def scenario() -> None:
        async with _shell() as shell:
            shell.make_pods("web-0")
            shell.api.make_election("shop", "web", app="web")
            await asyncio.sleep(10)
            shell.delete_election()
            await asyncio.sleep(10)
            await shell.resync.compare()
            assert shell.leases.entries == {}
            shell.api.make_election("shop", "web", app="web")
            await asyncio.sleep(RETENTION_S + 1)

            assert shell.record().holder == "web-0_uid-of-web-0"
            assert shell.labels() == {"web-0": ("leader", str(shell.record().term))}
            assert shell.record().term > 1
            assert "retiredAt" not in shell.record().unknown

    run(scenario())
