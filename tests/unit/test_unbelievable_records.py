"""A value that is no lease record becomes `Unbelievable`, with the end of a sentence, and never an exception."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tenure.election.record import (
    MAX_IDENTITY_LENGTH,
    MAX_RECORD_BYTES,
    MAX_TERM,
    LeaseRecord,
    Unbelievable,
    parse,
    render,
)
from unit.builders import a_record

_GOOD = {
    "leaderId": "n1",
    "term": 7,
    "startedAt": "2024-01-01T00:00:00Z",
    "expiresAt": "2024-01-01T00:00:10Z",
}


def _with(**fields: Any) -> bytes:
    return json.dumps(_GOOD | fields).encode()


def _without(name: str) -> bytes:
    return json.dumps({other: content for other, content in _GOOD.items() if other != name}).encode()


def _with_raw_term(term: str) -> bytes:
    return _with(term=0).replace(b'"term": 0', b'"term": ' + term.encode())


_NOT_JSON = "it is not JSON"
_NOT_AN_OBJECT = "it is not a JSON object"
_NOT_WHOLE = "term is not a whole number"
_OUT_OF_RANGE = f"term is not in 1 to {MAX_TERM}"
_BAD_DURATION = "leaseDurationSeconds is not a whole number of at least 1"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(b"", _NOT_JSON, id="empty"),
        pytest.param(b"leader", _NOT_JSON, id="a word"),
        pytest.param(b'{"leaderId":"n1"', _NOT_JSON, id="cut short"),
        pytest.param(_with() + b"}", _NOT_JSON, id="more after the end"),
        pytest.param(b"\xff\xfe\x00", _NOT_JSON, id="not UTF-8"),
        pytest.param(_with().replace(b"n1", b"n\xff"), _NOT_JSON, id="not UTF-8 within the holder"),
        pytest.param(_with().replace(b"n1", b"\xed\xa0\x80"), _NOT_JSON, id="a surrogate as bytes within the holder"),
        pytest.param(_with().decode().encode("utf-16"), _NOT_JSON, id="UTF-16"),
        pytest.param(_with_raw_term("9" * 5000), _NOT_JSON, id="an integer of 5000 digits"),
        pytest.param(_with_raw_term("NaN"), _NOT_JSON, id="NaN"),
        pytest.param(_with_raw_term("Infinity"), _NOT_JSON, id="Infinity"),
        pytest.param(_with_raw_term("-Infinity"), _NOT_JSON, id="-Infinity"),
        pytest.param(b"[" * 8000 + b"]" * 8000, _NOT_JSON, id="nested 8000 deep"),
        pytest.param(b'{"a":' * 2700 + b"1" + b"}" * 2700, _NOT_JSON, id="objects nested 2700 deep"),
        pytest.param(b"null", _NOT_AN_OBJECT, id="null"),
        pytest.param(b"[]", _NOT_AN_OBJECT, id="a list"),
        pytest.param(b'"n1"', _NOT_AN_OBJECT, id="a string"),
        pytest.param(b"7", _NOT_AN_OBJECT, id="a number"),
        pytest.param(b"{}", "leaderid is not a string", id="no fields"),
        pytest.param(_without("leaderId"), "leaderid is not a string", id="no holder"),
        pytest.param(_with(leaderId=None), "leaderid is not a string", id="holder null"),
        pytest.param(_with(leaderId=7), "leaderid is not a string", id="holder a number"),
        pytest.param(_with(leaderId=["n1"]), "leaderid is not a string", id="holder a list"),
        pytest.param(_with(leaderId="x" * 513), "leaderid is longer than 512 characters", id="holder too long"),
        pytest.param(
            _with(leaderId="\ud800"),
            "leaderid has characters that cannot be printed",
            id="holder with half a character",
        ),
        pytest.param(
            _with(leaderId="n1\nlevel=error"),
            "leaderid has characters that cannot be printed",
            id="holder of two lines",
        ),
        pytest.param(
            _with(leaderId="\x1b[31mn1"), "leaderid has characters that cannot be printed", id="holder that colours"
        ),
        pytest.param(
            _with(nonce="a\udfff"), "nonce has characters that cannot be printed", id="nonce with half a character"
        ),
        pytest.param(_without("term"), _NOT_WHOLE, id="no term"),
        pytest.param(_with(term=None), _NOT_WHOLE, id="term null"),
        pytest.param(_with(term="7"), _NOT_WHOLE, id="term a string"),
        pytest.param(_with(term=True), _NOT_WHOLE, id="term true"),
        pytest.param(_with(term=7.0), _NOT_WHOLE, id="term 7.0"),
        pytest.param(_with_raw_term("1e3"), _NOT_WHOLE, id="term 1e3"),
        pytest.param(_with_raw_term("1e999"), _NOT_JSON, id="term beyond all floats"),
        pytest.param(_with(other=0).replace(b" 0", b" 1e999"), _NOT_JSON, id="an unknown number beyond all floats"),
        pytest.param(_with(term=0), _OUT_OF_RANGE, id="term 0"),
        pytest.param(_with(term=-1), _OUT_OF_RANGE, id="term negative"),
        pytest.param(_with(term=2**53 - 1), _OUT_OF_RANGE, id="term 2^53-1"),
        pytest.param(_with(term=2**63), _OUT_OF_RANGE, id="term 2^63"),
        pytest.param(_with(term=2**64 - 1), _OUT_OF_RANGE, id="the highest term that the seed can count to"),
        pytest.param(_with_raw_term("9" * 4000), _OUT_OF_RANGE, id="term of 4000 digits"),
        pytest.param(_without("startedAt"), "startedat is not an RFC 3339 time", id="no start"),
        pytest.param(_with(startedAt=0), "startedat is not an RFC 3339 time", id="start a number"),
        pytest.param(_with(expiresAt="soon"), "expiresat is not an RFC 3339 time", id="end a word"),
        pytest.param(
            _with(expiresAt="2024-01-01T00:00:00"), "expiresat is not an RFC 3339 time", id="end without zone"
        ),
        pytest.param(_with(leaseDurationSeconds=0), _BAD_DURATION, id="duration 0"),
        pytest.param(_with(leaseDurationSeconds=-15), _BAD_DURATION, id="duration negative"),
        pytest.param(_with(leaseDurationSeconds=True), _BAD_DURATION, id="duration true"),
        pytest.param(_with(leaseDurationSeconds=1.5), _BAD_DURATION, id="duration 1.5"),
        pytest.param(_with(leaseDurationSeconds="15"), _BAD_DURATION, id="duration a string"),
        pytest.param(_with(nonce=1), "nonce is not a string", id="nonce a number"),
        pytest.param(_with(nonce="x" * 513), "nonce is longer than 512 characters", id="nonce too long"),
        pytest.param(_with(writer={}), "writer is not a string", id="writer an object"),
        pytest.param(_with(namespaceUID=False), "namespaceuid is not a string", id="namespace UID false"),
    ],
)
def test_it_cannot_be_believed_because(value: bytes, reason: str) -> None:
    assert parse(value) == Unbelievable(reason)


def test_the_longest_value_and_one_byte_more() -> None:
    longest = _with(filler="") + b" " * (MAX_RECORD_BYTES - len(_with(filler="")))

    assert isinstance(parse(longest), LeaseRecord)
    assert parse(longest + b" ") == Unbelievable("its 16385 bytes are more than 16384")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(_with(term=1), id="the lowest term"),
        pytest.param(_with(term=2**53 - 2), id="the highest term"),
        pytest.param(_with(leaderId=""), id="released"),
        pytest.param(_with(leaderId="x" * MAX_IDENTITY_LENGTH), id="the longest holder"),
        pytest.param(_with(leaderId="\N{GRINNING FACE}"), id="a holder with a character of two halves"),
        pytest.param(_with(startedAt="0001-01-01T00:00:00Z", expiresAt="9999-12-31T23:59:59Z"), id="all of time"),
        pytest.param(_with(leaseDurationSeconds=10**300), id="a duration beyond reason, which is capped elsewhere"),
        pytest.param(_with(other={"nonce": 1}), id="an unknown field that contains a known one"),
    ],
)
def test_what_is_odd_but_clear_is_believed(value: bytes) -> None:
    assert isinstance(parse(value), LeaseRecord)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(2**70), 2**70) | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=10,
)
_TIMES = st.sampled_from(["2024-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999999-23:59"])
_ALMOST_RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "leaderId": st.text() | _JSON,
        "term": st.integers(1, 9) | _JSON,
        "startedAt": _TIMES | _JSON,
        "expiresAt": _TIMES | _JSON,
        "leaseDurationSeconds": st.integers(1, 9) | _JSON,
        "nonce": st.text() | _JSON,
        "writer": st.text() | _JSON,
        "namespaceUID": st.text() | _JSON,
        "other": _JSON,
    },
)


def _check(value: bytes) -> None:
    """Whatever was read is either refused with words, or keeps all that the rest of the code relies on."""
    record = parse(value)
    if isinstance(record, Unbelievable):
        assert record.reason
        assert not record.reason.endswith(".")
        return
    assert type(record.term) is int
    assert 1 <= record.term <= MAX_TERM
    assert len(record.holder) <= MAX_IDENTITY_LENGTH
    assert record.duration_s is None or (type(record.duration_s) is int and record.duration_s >= 1)
    render(record)


@given(st.binary(max_size=200))
@example(b"")
def test_no_bytes_raise(value: bytes) -> None:
    _check(value)


@given(st.text())
def test_no_text_raises(value: str) -> None:
    _check(value.encode())


@given(_JSON)
def test_no_json_raises(value: Any) -> None:
    _check(json.dumps(value).encode())


@given(_ALMOST_RECORDS)
def test_nothing_that_is_almost_a_record_raises(fields: dict[str, Any]) -> None:
    _check(json.dumps(fields).encode())


@given(st.integers(0, 400), st.binary(max_size=3))
def test_no_damage_to_a_record_raises(place: int, damage: bytes) -> None:
    value = render(a_record("web-0_1", 7))
    place %= len(value)

    _check(value[:place] + damage + value[place + len(damage) :])
