"""Records in other buckets than the operator's own are opened at some time, whatever goes wrong meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from tenure.election.resource import RecordName
from tenure.nats.bucket import BucketRefused
from tenure.nats.store import Unavailable
from tenure.runtime.leases import Leases
from tenure.runtime.record_book import RecordBook
from tenure.runtime.records import Records
from unit.builders import SPEC, a_resource
from unit.virtual_time import run

_GO = RecordName("aether-leader-election", "leader")


class _Leases:
    """Cannot be opened at first, for each of these reasons once."""

    def __init__(self, *troubles: Exception) -> None:
        self.is_open = False
        self._troubles = list(troubles)

    def listen(self, **_: Any) -> None:
        pass

    async def start(self) -> None:
        if self._troubles:
            raise self._troubles.pop(0)
        self.is_open = True

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("trouble", [Unavailable("late"), BucketRefused("No such bucket."), RuntimeError("a defect")])
def test_a_record_elsewhere_is_opened_in_the_end_whatever_kept_it_from_that(
    trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    own, elsewhere = _Leases(), _Leases(trouble)
    resource = a_resource(spec=replace(SPEC, pods_campaign=True, record=_GO))

    async def scenario() -> None:
        book = RecordBook("leader-elections", [_GO])
        records = Records(cast(Leases, own), book, lambda _: cast(Leases, elsewhere))
        book.enter(resource)
        records.leases_of(_GO)
        await asyncio.sleep(1)
        refusal = records.refusal(resource)
        assert (refusal is not None) is isinstance(trouble, BucketRefused)
        await asyncio.sleep(60)
        assert elsewhere.is_open
        assert records.refusal(resource) is None
        await records.close()

    run(scenario())
    is_logged = f"The record {_GO} could not be opened" in caplog.text
    assert is_logged is isinstance(trouble, RuntimeError)
