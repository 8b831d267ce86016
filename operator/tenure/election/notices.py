"""What a process that campaigns for itself is told of a change of leadership: once for each, in the order of events."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Leadership:
    """Who leads, as one candidate knows it.

    `holder` and `term` are those of the record, "" and 0 when nobody is known to hold a lease that has not run out.
    `led_term` is the term in which the candidate itself leads, None while it does not.
    """

    holder: str = ""
    term: int = 0
    led_term: int | None = None


@dataclass(frozen=True, slots=True)
class BecameLeader:
    """The candidate leads from now on, in this term."""

    term: int


@dataclass(frozen=True, slots=True)
class LostLeadership:
    """The candidate does not lead any more. `term` is the one that it led."""

    term: int


@dataclass(frozen=True, slots=True)
class NewLeader:
    """Another candidate leads."""

    holder: str
    term: int


Notice = BecameLeader | LostLeadership | NewLeader


def notices_between(before: Leadership, after: Leadership, *, identity: str) -> list[Notice]:
    """Return what the candidate `identity` is told. A loss is told before whatever came of it."""
    notices: list[Notice] = []
    if before.led_term is not None and before.led_term != after.led_term:
        notices.append(LostLeadership(before.led_term))
    if after.led_term is not None and before.led_term != after.led_term:
        notices.append(BecameLeader(after.led_term))
    is_another = (after.holder, after.term) != (before.holder, before.term)
    if is_another and after.holder not in ("", identity):
        notices.append(NewLeader(after.holder, after.term))
    return notices
