"""A candidacy among the shell's parts: what comes between two of its steps."""

from __future__ import annotations

import asyncio
from typing import cast

from model.bucket import ModelBucket
from tenure.election.candidacy import Candidacy
from tenure.election.record import LeaseRecord, parse, render
from tenure.election.timing import Timing
from tenure.runtime.campaign import Campaign
from tenure.runtime.leases import Leases
from unit.builders import a_record
from unit.shell import ModelLeases
from unit.virtual_time import read_clock, run

_KEY = "web"


def test_a_term_that_the_watch_showed_is_not_claimed_again_though_its_record_was_deleted_before_the_next_step() -> None:
    """A node in Go claims and resigns at once: of the two entries the mailbox keeps the deletion alone."""

    async def scenario() -> int:
        bucket = ModelBucket(lambda: read_clock().wall_s)
        candidacy = Candidacy(
            identity="one", writer="one", namespace_uid=None, timing=Timing.derive(5), poll_interval_s=2.0
        )
        leases = cast(Leases, ModelLeases(bucket))
        campaign = Campaign(leases, candidacy, key=_KEY, on_step=lambda _: None, on_failure=lambda: None)
        campaign.begin()
        bucket.put(_KEY, render(a_record("go", 7, writer=None)))
        bucket.delete(_KEY)
        await asyncio.sleep(20)
        record = parse(bucket.read(_KEY).value or b"")
        await campaign.close()
        assert isinstance(record, LeaseRecord)
        assert record.holder == "one"
        return record.term

    assert run(scenario()) == 8
