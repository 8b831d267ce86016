"""Times between Unix seconds and RFC 3339, both ways."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tenure.election.clock import from_rfc3339, rfc3339

_YEAR_1_S = -62135596800.0
_YEAR_10000_S = 253402300800.0

_zones = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@pytest.mark.parametrize(
    ("wall_s", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000000Z"),
        (1704067200.25, "2024-01-01T00:00:00.250000Z"),
        (-1.5, "1969-12-31T23:59:58.500000Z"),
        (_YEAR_1_S, "0001-01-01T00:00:00.000000Z"),
        (-58000000000.5, "0132-01-20T16:53:19.500000Z"),
        (_YEAR_10000_S - 1, "9999-12-31T23:59:59.000000Z"),
        # What no calendar has is clipped, not refused.
        (_YEAR_1_S - 1, "0001-01-01T00:00:00.000000Z"),
        (_YEAR_10000_S, "9999-12-31T23:59:59.000000Z"),
        (-math.inf, "0001-01-01T00:00:00.000000Z"),
        (math.inf, "9999-12-31T23:59:59.000000Z"),
    ],
)
def test_seconds_are_written_as_rfc_3339_in_utc(wall_s: float, text: str) -> None:
    assert rfc3339(wall_s) == text


@pytest.mark.parametrize(
    ("text", "wall_s"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("2024-01-01T00:00:00.25Z", 1704067200.25),
        # As Go's time.Time writes itself: up to nine digits, none that would be zero, and the zone of its machine.
        ("2024-01-01T01:00:00.5+01:00", 1704067200.5),
        ("2023-12-31T19:30:00.123456789-04:30", 1704067200.123456),
        ("2024-01-01T00:00:00.000000001Z", 1704067200.0),
        ("0001-01-01T00:00:00Z", _YEAR_1_S),
        ("0001-01-01T00:00:00+14:00", _YEAR_1_S - 14 * 3600),
        ("9999-12-31T23:59:59.5Z", _YEAR_10000_S - 0.5),
        ("9999-12-31T23:59:59-12:00", _YEAR_10000_S - 1 + 12 * 3600),
    ],
)
def test_rfc_3339_is_read_with_any_fraction_and_zone(text: str, wall_s: float) -> None:
    assert from_rfc3339(text) == wall_s


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "0",
        "2024-01-01",
        "2024-01-01T00:00:00",
        "2024-13-01T00:00:00Z",
        "2024-02-30T00:00:00Z",
        "2024-01-01T25:00:00Z",
        "10000-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2024-01-01T00:00:00+24:00",
        "\N{ARABIC-INDIC DIGIT TWO}024-01-01T00:00:00Z",
    ],
)
def test_what_is_no_time_with_a_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_rfc3339(text)


@given(st.text())
def test_no_text_brings_anything_but_seconds_or_a_refusal(text: str) -> None:
    try:
        wall_s = from_rfc3339(text)
    except ValueError:
        return
    assert math.isfinite(wall_s)


@given(st.datetimes(), _zones)
def test_every_moment_of_every_zone_is_read_exactly(moment: datetime, zone: timezone) -> None:
    since_1970 = moment - datetime(1970, 1, 1)  # noqa: DTZ001 - without zones, so that no year is too early or too late
    offset = zone.utcoffset(None)

    assert from_rfc3339(moment.replace(tzinfo=zone).isoformat()) == (since_1970 - offset).total_seconds()


@given(st.integers(-(2**32) * 10**6, 2**32 * 10**6))
def test_microseconds_survive_the_way_there_and_back(microseconds: int) -> None:
    assert from_rfc3339(rfc3339(microseconds / 10**6)) == microseconds / 10**6


@given(st.floats(allow_nan=False))
@example(_YEAR_1_S + 0.000001)
def test_what_is_written_is_rfc_3339_whatever_the_seconds(wall_s: float) -> None:
    text = rfc3339(wall_s)

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", text)
    assert datetime.fromisoformat(text).tzinfo is UTC
