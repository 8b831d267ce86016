"""Deliberate faults in the protocol, each of which the simulator must find: a fault that it does not is a hole in it.

`python -m simulator.mutations` switches each on in turn, runs seeds until a guarantee is broken, and names those that
were not found.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from model.bucket import ModelBucket
from simulator import cluster as simulated_cluster
from simulator.invariants import Violation
from simulator.run import simulate, simulate_short_faults
from tenure.election import campaign, effects, elector, inputs, labeller, lease, ledger, routing, scribe, state
from tenure.election.labels import term_key
from tenure.election.pod import Pod, PodRef
from tenure.election.resource import Resource, Status
from tenure.nats.store import WrongRevision

MAX_SEEDS = 60


@dataclass(frozen=True, slots=True)
class Mutation:
    """A fault: what is done wrong, how it is switched on, and whether it shows as a needless change (G6)."""

    what: str
    switch_on: Callable[[], Any]
    breaks_calm: bool = False


def found_after(mutation: Mutation, *, max_seeds: int = MAX_SEEDS) -> tuple[int, str] | None:
    """Return the first seed that finds a mutation and what it found, None when none of `max_seeds` does."""
    run = simulate_short_faults if mutation.breaks_calm else simulate
    with mutation.switch_on():
        for seed in range(max_seeds):
            try:
                run(seed, leases=60)
            except (Violation, AssertionError) as violation:
                return seed, str(violation) or "an assertion of the core itself"
    return None


def _replace(owner: Any, name: str, new: Any) -> Callable[[], Any]:
    return lambda: patch.object(owner, name, new)


def _must_stamp_nothing(_status: Status, _listed: tuple[PodRef, ...] | None) -> tuple[PodRef, ...]:
    return ()


def _skip_the_first(status: Status, listed: tuple[PodRef, ...] | None) -> tuple[PodRef, ...] | None:
    targets = ledger.must_stamp(status, listed)
    return targets[1:] if targets else targets


def _crown_before_the_stamps(*arguments: Any) -> tuple[bool, list[PodRef], bool]:
    _, unknown, needs_list = _true_stamp(*arguments)
    return True, unknown, needs_list


_true_stamp = routing._stamp
_true_plan = routing.plan
_true_decide = campaign.decide
_true_standing = campaign.standing
_true_claim = campaign._claim
_true_observe = lease.observe
_true_labels = simulated_cluster.Cluster.write_labels
_true_advance = ledger.advance


def _settle_at_once(*arguments: Any, **named: Any) -> routing.Plan:
    return replace(_true_plan(*arguments, **named), settled=True)


@contextmanager
def _label_before_the_status_is_acknowledged() -> Iterator[None]:
    def plan(self: labeller.Labeller) -> routing.Plan:
        state_ = self._state
        resource = state_.resource
        assert resource is not None
        if state_.status_write is not None:
            state_.resource = replace(resource, status=state_.status_write.write.status)
        try:
            return true_plan(self)
        finally:
            state_.resource = resource

    def decide(self: labeller.Labeller, now: Any, planned: routing.Plan) -> list[effects.Effect]:
        pending, self._state.status_write = self._state.status_write, None
        try:
            return true_decide(self, now, planned)
        finally:
            self._state.status_write = pending

    true_plan, true_decide = labeller.Labeller.plan, labeller.Labeller.decide
    with patch.object(labeller.Labeller, "plan", plan), patch.object(labeller.Labeller, "decide", decide):
        yield


def _clean_up_the_term_too(self: simulated_cluster.Cluster, write: effects.WriteLabels) -> inputs.LabelsWritten:
    result = _true_labels(self, write)
    if write.role is None and result.outcome is inputs.LabelOutcome.APPLIED and result.pod is not None:
        labels = {key: value for key, value in (result.pod.labels or {}).items() if key != term_key("web")}
        return replace(result, pod=self.change_pod(result.pod, labels=labels))
    return result


def _do_not_test_the_term(self: simulated_cluster.Cluster, write: effects.WriteLabels) -> inputs.LabelsWritten:
    pod = self.pods.get(write.ref.name)
    return _true_labels(self, replace(write, expected_term=pod.term("web") if pod else None))


def _do_not_test_the_uid(self: simulated_cluster.Cluster, write: effects.WriteLabels) -> inputs.LabelsWritten:
    pod = self.pods.get(write.ref.name)
    if pod is None or pod.uid == write.ref.uid:
        return _true_labels(self, write)
    result = _true_labels(self, replace(write, ref=pod.ref, expected_term=pod.term("web")))
    return replace(result, ref=write.ref)


def _write_the_status_whatever_its_version(self: simulated_cluster.Cluster, write: effects.WriteStatus) -> Resource:
    self.resource = replace(self.resource, status=write.status, resource_version=self._next_version())
    self._changed(simulated_cluster.Event(resource=self.resource))
    return self.resource


def _claim_without_the_floor(claimant: Pod | None, view: campaign.View) -> campaign.Decision:
    return campaign.Claim(claimant, max(view.lease.term, view.status.term) + 1)


def _claim_the_next_of_the_record(claimant: Pod | None, view: campaign.View) -> campaign.Decision:
    return campaign.Claim(claimant, view.lease.term + 1)


def _adopt_below_the_status(view: campaign.View) -> campaign.Standing:
    status = replace(view.status, term=min(view.status.term, view.lease.term), leader=None)
    return _true_standing(replace(view, status=status))


def _take_absence_for_gone(view: campaign.View) -> campaign.Decision:
    decision = _true_decide(view)
    return campaign.Release(view.lease.holder) if isinstance(decision, campaign.Confirm) else decision


def _prefer_the_first_in_line(view: campaign.View) -> campaign.Decision:
    decision = _true_decide(view)
    first = min(filter(view.field.is_eligible, view.candidates), key=lambda pod: -pod.ready_since_s, default=None)
    if isinstance(decision, campaign.Hold) and first is not None and first != decision.pod:
        return campaign.Release(view.lease.holder)
    return decision


def _claim_over_a_live_holder(view: campaign.View) -> campaign.Decision:
    decision = _true_decide(view)
    return campaign._decide_free(view) if isinstance(decision, campaign.Confirm) else decision


def _forget_the_old_leader(status: Status, **named: Any) -> Status:
    return replace(_true_advance(status, **named), unfenced=status.unfenced)


def _believe_older_entries(previous: Any, entry: Any, **named: Any) -> lease.Lease:
    return _true_observe(None, entry, **named)


def _put_without_compare(
    self: ModelBucket, key: str, value: bytes | None, *, expected_revision: int, ttl_s: int | None = None
) -> int:
    del expected_revision, ttl_s
    return self.put(key, value) if value is not None else self.delete(key)


def _repeat_revisions(self: ModelBucket) -> None:
    true_begin(self)
    self.last_revision = 0


true_begin = ModelBucket._begin


def _delete_on_release(
    self: ModelBucket, key: str, value: bytes | None, *, expected_revision: int, ttl_s: int | None = None
) -> int:
    del ttl_s
    if self.read(key).revision != expected_revision:
        raise WrongRevision(key)
    return self.delete(key) if value is None or b'"leaderId":""' in value else self.put(key, value)


@contextmanager
def _call_higher_labels_forged() -> Iterator[None]:
    def plan(*arguments: Any, **named: Any) -> routing.Plan:
        return _true_plan(*arguments, **{**named, "forged": frozenset(named["pods"])})

    with patch.object(routing, "plan", plan):
        yield


def _decide_before_all_pods_are_known(self: state.State, now: Any, happened: Any) -> None:
    self.pods_complete = True
    _true_absorb(self, now, happened)


_true_absorb = state.State.absorb


def _let_the_floor_fall(self: scribe.Scribe, now: Any, last: Status, decision: campaign.Decision) -> Status:
    status = _true_next_ledger(self, now, last, decision)
    return replace(status, term_floor=status.term) if status is not last else status


_true_next_ledger = scribe.Scribe._next_ledger


def _never_stop_by_oneself(self: elector.Elector, now_s: float, lease_: Any, timing: Any) -> None:
    _true_elector_observe(self, float("-inf"), lease_, timing)
    del now_s


_true_elector_observe = elector.Elector.observe


def _crown_whoever_is_there(self: simulated_cluster.Cluster, write: effects.WriteLabels) -> inputs.LabelsWritten:
    """The term is not written with the role."""
    return _true_labels(self, replace(write, term=None) if (write.role == "leader") else write)


MUTATIONS = (
    Mutation("label before the status is acknowledged", _label_before_the_status_is_acknowledged),
    Mutation("stamp from a cache instead of the ledger", _replace(routing, "must_stamp", _must_stamp_nothing)),
    Mutation("skip a stamp", _replace(routing, "must_stamp", _skip_the_first)),
    Mutation("crown before the stamps are acknowledged", _replace(routing, "_stamp", _crown_before_the_stamps)),
    Mutation("settle too early", _replace(routing, "plan", _settle_at_once)),
    Mutation("forget the old leader in the ledger", _replace(ledger, "advance", _forget_the_old_leader)),
    Mutation(
        "take the term label off at clean-up",
        _replace(simulated_cluster.Cluster, "write_labels", _clean_up_the_term_too),
    ),
    Mutation(
        "write labels without testing the term",
        _replace(simulated_cluster.Cluster, "write_labels", _do_not_test_the_term),
    ),
    Mutation(
        "write labels without testing the UID",
        _replace(simulated_cluster.Cluster, "write_labels", _do_not_test_the_uid),
    ),
    Mutation("crown without the term", _replace(simulated_cluster.Cluster, "write_labels", _crown_whoever_is_there)),
    Mutation("call a higher label forged without reading", _call_higher_labels_forged),
    Mutation(
        "write the status whatever its version",
        _replace(simulated_cluster.Cluster, "write_status", _write_the_status_whatever_its_version),
    ),
    Mutation("let the floor fall", _replace(scribe.Scribe, "_next_ledger", _let_the_floor_fall)),
    Mutation("claim without the floor", _replace(campaign, "_claim", _claim_without_the_floor)),
    Mutation("claim the record's next term", _replace(campaign, "_claim", _claim_the_next_of_the_record)),
    Mutation("drop the gap", _replace(campaign, "CLAIM_GAP", 1)),
    Mutation("adopt a record below the status", _replace(campaign, "standing", _adopt_below_the_status)),
    Mutation("delete the key on release", _replace(ModelBucket, "compare_and_set", _delete_on_release)),
    Mutation("write leases without compare-and-set", _replace(ModelBucket, "compare_and_set", _put_without_compare)),
    Mutation("let revisions repeat in a re-created bucket", _replace(ModelBucket, "_begin", _repeat_revisions)),
    Mutation(
        "release on mere absence from a cache", _replace(campaign, "decide", _take_absence_for_gone), breaks_calm=True
    ),
    Mutation(
        "claim over a live holder that is not in the cache",
        _replace(campaign, "decide", _claim_over_a_live_holder),
        breaks_calm=True,
    ),
    Mutation(
        "prefer another candidate to the leader",
        _replace(campaign, "decide", _prefer_the_first_in_line),
        breaks_calm=True,
    ),
    Mutation(
        "decide before all pods are known",
        _replace(state.State, "absorb", _decide_before_all_pods_are_known),
        breaks_calm=True,
    ),
    Mutation("believe older entries of the watch", _replace(state, "observe", _believe_older_entries)),
    Mutation("never stop by oneself", _replace(elector.Elector, "observe", _never_stop_by_oneself)),
)


def main() -> int:
    """Switch on each mutation; the status is 1 when one was not found."""
    missed = 0
    for mutation in MUTATIONS:
        started_s = time.monotonic()
        found = found_after(mutation)
        verdict = f"found by seed {found[0]}: {found[1][:110]}" if found else "NOT FOUND"
        missed += found is None
        print(f"{mutation.what:52} {time.monotonic() - started_s:5.1f} s  {verdict}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
