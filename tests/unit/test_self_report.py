"""What an operator says of itself, without a NATS server."""

from __future__ import annotations

from typing import Any

import pytest

from tenure import self_report
from tenure.election.entry import Entry
from tenure.metrics import ElectionFigures, Readings
from tenure.nats.bucket import BucketFacts
from tenure.nats.inspection import Inspection
from tenure.nats.store import StoreError, Unavailable
from tenure.settings import Settings

_BUCKET = BucketFacts("leases", 1_795_532_400.0, 7, allows_ttl=True, replicas=3, storage="file", warnings=("Hm.",))
_SEEN = Inspection("n1", "2.15.0", 0.002, 40.0, _BUCKET, "")
_RECORD = b'{"leaderId": "web-0_u0", "term": 3, "leaseDurationSeconds": 15, "startedAt": "%s", "expiresAt": "%s"}'


class _Leases:
    def __init__(self, seen: Inspection | StoreError, value: bytes | None = None) -> None:
        self._seen = seen
        self.entries = {"shop.web": Entry(5, value, 1_000_037.0)}

    async def inspect(self) -> Inspection:
        if isinstance(self._seen, StoreError):
            raise self._seen
        return self._seen


async def _report(leases: _Leases | None, election: str = "") -> dict[str, Any]:
    led = ElectionFigures("shop", "web", leader="web-0")
    readings = Readings(nats_connected=leases is not None, acts=True, elections=[led, ElectionFigures("shop", "db")])
    return await self_report.report(
        Settings(namespaces=("shop",)),
        waits_for="",
        readings=readings,
        leases=leases,  # type: ignore[arg-type]
        election=election,
    )


async def test_it_counts_its_elections_and_tells_of_the_bucket() -> None:
    told = await _report(_Leases(_SEEN))

    assert (told["acts"], told["elections"], told["led"], told["namespaces"]) == (True, 2, 1, ["shop"])
    assert (told["nats"]["server"], told["nats"]["clockAheadSeconds"]) == ("n1", 40.0)
    assert (told["nats"]["bucket"]["replicas"], told["nats"]["bucket"]["warnings"]) == (3, ["Hm."])
    assert "error" not in told["nats"]
    assert "lease" not in told


async def test_before_there_is_a_connection_it_says_so() -> None:
    assert (await _report(None))["nats"] == {"connected": False}


async def test_why_nats_does_not_answer_is_told() -> None:
    assert (await _report(_Leases(Unavailable("There is no connection to NATS."))))["nats"] == {
        "connected": True,
        "error": "There is no connection to NATS.",
    }


async def test_the_age_of_a_lease_is_told_by_the_clock_of_nats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_000_000.0)
    times = (b"2026-11-24T08:00:00Z", b"2026-11-24T08:00:15Z")

    told = await _report(_Leases(_SEEN, _RECORD % times), "shop/web")

    assert told["lease"] == {
        "holderIdentity": "web-0_u0",
        "term": 3,
        "durationSeconds": 15,
        "writtenSecondsAgo": 3.0,
    }


@pytest.mark.parametrize(
    ("value", "election", "lease"),
    [
        (b"{}", "shop/db", None),
        (None, "shop/web", None),
        (b"[", "shop/web", {"error": "it is not JSON"}),
        (b"{}", "no such thing", None),
    ],
)
async def test_a_lease_that_is_not_there_or_not_believed(value: bytes | None, election: str, lease: object) -> None:
    assert (await _report(_Leases(_SEEN, value), election))["lease"] == lease
