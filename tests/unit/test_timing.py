"""What is left out of a lease's timing is derived so that the rule holds; what breaks the rule is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.election.timing import (
    DEADLINE_TWO_INTERVALS,
    DURATION_ABOVE_DEADLINE,
    DURATION_MAX_S,
    DURATION_MIN_S,
    DURATION_THREE_INTERVALS,
    Timing,
)

Given = tuple[int | None, int | None, int | None]

_durations = st.integers(DURATION_MIN_S, DURATION_MAX_S)
_anything = st.none() | st.integers(-1, 40) | st.integers(-(10**6), 10**6)


def _keeps_the_rule(timing: Timing) -> bool:
    """The rule as the design states it, written down a second time."""
    duration, deadline, interval = timing.duration_s, timing.renew_deadline_s, timing.renew_interval_s
    return duration > deadline >= 2 * interval and duration >= 3 * interval and interval >= 1


def _has_a_completion(duration: int | None, deadline: int | None, interval: int | None) -> bool:
    """Whether any values at all, in the places of those left out, keep the rule; found by trying."""
    if duration is None:
        duration = 15
    deadlines = range(41) if deadline is None else (deadline,)
    intervals = range(41) if interval is None else (interval,)
    return duration >= DURATION_MIN_S and any(
        duration > one >= 2 * other and duration >= 3 * other and other >= 1 for one in deadlines for other in intervals
    )


@pytest.mark.parametrize(
    ("given_s", "expected"),
    [
        ((None, None, None), Timing(15, 13, 3)),
        ((15, None, None), Timing(15, 13, 3)),
        # The shortest leases, where rounding down would leave nothing.
        ((3, None, None), Timing(3, 2, 1)),
        ((4, None, None), Timing(4, 3, 1)),
        ((5, None, None), Timing(5, 4, 1)),
        ((6, None, None), Timing(6, 5, 1)),
        ((10, None, None), Timing(10, 8, 2)),
        ((60, None, None), Timing(60, 52, 12)),
        ((3600, None, None), Timing(3600, 3120, 720)),
        # A short deadline brings the interval down, a long interval brings the deadline up.
        ((15, 4, None), Timing(15, 4, 2)),
        ((15, 2, None), Timing(15, 2, 1)),
        ((15, 14, None), Timing(15, 14, 3)),
        ((None, 4, None), Timing(15, 4, 2)),
        ((15, None, 5), Timing(15, 13, 5)),
        ((3, None, 1), Timing(3, 2, 1)),
        ((60, None, 20), Timing(60, 52, 20)),
        ((60, None, 1), Timing(60, 52, 1)),
        ((None, None, 5), Timing(15, 13, 5)),
        ((None, 10, 5), Timing(15, 10, 5)),
        ((30, 20, 2), Timing(30, 20, 2)),
    ],
)
def test_what_is_left_out_is_derived(given_s: Given, expected: Timing) -> None:
    assert Timing.derive(*given_s) == expected


@pytest.mark.parametrize(
    ("given_s", "sentences"),
    [
        ((2, None, None), ["durationSeconds must be from 3 to 3600, not 2"]),
        ((3601, None, None), ["durationSeconds must be from 3 to 3600, not 3601"]),
        ((15, 1, None), ["renewDeadlineSeconds must be at least 2, not 1"]),
        ((15, None, 0), ["renewIntervalSeconds must be at least 1, not 0"]),
        (
            (0, -1, -2),
            [
                "durationSeconds must be from 3 to 3600, not 0",
                "renewDeadlineSeconds must be at least 2, not -1",
                "renewIntervalSeconds must be at least 1, not -2",
            ],
        ),
        ((10, 10, None), [DURATION_ABOVE_DEADLINE]),
        ((None, 15, None), [DURATION_ABOVE_DEADLINE]),
        ((30, 9, 5), [DEADLINE_TWO_INTERVALS]),
        ((10, None, 4), [DURATION_THREE_INTERVALS]),
        ((None, None, 6), [DURATION_THREE_INTERVALS]),
        ((5, 6, 4), [DURATION_ABOVE_DEADLINE, DEADLINE_TWO_INTERVALS, DURATION_THREE_INTERVALS]),
    ],
)
def test_each_broken_rule_is_one_sentence(given_s: Given, sentences: list[str]) -> None:
    with pytest.raises(ValueError, match="must be") as refusal:
        Timing.derive(*given_s)

    assert str(refusal.value).split("; ") == sentences


def test_a_timing_that_breaks_the_rule_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="2 times renewIntervalSeconds"):
        Timing(duration_s=15, renew_deadline_s=5, renew_interval_s=3)


def test_every_allowed_duration_alone_yields_a_valid_timing() -> None:
    for duration_s in range(DURATION_MIN_S, DURATION_MAX_S + 1):
        assert _keeps_the_rule(Timing.derive(duration_s))


@given(_durations, st.data())
def test_what_is_given_is_kept_and_completed(duration_s: int, data: st.DataObject) -> None:
    interval_s = data.draw(st.none() | st.integers(1, duration_s // 3))
    deadline_s = data.draw(st.none() | st.integers(2 * (interval_s or 1), duration_s - 1))

    timing = Timing.derive(duration_s, deadline_s, interval_s)

    assert timing.duration_s == duration_s
    assert deadline_s in (None, timing.renew_deadline_s)
    assert interval_s in (None, timing.renew_interval_s)
    assert _keeps_the_rule(timing)
    assert Timing.derive(timing.duration_s, timing.renew_deadline_s, timing.renew_interval_s) == timing


@given(st.none() | st.integers(-1, 40), st.none() | st.integers(-1, 40), st.none() | st.integers(-1, 40))
def test_a_lease_is_refused_only_when_nothing_could_complete_it(
    duration_s: int | None, deadline_s: int | None, interval_s: int | None
) -> None:
    try:
        Timing.derive(duration_s, deadline_s, interval_s)
    except ValueError:
        refused = True
    else:
        refused = False

    assert refused is not _has_a_completion(duration_s, deadline_s, interval_s)


@given(_anything, _anything, _anything)
def test_no_integers_yield_a_timing_that_breaks_the_rule(
    duration_s: int | None, deadline_s: int | None, interval_s: int | None
) -> None:
    with contextlib.suppress(ValueError):
        assert _keeps_the_rule(Timing.derive(duration_s, deadline_s, interval_s))
