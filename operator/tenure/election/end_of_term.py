"""Why terms end: one closed list of reasons, the same words in history, events and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from tenure.election.pod import Pod, PodRef
from tenure.election.slate import Slate


class EndOfTerm(StrEnum):
    """Why a term ended."""

    TERMINATING = "PodTerminating"
    GONE = "PodGone"
    NOT_READY = "PodNotReady"
    FINISHED = "PodFinished"
    DESELECTED = "PodNotSelected"
    EXCLUDED = "PodExcluded"
    SWITCHOVER = "Switchover"
    PREEMPTED = "Preempted"
    CORDONED = "NodeCordoned"
    LEASE_LOST = "LeaseLost"
    RECORD_LOST = "RecordLost"
    LABEL_REFUSED = "LabelRefused"
    RESIGNED = "Resigned"


def why_ended(
    leader_uid: str,
    slate: Slate,
    known: Mapping[str, Pod],
    *,
    lost: bool,
    successor: PodRef | None = None,
    is_switchover: bool = False,
) -> EndOfTerm:
    """Return the reason for which a leader's term ended, from what is known of its pod.

    `lost` tells that the record was lost, `successor` is who leads next, and `is_switchover` that this was asked for.
    """
    pod = known.get(leader_uid)
    if pod is None:
        return EndOfTerm.GONE
    if pod.terminating:
        return EndOfTerm.TERMINATING
    if pod.finished:
        return EndOfTerm.FINISHED
    if all(candidate.uid != leader_uid for candidate in slate.candidates):
        return EndOfTerm.DESELECTED
    if slate.barrier(pod) is not None:
        return EndOfTerm.EXCLUDED
    if is_switchover:
        return EndOfTerm.SWITCHOVER
    if (reason := _why_it_gave_way(pod, slate, successor)) is not None:
        return reason
    return EndOfTerm.RECORD_LOST if lost else EndOfTerm.LEASE_LOST


def _why_it_gave_way(pod: Pod, slate: Slate, successor: PodRef | None) -> EndOfTerm | None:
    """Return why a leader that might have stayed, had it been alone, did not; None when nothing speaks against it."""
    if not slate.is_well(pod):
        return EndOfTerm.NOT_READY
    if pod.uid in slate.uncrownable:
        return EndOfTerm.LABEL_REFUSED
    if pod.node in slate.cordoned and not slate.may_stay(pod):
        return EndOfTerm.CORDONED
    superior = slate.superior(pod, at_once=True)
    return EndOfTerm.PREEMPTED if superior is not None and superior.ref == successor else None
