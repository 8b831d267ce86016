"""What an operator says of itself, without a NATS server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tenure import self_report
from tenure.election.entry import Entry
from tenure.election.resource import RecordName, Resource
from tenure.metrics import ElectionFigures, Readings
from tenure.nats.bucket import BucketFacts
from tenure.nats.inspection import Inspection
from tenure.nats.store import StoreError, Unavailable
from tenure.runtime.keys import Key
from tenure.runtime.record_book import RecordBook
from tenure.runtime.records import Records
from tenure.settings import Settings
from unit.builders import SPEC, a_resource

_BUCKET = BucketFacts("leases", 1_795_532_400.0, 7, allows_ttl=True, replicas=3, storage="file", warnings=("Hm.",))
_SEEN = Inspection("n1", "2.15.0", 0.002, 40.0, _BUCKET, "")
_RECORD = b'{"leaderId": "web-0_u0", "term": 3, "leaseDurationSeconds": 15, "startedAt": "%s", "expiresAt": "%s"}'


_TIMES = (b"2026-11-24T08:00:00Z", b"2026-11-24T08:00:15Z")

_GO = RecordName("aether", "leader")
_AETHER = replace(_SEEN, clock_ahead_s=39.0, bucket=replace(_BUCKET, name="aether", warnings=("It forgets.",)))
_ELSEWHERE = replace(a_resource(spec=replace(SPEC, pods_campaign=True, record=_GO)), name="go")


class _Leases:
    """A bucket that was looked at already, and what its watch has shown."""

    usable_connection = 1

    def __init__(self, seen: Inspection | StoreError, **entries: bytes | None) -> None:
        self._seen = seen
        self.entries = {key.replace("_", "."): Entry(5, value, 1_000_037.0) for key, value in entries.items()}

    def listen(self, **_: Any) -> None:
        pass

    async def start(self) -> None:
        pass

    async def inspect(self) -> Inspection:
        if isinstance(self._seen, StoreError):
            raise self._seen
        return self._seen


async def _report(own: _Leases | None, election: str = "", *, elsewhere: _Leases | None = None) -> dict[str, Any]:
    """Return the report of an operator with the election shop/web and, if there is a bucket elsewhere, shop/go."""
    led = ElectionFigures("shop", "web", leader="web-0")
    readings = Readings(nats_connected=own is not None, acts=True, elections=[led, ElectionFigures("shop", "db")])
    book = RecordBook("leases", [_GO])
    records = Records(own, book, lambda _: elsewhere)  # type: ignore[arg-type, return-value]
    elections: dict[Key, Resource] = {("shop", "web"): a_resource()}
    if elsewhere is not None:
        elections["shop", "go"] = _ELSEWHERE
        book.enter(_ELSEWHERE)
        records.leases_of(_GO)
    return await self_report.report(
        Settings(namespaces=("shop",)),
        waits_for="",
        readings=readings,
        records=records if own is not None else None,
        find=elections.get,
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

    told = await _report(_Leases(_SEEN, shop_web=_RECORD % _TIMES), "shop/web")

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
    assert (await _report(_Leases(_SEEN, shop_web=value), election))["lease"] == lease


async def test_a_lease_elsewhere_is_told_from_its_own_bucket_and_by_its_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_000_000.0)
    own, elsewhere = _Leases(_SEEN, shop_go=b"{}", leader=b"{}"), _Leases(_AETHER, leader=_RECORD % _TIMES)

    told = await _report(own, "shop/go", elsewhere=elsewhere)

    assert (told["lease"]["holderIdentity"], told["lease"]["writtenSecondsAgo"]) == ("web-0_u0", 2.0)


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        pytest.param(_AETHER, ("aether", ["It forgets."], None), id="in order"),
        pytest.param(Unavailable("It is away."), (None, None, "It is away."), id="away"),
    ],
)
async def test_the_bucket_of_a_record_elsewhere_is_looked_at_as_well(seen: Inspection | StoreError, told: Any) -> None:
    report = await _report(_Leases(_SEEN), elsewhere=_Leases(seen))

    [one] = report["elsewhere"]
    bucket = one.get("bucket", {})
    assert (one["record"], one["connected"]) == ("aether/leader", True)
    assert (bucket.get("name"), bucket.get("warnings"), one.get("error")) == told
    assert report["nats"]["bucket"]["name"] == "leases"


async def test_a_record_elsewhere_that_no_election_has_any_more_is_not_told_of() -> None:
    book = RecordBook("leases", [_GO])
    records = Records(_Leases(_SEEN), book, lambda _: _Leases(_AETHER))  # type: ignore[arg-type, return-value]
    book.enter(_ELSEWHERE)
    records.leases_of(_GO)
    book.leave(("shop", "go"))

    assert records.elsewhere() == {}
