"""The operator's own lease, when something in it is broken."""

from __future__ import annotations

import asyncio
import logging
from typing import cast

import pytest

from model.bucket import ModelBucket
from tenure.election.candidacy import Candidacy
from tenure.election.timing import Timing
from tenure.runtime.leases import Leases
from tenure.runtime.operator_lease import OperatorLease
from unit.shell import ModelLeases


class _Broken(Candidacy):
    def step(self, *_: object) -> list[object]:  # type: ignore[override]
        raise RuntimeError("a defect")


async def test_a_part_in_the_election_of_replicas_that_fails_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """What this process may do, nothing says any more: it has to end."""
    candidacy = _Broken(
        identity="a", writer="operator/a", namespace_uid=None, timing=Timing.derive(5), poll_interval_s=2.0
    )
    lease = OperatorLease(cast(Leases, ModelLeases(ModelBucket(lambda: 1.8e9))), candidacy, key="_operator.uid.tenure")

    lease.campaign()

    async with asyncio.timeout(10):
        await lease.has_failed.wait()
    await lease.close()
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == [
        "A step of record/_operator.uid.tenure failed"
    ]
