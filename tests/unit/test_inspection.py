"""What NATS says of itself and of the bucket, for all who ask within a while."""

from __future__ import annotations

import pytest

from tenure.nats.bucket import BucketSettings
from tenure.nats.settings import NatsSettings
from tenure.nats.store import StoreError
from tenure.runtime import leases as leases_module
from tenure.runtime.leases import Leases
from unit.virtual_time import run


def test_a_look_that_failed_fails_for_each_who_asks_by_an_error_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One for all who ask would carry the traceback of each of them."""
    monkeypatch.setattr(leases_module, "INSPECTION_INTERVAL_S", 3600.0)

    async def scenario() -> None:
        leases = Leases(NatsSettings(urls=("nats://127.0.0.1:1",)), BucketSettings())
        errors = []
        for _ in range(3):
            with pytest.raises(StoreError) as caught:
                await leases.inspect()
            errors.append(caught.value)
        assert len({(type(error), str(error)) for error in errors}) == 1
        assert len({id(error) for error in errors}) == 3
        assert len({id(error.__cause__) for error in errors}) == 1, "it was looked at once"

    run(scenario())
