"""When an election wants to be stepped again, and how long it waits after a failure."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from tenure.election.alarm import Alarm, Backoff


@given(st.lists(st.floats(0, 1e6)))
def test_an_alarm_rings_at_the_earliest_time(times: list[float]) -> None:
    alarm = Alarm()
    for at_s in times:
        alarm.set(at_s)
    assert alarm.at_s == min(times, default=math.inf)

    alarm.clear()
    assert alarm.at_s == math.inf


def test_the_first_attempt_need_not_wait() -> None:
    alarm = Alarm()

    assert Backoff(0.2, 2.0).may_try(0.0, wake=alarm)
    assert alarm.at_s == math.inf


def test_each_failure_in_a_row_doubles_the_wait_up_to_the_longest() -> None:
    backoff, now_s = Backoff(0.2, 2.0), 100.0
    waits = []
    for _ in range(7):
        backoff.failed(now_s)
        waits.append(round(backoff.not_before_s - now_s, 9))

    assert waits == [0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0]


def test_until_it_is_over_the_alarm_is_set_to_its_end() -> None:
    backoff, alarm = Backoff(0.2, 2.0), Alarm()
    backoff.failed(100.0)

    assert not backoff.may_try(100.1, wake=alarm)
    assert alarm.at_s == 100.2
    assert backoff.may_try(100.2, wake=alarm)


def test_a_success_makes_all_as_at_first() -> None:
    backoff = Backoff(0.2, 2.0)
    for _ in range(5):
        backoff.failed(100.0)
    backoff.succeeded()
    assert (backoff.failures, backoff.may_try(0.0, wake=Alarm())) == (0, True)

    backoff.failed(200.0)
    assert backoff.not_before_s == 200.2


def test_a_failure_waits_no_longer_than_is_said_and_counts_all_the_same() -> None:
    backoff = Backoff(0.2, 2.0)
    backoff.failed(100.0, at_most_s=0.0)
    assert (backoff.failures, backoff.not_before_s) == (1, 100.0)

    backoff.failed(100.0)
    assert (backoff.failures, backoff.not_before_s) == (2, 100.4)


def test_after_a_calm_a_failure_is_as_good_as_the_first() -> None:
    backoff = Backoff(0.5, 8.0, calm_s=60.0)
    for _ in range(3):
        backoff.failed(100.0)
    backoff.failed(161.9)
    assert (backoff.failures, backoff.not_before_s) == (4, 165.9), "until 102.0 nothing could be tried"

    backoff.failed(225.9)
    assert (backoff.failures, backoff.not_before_s) == (1, 226.4)


def test_any_number_of_failures_is_survived() -> None:
    backoff = Backoff(0.2, 2.0)
    for _ in range(5000):
        backoff.failed(100.0)

    assert backoff.not_before_s == 102.0
