"""What people are told when the status has changed."""

from __future__ import annotations

from collections.abc import Iterator

from tenure.election.conditions import ConditionType, Reason
from tenure.election.effects import Announce
from tenure.election.resource import Answer, Condition, Leader, Status
from tenure.election.switchover import Result

_WORTH_A_WARNING = {
    Reason.INVALID_SELECTOR,
    Reason.INVALID_LEASE,
    Reason.INVALID_PREFERENCE,
    Reason.INVALID_SPEC,
    Reason.RECORD_CONFLICT,
    Reason.RECORD_NOT_ALLOWED,
    Reason.BUCKET_REFUSED,
    Reason.FOREIGN_HOLDER,
    Reason.UNBELIEVABLE_RECORD,
    Reason.RECORD_CONTESTED,
    Reason.NO_ELIGIBLE_CANDIDATE,
    Reason.NO_CANDIDATES,
    Reason.NATS_UNAVAILABLE,
    Reason.LABEL_REFUSED,
    Reason.SERVICE_REFUSED,
}

_NEWS_BY_MESSAGE = {
    Reason.INVALID_SELECTOR,
    Reason.INVALID_LEASE,
    Reason.INVALID_PREFERENCE,
    Reason.INVALID_SPEC,
    Reason.SERVICE_REFUSED,
}
"""What a person corrects step by step: the next thing to do is told as well. Others count, and their messages vary."""


def news_between(before: Status, after: Status) -> Iterator[Announce]:
    """Yield one announcement for each change that a person would want to know of."""
    if before is after:
        return
    if after.term > before.term:
        yield from _of_terms(before, after)
    for condition in after.conditions:
        if condition.type == ConditionType.READY or condition.reason not in _WORTH_A_WARNING:
            continue
        last = before.condition(condition.type)
        if last is None or last.reason != condition.reason or _is_next_step(last, condition):
            yield Announce(condition.reason, condition.message, warning=True)
    yield from _of_switchovers(before.switchover, after.switchover)
    suspended, was_suspended = after.condition(ConditionType.SUSPENDED), before.condition(ConditionType.SUSPENDED)
    if suspended is not None and was_suspended is not None and suspended.status != was_suspended.status:
        yield Announce("Suspended" if suspended.status == "True" else "Resumed", suspended.message)


def _is_next_step(last: Condition, now: Condition) -> bool:
    return now.reason in _NEWS_BY_MESSAGE and now.message != last.message


def _of_terms(before: Status, after: Status) -> Iterator[Announce]:
    if before.leader is not None and after.history and after.history[0].term == before.term:
        ended = after.history[0]
        yield Announce(
            "LeaderLost",
            f"{_name(before.leader)} no longer leads: term {ended.term} ended ({ended.reason}).",
            pod=before.leader.pod,
        )
    if after.leader is not None and after.leader.pod is not None:
        yield Announce("LeaderElected", f"{_name(after.leader)} leads, term {after.term}.", pod=after.leader.pod)


def _of_switchovers(before: Answer | None, after: Answer | None) -> Iterator[Announce]:
    is_next = before is None or after is None or after.id != before.id
    if before is not None and before.result == Result.PENDING and after is not None and before.id in after.former_ids:
        yield Announce("SwitchoverCancelled", f"Switchover {before.id}: another one was asked for before it was made.")
    if after is None or (not is_next and before is not None and after.result == before.result):
        return
    if after.result in set(Result):
        is_refused = after.result == Result.REFUSED
        yield Announce(f"Switchover{after.result}", f"Switchover {after.id}: {after.message}", warning=is_refused)


def _name(leader: Leader) -> str:
    return leader.pod.name if leader.pod is not None else leader.identity
