"""Elections opened, told, and closed, among models in virtual time."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import replace

import pytest

from model.bucket import ModelBucket
from tenure.election.effects import Effect
from tenure.election.inputs import Input, ResourceSeen, StatusWritten
from tenure.election.resource import RecordName, Resource, Spec
from tenure.runtime.controller import RETRY_AFTER_ERROR_S
from tenure.runtime.dispatcher import Seat
from tenure.runtime.witness import Witness
from unit.shell import Shell
from unit.virtual_time import read_clock, run

WEB = ("shop", "web")


class _Broken:
    """Raises at every step."""

    wakes_at_s = 0.0

    def step(self, *_: object) -> Sequence[Effect]:
        raise RuntimeError("a defect")


def _break(shell: Shell) -> None:
    """Let the election's next step fail, and take that step."""
    seat = shell.controller._managed[WEB].seat
    assert seat is not None
    seat.stepper = _Broken()
    shell.controller.reconsider()


def test_g6_an_election_that_fails_begins_anew_and_keeps_its_leader(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with Shell() as shell:
            shell.make_pods("web-0", "web-1")
            shell.api.make_election("shop", "web", app="web")
            await asyncio.sleep(10)
            before = shell.labels()
            assert before == {"web-0": ("leader", "1"), "web-1": ("follower", "1")}

            _break(shell)
            await asyncio.sleep(RETRY_AFTER_ERROR_S - 1)
            revision = shell.bucket.read("shop.web").revision
            await asyncio.sleep(20)

            assert shell.bucket.read("shop.web").revision > revision, "the lease is renewed"
            assert (shell.labels(), shell.record().term) == (before, 1)
            shell.delete_pod("web-0")
            await asyncio.sleep(1)
            assert shell.labels() == {"web-1": ("leader", "2")}

    run(scenario())
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == [
        "A step of shop/web failed"
    ]


def test_what_a_failed_election_asked_for_is_no_answer_to_the_next_one(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with Shell() as shell:
            shell.make_pods("web-0")
            shell.api.make_election("shop", "web", app="web")
            await asyncio.sleep(10)
            shell.api.latency_s = 2 * RETRY_AFTER_ERROR_S
            shell.api.make_election("shop", "web", app="web", tier="none")  # so the status is to change
            await asyncio.sleep(0.1)
            assert shell.api.requests[-1].startswith("PATCH "), "a write is under way"

            _break(shell)
            await asyncio.sleep(RETRY_AFTER_ERROR_S + 0.1)
            shell.api.latency_s = 0.0
            shell.api.make_election("shop", "web", app="web")
            await asyncio.sleep(60)

            assert shell.labels()["web-0"][0] == "leader"

    run(scenario())
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 1


def test_what_an_election_that_was_replaced_has_written_its_successor_is_told_by_the_watch() -> None:
    async def scenario() -> None:
        async with Shell() as shell:
            shell.make_pods("web-0")
            shell.api.make_election("shop", "web", app="web")
            await asyncio.sleep(10)
            managed = shell.controller._managed[WEB]
            before, known = managed.seat, managed.given
            assert before is not None
            shell.controller._reopen(WEB)
            await asyncio.sleep(10)
            assert managed.seat is not None
            assert isinstance(managed.seat.stepper, Witness)

            written = replace(known, resource_version=known.resource_version + 1000)
            shell.controller._take_result(before, StatusWritten(written))
            shell.controller.see_resource(written)
            await asyncio.sleep(0.1)

            assert managed.seat.stepper._election.state.resource == written

    run(scenario())


def test_two_elections_of_one_record_never_sign_alike() -> None:
    """A nonce says whose write a record is: it must not be known from an earlier life of the election."""

    async def scenario() -> None:
        async with Shell() as shell:
            shell.make_pods("web-0")
            nonces = []
            for number in range(3):
                shell.api.make_election("shop", "web", uid=f"uid-{number}", app="web")
                await asyncio.sleep(1)
                nonces.append(shell.record().nonce)
                shell.delete_election()
                await asyncio.sleep(1)
            assert len(set(nonces)) == len(nonces)

    run(scenario())


def test_only_watched_pods_are_candidates_whoever_shows_the_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch, the answer to a status write, and a read: each brings it as it stands in the API."""
    told: list[ResourceSeen | StatusWritten] = []

    async def scenario() -> None:
        async with Shell(pod_selector="tier=front") as shell:
            dispatcher = shell.controller._dispatcher
            post = dispatcher.post

            def note(seat: Seat, happened: Input) -> None:
                if isinstance(happened, ResourceSeen | StatusWritten):
                    told.append(happened)
                post(seat, happened)

            monkeypatch.setattr(dispatcher, "post", note)
            shell.api.make_pod("shop", "web-0", app="web", tier="front")
            shell.api.make_election("shop", "web", app="web")
            await asyncio.sleep(10)
            shell.is_watching = False
            shell.api.make_election("shop", "web", app="web")  # a version that the next status write finds in its way
            shell.is_watching = True
            shell.delete_pod("web-0")
            await asyncio.sleep(10)

    run(scenario())
    resources = [one.resource for one in told if one.resource is not None]
    assert {type(one) for one in told} == {ResourceSeen, StatusWritten}
    assert any(isinstance(one, ResourceSeen) and one.read_at_s is not None for one in told)
    assert {tuple(sorted(_required(resource))) for resource in resources} == {("app", "tier")}


def _required(resource: Resource) -> list[str]:
    assert isinstance(resource.spec, Spec)
    return [requirement.key for requirement in resource.spec.selector.requirements]


def test_a_record_in_another_bucket_is_had_by_the_first_that_names_it_until_that_is_deleted() -> None:
    record = RecordName("aether", "leader")
    claim = {"leaderId": "web-1", "term": 3, "startedAt": "2026-01-01T00:00:00Z", "expiresAt": "2026-01-01T00:00:15Z"}

    async def scenario() -> None:
        async with Shell(allowed_records=(record,)) as shell:
            bucket = shell.buckets["aether"] = ModelBucket(lambda: read_clock().wall_s)
            shell.make_pods("web-0", "web-1")
            spec = {"campaign": "Pods", "record": record._asdict()}
            shell.api.make_election("shop", "web", app="web", spec=spec)
            shell.api.make_election("shop", "web-too", app="web", spec=spec)
            await asyncio.sleep(1)
            bucket.put("leader", json.dumps(claim).encode())
            await asyncio.sleep(1)

            assert shell.labels() == {"web-0": ("follower", "3"), "web-1": ("leader", "3")}
            assert shell.labels("web-too") == {"web-0": (None, None), "web-1": (None, None)}
            assert _accepted(shell, "web-too") == "RecordConflict"
            shell.delete_election("web")
            await asyncio.sleep(1)

            assert shell.labels("web-too") == {"web-0": ("follower", "3"), "web-1": ("leader", "3")}
            assert _accepted(shell, "web-too") == "Accepted"

    run(scenario())


def test_an_election_whose_record_is_not_allowed_touches_nothing_and_says_so() -> None:
    async def scenario() -> None:
        async with Shell() as shell:
            shell.make_pods("web-0")
            spec = {"campaign": "Pods", "record": {"key": "shop.other"}}
            shell.api.make_election("shop", "web", app="web", spec=spec)
            await asyncio.sleep(1)

            assert _accepted(shell, "web") == "RecordNotAllowed"
            assert shell.labels() == {"web-0": (None, None)}

    run(scenario())


def _accepted(shell: Shell, name: str) -> str:
    conditions = shell.status(name)["conditions"]
    return next(str(one["reason"]) for one in conditions if one["type"] == "Accepted")
