"""Switchovers: leadership is moved because somebody asks for it, at most once for each id.

A switchover is pending until the status has an answer to its id. It is looked at only while the record and the status
agree who leads in which term. Then either the target is in order, and the leader's record is released for it; or the
switchover is refused, and the leader stays.

With the release a switchover has begun: the record names it, and so does the claim that follows. Whatever the spec says
by then, and whoever goes on with it, this one is finished first. The status write that shows what came of the claim is
also the one with the answer: there is no moment, for a process to end in, or for another switchover to be asked for, at
which the one is written and the other is not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from tenure.election.alarm import FOREVER_S
from tenure.election.clock import rfc3339
from tenure.election.pod import Pod, PodRef
from tenure.election.record import LeaseRecord
from tenure.election.request import Switchover
from tenure.election.resource import Answer, Leader, Spec, Status
from tenure.election.rules import HandOver
from tenure.election.slate import Slate

MAX_FORMER_IDS = 16
"""Ids of earlier switchovers that the status remembers."""

MAX_LATE_S = 300.0
"""By how much a switchover may be late: what was meant for a quiet hour must not happen whenever that becomes possible.
Less than this is the distance between the clocks of who asks and who acts."""

MAX_AHEAD_S = 366 * 86400.0
"""How far ahead a switchover may be planned: a year."""


class Result(StrEnum):
    """What can become of a switchover. All but the first are final."""

    PENDING = "Pending"
    SUCCEEDED = "Succeeded"
    REFUSED = "Refused"
    CANCELLED = "Cancelled"
    SKIPPED = "Skipped"


def pending(spec: Spec, status: Status) -> Switchover | None:
    """Return the switchover that is asked for and has no final answer."""
    asked = spec.switchover
    return None if asked is None or _is_over(asked, status) else asked


def begun(record: LeaseRecord, status: Status, namespace_uid: str | None) -> Switchover | None:
    """Return the switchover for which a lease was released or claimed, until the status shows what came of it.

    Before the status shows a first term, what the record names is of an earlier life of the election.
    """
    asked = record.switchover
    if asked is None or not status.term or record.namespace_uid != namespace_uid or _is_over(asked, status):
        return None
    is_released = record.term == status.term and not record.holder and status.leader is not None
    is_not_shown = record.term > status.term and status.believes(record.term)
    return asked if is_released or is_not_shown else None


def _is_over(asked: Switchover, status: Status) -> bool:
    answer = status.switchover
    if answer is None:
        return False
    return answer.result != Result.PENDING if asked.id == answer.id else asked.id in answer.former_ids


def due(spec: Spec, status: Status, wall_s: float) -> Switchover | None:
    """Return the pending switchover if it is to be made now."""
    asked = pending(spec, status)
    if asked is None or spec.suspend:
        return None
    return asked if asked.not_before_s is None or 0 <= wall_s - asked.not_before_s <= MAX_LATE_S else None


def changes_at_s(spec: Spec, status: Status, wall_s: float) -> float:
    """The Unix time at which the pending switchover is due, infinite when there is none or it has been due already."""
    asked = pending(spec, status)
    planned_s = asked.not_before_s if asked is not None else None
    return planned_s if planned_s is not None and planned_s > wall_s else FOREVER_S


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a switchover is not made, as a sentence, and what to do."""

    message: str


def judge(asked: Switchover, slate: Slate, leader: PodRef | None) -> Pod | Objection:
    """Return who is to lead in place of the leader, or why nobody is."""
    if slate.rules.hand_over is HandOver.AFTER_TERMINATION:
        return Objection(
            "With spec.handOver AfterTermination only the end of its pod moves the leadership: delete that pod."
        )
    if asked.to_pod_name is None:
        return _judge_others(slate, leader)
    named = [pod for pod in slate.candidates if pod.name == asked.to_pod_name]
    if not named:
        return Objection(f"{asked.to_pod_name} is no candidate of this election: name a pod that spec.selector finds.")
    # Of a pod that comes back under its name, the former incarnation may be known yet.
    target = min(named, key=lambda pod: not slate.is_eligible(pod))
    if target.ref == leader:
        return Objection(f"{target.name} leads already.")
    if (obstacle := slate.obstacle(target)) is not None:
        return Objection(f"{target.name} may not lead: {obstacle}.")
    return _judge_stay(target, slate)


def _judge_others(slate: Slate, leader: PodRef | None) -> Pod | Objection:
    others = slate.without(leader)
    if (target := others.first_in_line()) is not None:
        return _judge_stay(target, slate)
    if not others.candidates:
        return Objection("There is no other candidate.")
    return Objection(f"No other candidate may lead: {others.describe_obstacles()}.")


def _judge_stay(target: Pod, slate: Slate) -> Pod | Objection:
    """Return a target that would go on leading, or why it would not."""
    if target.uid in slate.uncrownable:
        return Objection(
            f"{target.name} cannot be marked as leader: the API refuses its label; see the condition Routed."
        )
    if not slate.may_stay(target):
        return Objection(
            f"{target.name} would not stay, because its node {target.node} is cordoned: name another, or uncordon it."
        )
    if (superior := slate.superior(target, at_once=True)) is not None:
        return Objection(
            f"{target.name} would not stay, because {superior.name} has a higher priority: "
            "change spec.preference.priorities, or take spec.preference.preempt away."
        )
    return target


def conclude(
    made: Switchover, spec: Spec | None, last: Status, status: Status, *, slate: Slate, wall_s: float
) -> Answer:
    """Return the answer to a switchover that had begun, in the status that follows `last` and shows what came of it."""
    if (leader := _fulfils(made, last, status.leader)) is not None:
        given = _answer(last, made.id, Result.SUCCEEDED, f"{leader} leads.", wall_s)
    else:
        judged = judge(made, slate, last.leader.pod if last.leader is not None else None)
        late = "Nobody else could lead in that moment: ask again, with another id."
        refusal = judged.message if isinstance(judged, Objection) else late
        given = _answer(last, made.id, Result.REFUSED, refusal, wall_s)
    waits = pending(spec, last) if spec is not None else None
    if waits is None or waits.id == made.id:
        return given
    return replace(given, former_ids=tuple(one for one in given.former_ids if one != waits.id))  # Its turn comes yet.


def answer(spec: Spec, last: Status, status: Status, *, slate: Slate, is_led: bool, wall_s: float) -> Answer | None:
    """Return the answer to give in a status that is to follow `last`, None for the one that is there.

    None has begun of which the record tells: else see `conclude`.

    `is_led` tells that this process holds the lease for the leader and the term that `last` shows.
    """
    asked, shown = spec.switchover, last.switchover
    if asked is None:
        if shown is None or shown.result != Result.PENDING:
            return None
        return _answer(last, shown.id, Result.CANCELLED, "spec.switchover was taken away before it was made.", wall_s)
    if last.term_floor is None and status.term_floor is not None and shown is None:
        said = "It was there before the election was: the resource is new, or was restored without its status."
        return _answer(last, asked.id, Result.SKIPPED, said, wall_s)
    if shown is not None and asked.id in shown.former_ids:
        return _answer(last, asked.id, Result.SKIPPED, "An earlier switchover had this id: give a new one.", wall_s)
    if pending(spec, last) is None:
        return None
    if status.term > last.term:
        leader = fulfilled(spec, last, status.leader, wall_s)
        return None if leader is None else _answer(last, asked.id, Result.SUCCEEDED, f"{leader} leads.", wall_s)
    refusal = _refusal_of_time(asked, wall_s)
    if refusal is None and is_led and due(spec, last, wall_s) is not None:
        judged = judge(asked, slate, last.leader.pod if last.leader is not None else None)
        refusal = judged.message if isinstance(judged, Objection) else None
    return None if refusal is None or spec.suspend else _answer(last, asked.id, Result.REFUSED, refusal, wall_s)


def fulfilled(spec: Spec, last: Status, leader: Leader | None, wall_s: float) -> str | None:
    """Return the name of a new leader if that one fulfils the switchover that is due, None otherwise."""
    asked = due(spec, last, wall_s)
    return None if asked is None else _fulfils(asked, last, leader)


def _fulfils(asked: Switchover, last: Status, leader: Leader | None) -> str | None:
    if leader is None or leader.pod is None:
        return None
    if asked.to_pod_name is not None:
        return leader.pod.name if leader.pod.name == asked.to_pod_name else None
    return None if last.leader is not None and last.leader.identity == leader.identity else leader.pod.name


def note(spec: Spec, status: Status, wall_s: float, *, is_seen: bool) -> Answer | None:
    """Return the answer as it is to be shown: a switchover that is not made at once waits, and says for what.

    `is_seen` tells that the record was looked at. Before, none takes the place of another one that waits: that may have
    begun by now.
    """
    asked, shown = pending(spec, status), status.switchover
    if asked is None or status.term_floor is None:
        return shown
    if not is_seen and shown is not None and shown.result == Result.PENDING and shown.id != asked.id:
        return shown
    if spec.suspend:
        waits = "It waits for the end of the suspension."
    elif asked.not_before_s is not None and asked.not_before_s > wall_s:
        waits = f"It waits until {rfc3339(asked.not_before_s)[:19]}Z."
    else:
        waits = "It waits until the election has a leader, and NATS is there."
    return _answer(status, asked.id, Result.PENDING, waits, wall_s)


def _refusal_of_time(asked: Switchover, wall_s: float) -> str | None:
    if asked.not_before_s is None:
        return None
    if asked.not_before_s > wall_s + MAX_AHEAD_S:
        return "Its time is more than a year ahead: give an earlier one."
    if asked.not_before_s < wall_s - MAX_LATE_S:
        return "Its time passed more than five minutes ago: give a later one, or none to do it at once, and a new id."
    return None


def _answer(status: Status, asked_id: str, result: Result, message: str, wall_s: float) -> Answer:
    shown = status.switchover
    if shown is None:
        return Answer(asked_id, result, message, wall_s)
    former = shown.former_ids
    if shown.id != asked_id:
        former = (shown.id, *(one for one in former if one not in (shown.id, asked_id)))[:MAX_FORMER_IDS]
    since_s = shown.at_s if (shown.id, shown.result) == (asked_id, result) else wall_s
    return Answer(asked_id, result, message, since_s, former)
