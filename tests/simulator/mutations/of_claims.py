"""Mistakes about who may claim which term, and when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from simulator.mutations.mutation import Mutation, put
from simulator.mutations.worlds import (
    CALM,
    CALM_SWITCHOVERS,
    FAR_NATS,
    LABELS_ALONE,
    LAGGING,
    LOST_BUCKETS,
    ROLL_BACKS,
    SWITCHOVERS,
)
from tenure.election import campaign, outlook, scribe, switchover
from tenure.election.outlook import Outlook
from tenure.election.pod import Pod
from tenure.election.request import Switchover
from tenure.election.resource import Spec, Status
from tenure.runtime.namespaces import Namespaces

_decide, _standing, _claim = campaign.decide, campaign.standing, campaign._claim
_next_ledger = scribe.Scribe._next_ledger


def _claim_without_the_floor(claimant: Pod | None, view: campaign.View, *_: object) -> campaign.Decision:
    return campaign.Claim(claimant, max(view.lease.term, view.status.term) + 1)


def _claim_the_records_next(claimant: Pod | None, view: campaign.View, *_: object) -> campaign.Decision:
    return campaign.Claim(claimant, view.lease.term + 1)


def _raise_the_floor_by_nothing(view: campaign.View) -> campaign.Decision:
    decision = _decide(view)
    if isinstance(decision, campaign.RaiseFloor) and decision.lost:
        return replace(decision, floor=decision.floor - campaign.CLAIM_GAP)
    return decision


def _cover_any_revision(view: campaign.View) -> campaign.Decision:
    covers = None if view.floor_covers is None else view.lease.revision
    return _decide(replace(view, floor_covers=covers))


def _do_not_read_before(view: campaign.View) -> campaign.Decision:
    return _decide(replace(view, lease=replace(view.lease, read_at_s=float("inf"))))


def _let_the_floor_fall(self: scribe.Scribe, now: Any, last: Status, outlook: Outlook) -> Status:
    status = _next_ledger(self, now, last, outlook)
    return replace(status, term_floor=status.term) if status is not last else status


def _begin_at_nothing(self: scribe.Scribe, now: Any, last: Status, outlook: Outlook) -> Status:
    status = _next_ledger(self, now, last, outlook)
    return replace(status, term_floor=0) if last.term_floor is None and status is not last else status


def _adopt_below_the_status(view: campaign.View) -> campaign.Standing:
    status = replace(view.status, term=min(view.status.term, view.lease.term), leader=None)
    return _standing(replace(view, status=status))


def _take_absence_for_gone(view: campaign.View) -> campaign.Decision:
    decision = _decide(view)
    return campaign.Release(view.lease.holder) if isinstance(decision, campaign.Confirm) else decision


def _claim_over_a_holder(view: campaign.View) -> campaign.Decision:
    decision = _decide(view)
    return campaign._decide_free(view) if isinstance(decision, campaign.Confirm) else decision


def _prefer_the_youngest(view: campaign.View) -> campaign.Decision:
    decision = _decide(view)
    youngest = max(filter(view.slate.is_eligible, view.candidates), key=lambda pod: pod.ready_since_s, default=None)
    if isinstance(decision, campaign.Hold) and youngest is not None and youngest != decision.pod:
        return campaign.Release(view.lease.holder)
    return decision


def _forget_what_has_begun(*_: object) -> None:
    """Which switchover the record names is not looked at any more: the one in the spec counts."""


def _forget_what_was_answered(spec: Spec, _status: Status, _wall_s: float) -> Switchover | None:
    return spec.switchover


async def _open_at_once(*_: Any) -> None:
    """A namespace is open before all of its pods are known."""


OF_CLAIMS = (
    Mutation("claim without the floor", "G1|G2", LOST_BUCKETS, put(campaign, "_claim", _claim_without_the_floor)),
    Mutation("claim the record's next term", "G1|G2", LOST_BUCKETS, put(campaign, "_claim", _claim_the_records_next)),
    Mutation("drop the gap", "G1|G2", LOST_BUCKETS, put(campaign, "decide", _raise_the_floor_by_nothing)),
    Mutation("let a floor cover any revision", "G1|G2", LOST_BUCKETS, put(campaign, "decide", _cover_any_revision)),
    Mutation("do not read before the floor rises", "floor", FAR_NATS, put(campaign, "decide", _do_not_read_before)),
    Mutation("let the floor fall", "G1|G2|G4", LOST_BUCKETS, put(scribe.Scribe, "_next_ledger", _let_the_floor_fall)),
    Mutation(
        "begin the floor at nothing",
        "G1|G2|tombstone",
        LABELS_ALONE,
        put(scribe.Scribe, "_next_ledger", _begin_at_nothing),
    ),
    Mutation(
        "adopt a record below the status", "G5|runaway", ROLL_BACKS, put(campaign, "standing", _adopt_below_the_status)
    ),
    Mutation("release on mere absence from a cache", "G6", LAGGING, put(campaign, "decide", _take_absence_for_gone)),
    Mutation(
        "claim over a live holder that is unknown", "G6|lease", LAGGING, put(campaign, "decide", _claim_over_a_holder)
    ),
    Mutation("prefer another candidate to the leader", "G6", CALM, put(campaign, "decide", _prefer_the_youngest)),
    Mutation(
        "decide before all pods are known",
        "G1|G2|G3|tombstone",
        LABELS_ALONE,
        put(Namespaces, "_await_pods", _open_at_once),
    ),
    Mutation(
        "forget that a switchover was answered",
        "switchover|G5|runaway",
        SWITCHOVERS,
        put(switchover, "due", _forget_what_was_answered),
    ),
    Mutation(
        "give no answer to a switchover that has begun",
        "G6|switchover",
        CALM_SWITCHOVERS,
        put(outlook, "begun", _forget_what_has_begun),
    ),
    Mutation(
        "leave a switchover that has begun for the next one",
        "G6|switchover",
        CALM_SWITCHOVERS,
        put(campaign, "begun", _forget_what_has_begun),
    ),
)
