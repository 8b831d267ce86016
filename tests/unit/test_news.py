"""What people are told when a status has followed another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tenure.election.conditions import Reason
from tenure.election.effects import Announce
from tenure.election.ledger import advance
from tenure.election.news import news_between
from tenure.election.resource import Answer, Condition, Leader, Reign, Status
from unit.builders import a_leader
from unit.views import FIRST, LED_BY_FIRST, LED_BY_NOBODY, SECOND, a_status

_FOREIGN = Leader("node-3", None)


def _next(status: Status, leader: Leader | None, why: str = "PodGone") -> Status:
    return advance(status, Reign(status.term + 1, leader, None), now_wall_s=0.0, why=why)


def _says(status: Status, kind: str, reason: str, *, value: str = "False") -> Status:
    return replace(status, conditions=(Condition(kind, value, reason, f"About {reason}.", 1, 0.0),))


def _news(before: Status, after: Status) -> list[Announce]:
    return list(news_between(before, after))


_FIRST_LOST = Announce("LeaderLost", "web-0 no longer leads: term 7 ended (PodGone).", pod=FIRST.ref)


@pytest.mark.parametrize(
    ("before", "leader", "news"),
    [
        pytest.param(
            a_status(0),
            a_leader(FIRST),
            [Announce("LeaderElected", "web-0 leads, term 1.", pod=FIRST.ref)],
            id="the first leader",
        ),
        pytest.param(
            LED_BY_FIRST,
            a_leader(SECOND),
            [_FIRST_LOST, Announce("LeaderElected", "web-1 leads, term 8.", pod=SECOND.ref)],
            id="hand-over",
        ),
        pytest.param(
            LED_BY_FIRST,
            a_leader(FIRST),
            [_FIRST_LOST, Announce("LeaderElected", "web-0 leads, term 8.", pod=FIRST.ref)],
            id="the same pod again",
        ),
        pytest.param(LED_BY_FIRST, None, [_FIRST_LOST], id="nobody follows"),
        pytest.param(LED_BY_FIRST, _FOREIGN, [_FIRST_LOST], id="a holder that is no pod follows"),
        pytest.param(
            a_status(7, _FOREIGN),
            None,
            [Announce("LeaderLost", "node-3 no longer leads: term 7 ended (PodGone).")],
            id="a holder that is no pod ends",
        ),
        pytest.param(LED_BY_NOBODY, None, [], id="nobody after nobody"),
    ],
)
def test_a_new_term_is_told(before: Status, leader: Leader | None, news: list[Announce]) -> None:
    assert _news(before, _next(before, leader)) == news


def test_an_end_that_was_not_seen_is_not_told() -> None:
    """Two terms have passed since this process last saw the status: what it would say of the first is not known."""
    after = _next(_next(LED_BY_FIRST, a_leader(SECOND)), a_leader(FIRST))

    assert _news(LED_BY_FIRST, after) == [Announce("LeaderElected", "web-0 leads, term 9.", pod=FIRST.ref)]


def test_an_end_that_the_status_does_not_remember_is_not_told() -> None:
    assert _news(LED_BY_FIRST, a_status(8)) == []


def test_nothing_is_told_of_the_same_status_nor_of_numbers() -> None:
    status = _says(LED_BY_FIRST, "Routed", "LabelRefused")

    assert _news(status, status) == []
    assert _news(status, replace(status, candidates=5, term_floor=40, unfenced=())) == []


_WARNINGS = [
    ("Accepted", Reason.INVALID_SELECTOR),
    ("Accepted", Reason.INVALID_LEASE),
    ("Accepted", Reason.INVALID_PREFERENCE),
    ("Accepted", Reason.INVALID_SPEC),
    ("Accepted", Reason.RECORD_CONFLICT),
    ("Accepted", Reason.RECORD_NOT_ALLOWED),
    ("Accepted", Reason.BUCKET_REFUSED),
    ("LeaderElected", Reason.FOREIGN_HOLDER),
    ("LeaseHeld", Reason.UNBELIEVABLE_RECORD),
    ("LeaseHeld", Reason.RECORD_CONTESTED),
    ("LeaderElected", Reason.NO_CANDIDATES),
    ("LeaderElected", Reason.NO_ELIGIBLE_CANDIDATE),
    ("LeaseHeld", Reason.NATS_UNAVAILABLE),
    ("Routed", Reason.LABEL_REFUSED),
    ("Routed", Reason.SERVICE_REFUSED),
]


@pytest.mark.parametrize(("kind", "reason"), _WARNINGS)
def test_what_a_user_must_act_on_is_a_warning_once(kind: str, reason: str) -> None:
    well, ill = _says(LED_BY_FIRST, kind, "Fine", value="True"), _says(LED_BY_FIRST, kind, reason)

    assert _news(well, ill) == [Announce(reason, f"About {reason}.", warning=True)]
    assert _news(LED_BY_FIRST, ill) == [Announce(reason, f"About {reason}.", warning=True)]
    assert _news(ill, replace(ill, candidates=5)) == []
    assert _news(ill, well) == []


@pytest.mark.parametrize(("kind", "reason"), _WARNINGS)
def test_the_next_thing_to_correct_is_told_and_a_number_that_varies_is_not(kind: str, reason: Reason) -> None:
    first = _says(LED_BY_FIRST, kind, reason)
    then = replace(first, conditions=(replace(first.conditions[0], message="Something else."),))

    is_corrected_by_hand = reason.startswith("Invalid") or reason == Reason.SERVICE_REFUSED
    assert _news(first, then) == ([Announce(reason, "Something else.", warning=True)] if is_corrected_by_hand else [])


@pytest.mark.parametrize("reason", sorted(set(Reason) - {reason for _, reason in _WARNINGS} - {Reason.SUSPENDED}))
def test_what_passes_by_itself_is_no_warning(reason: str) -> None:
    assert _news(LED_BY_FIRST, _says(LED_BY_FIRST, "Routed", reason)) == []


def test_the_summary_is_not_told_again() -> None:
    assert _news(LED_BY_FIRST, _says(LED_BY_FIRST, "Ready", Reason.LABEL_REFUSED)) == []


def test_suspending_and_resuming_are_told_when_they_change() -> None:
    active = _says(LED_BY_FIRST, "Suspended", Reason.ACTIVE)
    suspended = _says(LED_BY_FIRST, "Suspended", Reason.SUSPENDED, value="True")

    assert _news(active, suspended) == [Announce("Suspended", "About Suspended.")]
    assert _news(suspended, active) == [Announce("Resumed", "About Active.")]
    assert _news(suspended, replace(suspended, candidates=5)) == []
    assert _news(LED_BY_FIRST, suspended) == []


def _answered(result: str, asked_id: str = "one", *former: str) -> Status:
    return replace(LED_BY_FIRST, switchover=Answer(asked_id, result, "Why.", 0.0, former))


def test_what_becomes_of_a_switchover_is_told_once() -> None:
    waits, done, refused = map(_answered, ("Pending", "Succeeded", "Refused"))

    assert _news(LED_BY_FIRST, waits) == [Announce("SwitchoverPending", "Switchover one: Why.")]
    assert _news(waits, done) == [Announce("SwitchoverSucceeded", "Switchover one: Why.")]
    assert _news(LED_BY_FIRST, refused) == [Announce("SwitchoverRefused", "Switchover one: Why.", warning=True)]
    assert _news(done, replace(done, candidates=5)) == []
    assert _news(done, _answered("Succeeded", "two")) == [Announce("SwitchoverSucceeded", "Switchover two: Why.")]
    assert _news(done, LED_BY_FIRST) == []


def test_a_switchover_that_gave_way_to_another_one_before_it_was_made_is_told() -> None:
    gave_way = Announce("SwitchoverCancelled", "Switchover one: another one was asked for before it was made.")

    assert _news(_answered("Pending"), _answered("Refused", "two", "one"))[0] == gave_way
    assert _news(_answered("Refused"), _answered("Pending", "two", "one"))[0] != gave_way
    assert _news(_answered("Pending"), _answered("Succeeded", "two"))[0] != gave_way, "its turn comes yet"


def test_a_result_that_this_version_does_not_know_is_not_told() -> None:
    assert _news(LED_BY_FIRST, _answered("Postponed")) == []
