"""The lease record as bytes: what is written, what is read, and what becomes of fields that are not ours."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.election.record import (
    MAX_RECORD_BYTES,
    MAX_TERM,
    LeaseRecord,
    Signature,
    claim,
    parse,
    release,
    render,
    renewal,
)
from tenure.election.request import Switchover
from unit.builders import NAMESPACE_UID, WRITER, a_record, a_signature

_TEXTS = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=10)
_SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
_JSON = st.recursive(
    _SCALARS | _TEXTS,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(_TEXTS, children, max_size=3),
    max_leaves=4,
)
_OURS = {
    "leaderid",
    "term",
    "startedat",
    "expiresat",
    "leasedurationseconds",
    "nonce",
    "writer",
    "namespaceuid",
    "switchover",
}
_unknown = st.dictionaries(_TEXTS.filter(lambda name: name.lower().replace("_", "") not in _OURS), _JSON, max_size=2)
_times = st.integers(-(2**32) * 10**6, 2**32 * 10**6).map(lambda microseconds: microseconds / 10**6)
_ids = st.text(st.characters(codec="utf-8"), min_size=1, max_size=63)
_switchovers = st.builds(Switchover, id=_ids, to_pod_name=st.none() | _TEXTS.filter(bool))
_records = st.builds(
    LeaseRecord,
    holder=_TEXTS,
    term=st.integers(1, MAX_TERM),
    started_at_s=_times,
    expires_at_s=_times,
    duration_s=st.none() | st.integers(1, 2**70),
    nonce=st.none() | _TEXTS,
    writer=st.none() | _TEXTS,
    namespace_uid=st.none() | _TEXTS,
    switchover=st.none() | _switchovers,
    unknown=_unknown,
)
_signatures = st.builds(
    Signature,
    wall_s=_times,
    duration_s=st.integers(3, 3600),
    writer=_TEXTS,
    nonce=_TEXTS,
    namespace_uid=st.none() | _TEXTS,
    switchover=st.none() | _switchovers,
)


def _as_the_seed_reads(value: bytes) -> dict[str, Any]:
    """What a reader makes of it that knows four fields, takes a term as a uint64 and times as Go's RFC 3339."""
    fields = {name.lower(): content for name, content in json.loads(value.decode("utf-8")).items()}
    assert isinstance(fields["leaderid"], str)
    assert type(fields["term"]) is int
    assert 0 <= fields["term"] < 2**64
    for name in ("startedat", "expiresat"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", fields[name])
    return {name: fields[name] for name in ("leaderid", "term", "startedat", "expiresat")}


def _spelled(leader: str, term: str, started: str, expires: str) -> bytes:
    fields = {leader: "n1", term: 7, started: "2024-01-01T00:00:00Z", expires: "2024-01-01T00:00:10Z"}
    return json.dumps(fields).encode()


@given(_records)
def test_what_is_written_is_read_back(record: LeaseRecord) -> None:
    assert parse(render(record)) == record


@given(_records)
def test_a_reader_that_knows_only_the_four_fields_can_read_it(record: LeaseRecord) -> None:
    fields = _as_the_seed_reads(render(record))

    assert (fields["leaderid"], fields["term"]) == (record.holder, record.term)


def test_a_record_is_written_as_the_four_fields_and_ours() -> None:
    record = a_record("web-0_1", 7, started_at_s=0.0, expires_at_s=15.0, nonce="operator/one#3", unknown={"zone": "b"})

    assert render(record).decode() == (
        '{"leaderId":"web-0_1","term":7,'
        '"startedAt":"1970-01-01T00:00:00.000000Z","expiresAt":"1970-01-01T00:00:15.000000Z",'
        f'"leaseDurationSeconds":15,"nonce":"operator/one#3","writer":"{WRITER}","namespaceUID":"{NAMESPACE_UID}",'
        '"zone":"b"}'
    )


@pytest.mark.parametrize(
    "value",
    [
        _spelled("leaderId", "term", "startedAt", "expiresAt"),
        _spelled("LeaderID", "Term", "StartedAt", "ExpiresAt"),
        _spelled("leader_id", "term", "started_at", "expires_at"),
        _spelled("Leader_Id", "TERM", "Started_At", "EXPIRES_AT"),
        _spelled("leaderid", "term", "startedat", "expiresat"),
        _spelled("LEADER_ID", "_term_", "startedAT", "_expires_at"),
    ],
)
def test_the_four_fields_are_read_in_any_spelling(value: bytes) -> None:
    assert parse(value) == LeaseRecord("n1", 7, started_at_s=1704067200.0, expires_at_s=1704067210.0)


def test_our_own_fields_are_read_in_any_spelling_too() -> None:
    fields = {"leaderId": "", "term": 1, "startedAt": "1970-01-01T00:00:00Z", "expiresAt": "1970-01-01T00:00:00Z"}
    ours = {"LeaseDurationSeconds": 9, "NONCE": "n", "Writer": "w", "namespace_uid": "u"}

    assert parse(json.dumps(fields | ours).encode()) == LeaseRecord("", 1, 0.0, 0.0, 9, "n", "w", "u")


def test_fields_of_ours_that_are_null_count_as_absent() -> None:
    value = json.loads(_spelled("leaderId", "term", "startedAt", "expiresAt"))
    ours = {"leaseDurationSeconds": None, "nonce": None, "writer": None, "namespaceUID": None}

    assert parse(json.dumps(value | ours).encode()) == parse(json.dumps(value).encode())


def test_a_record_names_the_switchover_for_which_it_was_written() -> None:
    to_any = json.loads(render(a_record("web-1_2", 8, switchover=Switchover("drain\n1"))))
    to_one = json.loads(render(a_record("web-1_2", 8, switchover=Switchover("drain-1", "web-1", 1.0))))

    assert to_any["switchover"] == {"id": "drain\n1"}
    assert to_one["switchover"] == {"id": "drain-1", "toPodName": "web-1"}, "its time has come"


@pytest.mark.parametrize(
    "named",
    [
        None,
        "drain-1",
        {},
        {"id": 1},
        {"id": ""},
        {"id": "x" * 64},
        {"id": "half of a pair: \ud800"},
        {"id": "drain-1", "toPodName": 1},
        {"id": "drain-1", "toPodName": ""},
        {"id": "drain-1", "toPodName": "x" * 254},
    ],
)
def test_a_switchover_that_nobody_can_have_asked_for_is_none_and_the_record_stands(named: Any) -> None:
    """Its id goes into the status, which the API server must take."""
    value = json.loads(render(a_record("web-0_1", 7)))

    assert parse(json.dumps(value | {"switchover": named}).encode()) == a_record("web-0_1", 7)


@pytest.mark.parametrize(
    ("writer", "by_operator"),
    [("operator/web-1/a1b2", True), ("operator/", True), ("operator", False), ("library/web-0", False), (None, False)],
)
def test_who_wrote_it_is_told_by_the_writer(writer: str | None, by_operator: bool) -> None:
    assert a_record(writer=writer).by_operator is by_operator


@given(_records, _signatures, st.text(min_size=1, max_size=40), st.integers(1, MAX_TERM))
def test_a_claim_begins_anew(record: LeaseRecord, signature: Signature, holder: str, term: int) -> None:
    claimed = claim(holder, term, signature)

    assert claimed.unknown == {}
    assert (claimed.holder, claimed.term, claimed.started_at_s) == (holder, term, signature.wall_s)
    assert claimed.expires_at_s == signature.wall_s + signature.duration_s
    assert _signed_by(claimed) == _signature_of(signature)
    assert claimed.duration_s == signature.duration_s


def test_a_claim_for_nobody_has_run_out_at_once() -> None:
    vacant = claim("", 8, a_signature(wall_s=2000.0))

    assert (vacant.holder, vacant.term, vacant.expires_at_s) == ("", 8, 2000.0)


@given(_records, _signatures)
def test_a_renewal_changes_nothing_but_the_time_and_the_signature(record: LeaseRecord, signature: Signature) -> None:
    renewed = renewal(record, signature)

    assert (renewed.holder, renewed.term, renewed.started_at_s) == (record.holder, record.term, record.started_at_s)
    assert (renewed.unknown, renewed.switchover) == (record.unknown, record.switchover)
    assert renewed.expires_at_s == signature.wall_s + signature.duration_s
    assert renewed.duration_s == signature.duration_s
    assert _signed_by(renewed) == _signature_of(signature)


@given(_records, _signatures)
def test_a_release_keeps_the_term_and_has_run_out(record: LeaseRecord, signature: Signature) -> None:
    released = release(record, signature)

    assert (released.holder, released.term, released.unknown) == ("", record.term, record.unknown)
    assert released.switchover == signature.switchover
    assert released.expires_at_s <= signature.wall_s
    assert _signed_by(released) == _signature_of(signature)


def test_a_renewal_keeps_what_a_newer_version_wrote_and_a_claim_drops_it() -> None:
    stored = parse(render(replace(a_record("web-0_1", 7), unknown={"span": ["eu", {"n": 1.5}], "": None})))
    assert isinstance(stored, LeaseRecord)

    assert json.loads(render(renewal(stored, a_signature())))["span"] == ["eu", {"n": 1.5}]
    assert set(json.loads(render(claim("web-1_2", 8, a_signature())))) == {
        "leaderId",
        "term",
        "startedAt",
        "expiresAt",
        "leaseDurationSeconds",
        "nonce",
        "writer",
        "namespaceUID",
    }


@given(_records, _signatures)
def test_what_is_written_over_a_record_is_as_believable_as_that_was(record: LeaseRecord, signature: Signature) -> None:
    for written in (renewal(record, signature), release(record, signature)):
        read = parse(render(written))
        assert isinstance(read, LeaseRecord)
        assert read == replace(written, expires_at_s=read.expires_at_s)
        assert abs(read.expires_at_s - written.expires_at_s) < 1e-6


def test_unknown_fields_that_would_make_a_record_too_long_are_dropped() -> None:
    """Every character of them takes up to six times as many bytes in our spelling as it did in another."""
    longest = b'"' + "\N{LATIN SMALL LETTER E WITH ACUTE}".encode() * 8000 + b'"'
    stored = parse(render(a_record("web-0_1", 7))[:-1] + b',"x":' + longest + b"}")
    assert isinstance(stored, LeaseRecord)

    assert parse(render(stored)) == replace(stored, unknown={})


@pytest.mark.parametrize(("excess", "is_kept"), [(0, True), (1, False)])
def test_the_longest_record_that_keeps_its_unknown_fields(excess: int, is_kept: bool) -> None:
    shortest = a_record("web-0_1", 7, unknown={"x": ""})
    filler = "x" * (MAX_RECORD_BYTES - len(render(shortest)) + excess)

    value = render(replace(shortest, unknown={"x": filler}))

    assert len(value) <= MAX_RECORD_BYTES
    assert (filler.encode() in value) is is_kept


def _signed_by(record: LeaseRecord) -> tuple[str | None, str | None, str | None]:
    return record.writer, record.nonce, record.namespace_uid


def _signature_of(signature: Signature) -> tuple[str, str, str | None]:
    return signature.writer, signature.nonce, signature.namespace_uid
