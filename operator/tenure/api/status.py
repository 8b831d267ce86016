"""The status of a `LeaderElection` between JSON and the core."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from typing import Any

from tenure.election.clock import from_rfc3339, rfc3339
from tenure.election.pod import EVERYBODY, PodRef
from tenure.election.resource import Answer, Condition, Leader, PastTerm, Status

MAX_SENTENCES = 1000
"""Messages of conditions that are shared by all elections that say them."""


def parse_status(status: Mapping[str, Any]) -> Status:
    """Return the status; what is absent or unreadable is as if it had never been written."""
    unfenced = status.get("unfenced")
    return Status(
        term=status.get("term") or 0,
        term_floor=status.get("termFloor"),
        leader=_parse_leader(status.get("leader")),
        unfenced=(EVERYBODY,) if unfenced is None else tuple(PodRef(pod["podName"], pod["podUID"]) for pod in unfenced),
        acquired_at_s=_time(status.get("acquireTime")),
        candidates=status.get("candidates") or 0,
        eligible=status.get("eligible") or 0,
        observed_generation=status.get("observedGeneration") or 0,
        failover_at_s=_time(status.get("failoverTime")),
        switchover=_parse_answer(status.get("switchover")),
        history=tuple(_parse_past_term(past) for past in status.get("history") or ()),
        conditions=tuple(_parse_condition(condition) for condition in status.get("conditions") or ()),
    )


def build_status(status: Status) -> dict[str, Any]:
    """Return the status as a merge patch: what is absent stands there as null, so that it is taken away."""
    leader = status.leader
    body: dict[str, Any] = {
        "observedGeneration": status.observed_generation,
        "leader": None,
        "unfenced": [_build_ref(ref) for ref in status.unfenced],
        "acquireTime": _build_time(status.acquired_at_s),
        "candidates": status.candidates,
        "eligible": status.eligible,
        "failoverTime": _build_time(status.failover_at_s),
        "switchover": _build_answer(status.switchover),
        "history": [
            _without_nulls(
                {
                    "term": past.term,
                    "holderIdentity": past.identity,
                    "podName": past.pod_name,
                    "acquireTime": _build_time(past.acquired_at_s),
                    "endTime": _build_time(past.ended_at_s),
                    "reason": past.reason,
                }
            )
            for past in status.history
        ],
        "conditions": [
            {
                "type": condition.type,
                "status": condition.status,
                "reason": condition.reason,
                "message": condition.message,
                "observedGeneration": condition.observed_generation,
                "lastTransitionTime": _seconds(condition.changed_at_s),
            }
            for condition in status.conditions
        ],
    }
    if leader is not None:
        body["leader"] = {
            "holderIdentity": leader.identity,
            "podName": leader.pod.name if leader.pod is not None else None,
            "podUID": leader.pod.uid if leader.pod is not None else None,
            "nodeName": leader.node,
            "recordTerm": leader.record_term,
        }
    if status.term_floor is not None:
        body["term"] = status.term
        body["termFloor"] = status.term_floor
    return body


def _parse_leader(leader: Mapping[str, Any] | None) -> Leader | None:
    if not leader:
        return None
    name, uid = leader.get("podName"), leader.get("podUID")
    return Leader(
        identity=leader.get("holderIdentity") or "",
        pod=PodRef(name, uid) if name and uid else None,
        node=leader.get("nodeName"),
        record_term=leader.get("recordTerm"),
    )


def _parse_answer(answer: Mapping[str, Any] | None) -> Answer | None:
    if not answer:
        return None
    return Answer(
        id=answer.get("id") or "",
        result=answer.get("result") or "",
        message=answer.get("message") or "",
        at_s=_time(answer.get("time")) or 0.0,
        former_ids=tuple(answer.get("formerIds") or ()),
    )


def _build_answer(answer: Answer | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    return {
        "id": answer.id,
        "result": answer.result,
        "message": answer.message,
        "time": rfc3339(answer.at_s),
        "formerIds": list(answer.former_ids),
    }


def _parse_past_term(past: Mapping[str, Any]) -> PastTerm:
    return PastTerm(
        term=past.get("term") or 0,
        identity=past.get("holderIdentity") or "",
        pod_name=past.get("podName"),
        acquired_at_s=_time(past.get("acquireTime")),
        ended_at_s=_time(past.get("endTime")) or 0.0,
        reason=past.get("reason") or "",
    )


@functools.lru_cache(maxsize=MAX_SENTENCES)
def _shared(sentence: str) -> str:
    """Return an equal one that was seen lately. New ones never end, and in Python 3.12 `intern` keeps each for ever."""
    return sentence


def _parse_condition(condition: Mapping[str, Any]) -> Condition:
    # Thousands of elections say the same of themselves: each word is kept once, and each sentence mostly.
    return Condition(
        type=sys.intern(condition["type"]),
        status=sys.intern(condition["status"]),
        reason=sys.intern(condition.get("reason") or ""),
        message=_shared(condition.get("message") or ""),
        observed_generation=condition.get("observedGeneration") or 0,
        changed_at_s=_time(condition.get("lastTransitionTime")) or 0.0,
    )


def _build_ref(ref: PodRef) -> dict[str, str]:
    return {"podName": ref.name, "podUID": ref.uid}


def _build_time(wall_s: float | None) -> str | None:
    return None if wall_s is None else rfc3339(wall_s)


def _seconds(wall_s: float) -> str:
    """Return a time as metav1.Time writes it: whole seconds."""
    return f"{rfc3339(float(int(wall_s)))[:19]}Z"


def _time(text: str | None) -> float | None:
    try:
        return None if text is None else from_rfc3339(text)
    except ValueError:
        return None


def _without_nulls(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
