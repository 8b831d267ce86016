"""What holds for every decision about a campaign, whatever stands in the record and whoever is there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tenure.election.campaign import (
    CLAIM_GAP,
    Claim,
    Confirm,
    Hold,
    Mark,
    RaiseFloor,
    ReadAgain,
    Release,
    View,
    Wait,
    decide,
)
from tenure.election.pod import Pod, parse_identity
from tenure.election.record import LeaseRecord, Unbelievable
from tenure.election.resource import MAX_TERM_JUMP, Leader, Status
from tenure.election.slate import Slate
from unit.builders import NAMESPACE_UID, WRITER, a_leader, a_lease, a_pod, a_record
from unit.reach import often, reach, reaches

_NAMES = ["web-0", "web-1", "web-2"]
_UIDS = [f"uid-of-{name}" for name in _NAMES]
_flags = st.booleans()


def _states(name: str) -> list[Pod]:
    """Every state of a pod that a decision may look at."""
    ready = a_pod(name)
    return [ready, a_pod(name, ready_since_s=5.0), replace(ready, ready=False), replace(ready, terminating=True)]


_candidates = st.tuples(*(st.sampled_from([None, None, *_states(name)]) for name in _NAMES)).map(
    lambda pods: tuple(pod for pod in pods if pod is not None)
)
_one_eligible_pod = st.sampled_from([(pod,) for name in _NAMES for pod in _states(name)[:2]])
_leaders = st.sampled_from([None, Leader("node-3", None), *(a_leader(a_pod(name)) for name in _NAMES)])
_statuses = st.builds(
    lambda term, above, leader: Status(
        term=term, term_floor=term + above, leader=leader if term else None, unfenced=()
    ),
    st.sampled_from([0, 1, 7, 30]),
    st.sampled_from([0, 1, CLAIM_GAP - 1, CLAIM_GAP, 40]),
    _leaders,
)
_records = st.builds(
    a_record,
    st.sampled_from(["", "node-3", "web-0_elsewhere", *(a_pod(name).identity for name in _NAMES * 2)]),
    often(*[st.integers(1, 90)] * 4, st.sampled_from([MAX_TERM_JUMP - 1, MAX_TERM_JUMP + 50, 10**9])),
    writer=st.sampled_from([WRITER, WRITER, "operator/two", "library/x", None]),
    namespace_uid=st.sampled_from([NAMESPACE_UID, NAMESPACE_UID, NAMESPACE_UID, None, "uid-of-shop-elsewhere"]),
)
_values: st.SearchStrategy[LeaseRecord | Unbelievable | None] = often(
    *[_records] * 5, st.sampled_from([None, Unbelievable("it is not JSON")])
)


_of_pods = st.builds(
    a_record,
    st.sampled_from([a_pod(name) for name in _NAMES]),
    st.integers(1, 90),
    writer=st.sampled_from([WRITER, WRITER, "library/x"]),
    namespace_uid=st.sampled_from([NAMESPACE_UID, NAMESPACE_UID, None]),
)
_of_strangers = st.builds(
    a_record,
    st.sampled_from(["node-3", "web-0_elsewhere"]),
    st.integers(1, 20),
    writer=st.sampled_from(["library/x", None]),
    namespace_uid=st.sampled_from([NAMESPACE_UID, None]),
)
_nearly_lost = often(st.none(), st.none(), _values)


def views(
    candidates: st.SearchStrategy[tuple[Pod, ...]] = _candidates, record: st.SearchStrategy[Any] = _values
) -> st.SearchStrategy[View]:
    """Views of every kind, half of them with the status that a record leads to.

    The record was seen at 100 s and runs out at 115 s.
    """
    of_every_kind = st.builds(
        lambda now_s, record, revision, read_at_s, **known: View(
            now_s=now_s,
            lease=a_lease(record, revision=revision, read_at_s=read_at_s),
            namespace_uid=NAMESPACE_UID,
            **known,
        ),
        now_s=st.sampled_from([105.0, 105.0, 115.0]),
        record=record,
        revision=st.sampled_from([0, 3, 7, 7]),
        read_at_s=st.sampled_from([None, 100.0, 104.0, 104.0]),
        status=_statuses,
        resource_seen_at_s=st.just(103.0),
        slate=candidates.map(Slate),
        gone=st.sampled_from([frozenset(), *[frozenset(_UIDS)] * 3, frozenset(_UIDS[:1])]),
        highest_label=st.sampled_from([0, 3, 60]),
        stray_leader=_flags,
        floor_covers=st.sampled_from([None, 0, 3, 7, 7]),
    )
    return of_every_kind | of_every_kind.map(_shown)


def _shown(view: View) -> View:
    """Return the view with a status that shows the record's holder in its term."""
    record, status = view.lease.record, view.status
    if not isinstance(record, LeaseRecord):
        return view
    leader = Leader(record.holder, parse_identity(record.holder)) if record.holder else None
    floor = record.term + _floor(view) - status.term
    return replace(view, status=replace(status, term=record.term, term_floor=floor, leader=leader))


def _floor(view: View) -> int:
    assert view.status.term_floor is not None
    return view.status.term_floor


def _believed(view: View) -> int:
    return view.lease.term if view.lease.term <= _floor(view) + MAX_TERM_JUMP else 0


@reaches(claim=4)
@given(views())
def test_a_claimed_term_is_new_and_within_the_gap(view: View) -> None:
    decision = decide(view)

    if isinstance(decision, Claim):
        reach("claim")
        assert decision.term > view.status.term
        assert decision.term > _believed(view)
        assert _floor(view) < decision.term <= _floor(view) + CLAIM_GAP


@reaches(leading=10, hold=4)
@given(views())
def test_only_one_who_may_lead_claims_or_holds(view: View) -> None:
    decision = decide(view)

    if isinstance(decision, Claim | Hold) and decision.pod is not None:
        reach("leading")
        others = [pod for pod in view.candidates if view.slate.is_eligible(pod) and pod != decision.pod]
        assert decision.pod in view.candidates
        assert view.slate.is_eligible(decision.pod) or (not decision.pod.terminating and not others)
    if isinstance(decision, Hold):
        reach("hold")
        assert decision.pod.identity == view.lease.holder


@reaches(live=8)
@given(views(record=_of_pods | _values))
def test_nothing_is_claimed_while_another_live_candidate_holds(view: View) -> None:
    """Live: the lease has not run out, and the record is not one that the status contradicts."""
    record, status = view.lease.record, view.status
    agrees = isinstance(record, LeaseRecord) and (
        record.term > status.term or (status.leader is not None and status.leader.identity == record.holder)
    )
    live = not view.lease.expired(view.now_s) and view.lease.holder in {pod.identity for pod in view.candidates}

    if live and agrees and view.lease.term >= status.term:
        reach("live")
        assert not isinstance(decide(view), Claim)


@reaches(foreign=15)
@given(views(record=often(_of_strangers, _of_strangers, _values)))
def test_what_somebody_else_wrote_is_left_alone_until_it_runs_out(view: View) -> None:
    record = view.lease.record
    is_a_candidates = view.lease.holder in {pod.identity for pod in view.candidates}
    is_ours = isinstance(record, LeaseRecord) and record.by_operator and record.namespace_uid == NAMESPACE_UID
    alive = record is not None and not view.lease.expired(view.now_s)
    if isinstance(record, LeaseRecord) and not record.holder and _believed(view):
        alive = False

    if alive and not is_ours and not is_a_candidates:
        reach("foreign")
        assert decide(view) in (Wait(foreign=True), ReadAgain())


@reaches(gone=5, unfit=1)
@given(views(st.just(()) | _candidates, record=_of_pods).map(_shown))
def test_only_an_operators_holder_of_this_cluster_that_is_gone_or_may_not_stay_is_released(view: View) -> None:
    decision = decide(view)

    if isinstance(decision, Release):
        record = view.lease.record
        assert isinstance(record, LeaseRecord)
        assert record.holder == decision.identity != ""
        pod = next((pod for pod in view.candidates if pod.identity == decision.identity), None)
        if pod is None:
            reach("gone")
            assert record.by_operator
            assert record.namespace_uid == NAMESPACE_UID
            assert decision.identity.rpartition("_")[2] in view.gone
        else:
            reach("unfit")
            assert not view.slate.is_eligible(pod)


@reaches(raised=2)
@given(views(record=_nearly_lost))
def test_a_floor_is_only_ever_raised(view: View) -> None:
    decision = decide(view)

    if isinstance(decision, RaiseFloor):
        reach("raised")
        assert decision.floor > _floor(view)


@reaches(claim=2)
@given(views(record=_nearly_lost))
def test_once_the_floor_of_a_lost_record_is_raised_no_term_is_claimed_that_could_have_been_before(view: View) -> None:
    decision = decide(view)
    if not isinstance(decision, RaiseFloor) or not decision.lost:
        return
    highest_claimable_before = _floor(view) + CLAIM_GAP

    raised = replace(view.status, term_floor=decision.floor)
    later = decide(replace(view, status=raised, floor_covers=view.lease.revision))

    if isinstance(later, Claim):
        reach("claim")
    assert decision.floor >= highest_claimable_before
    assert not isinstance(later, Claim) or later.term > highest_claimable_before


@reaches(claim=2, raised=2)
@given(views(record=_nearly_lost))
def test_a_lost_record_is_claimed_only_in_the_place_of_the_revision_that_the_floor_covers(view: View) -> None:
    decision = decide(view)

    if view.lease.record is None and isinstance(decision, Claim):
        reach("claim")
        assert view.floor_covers == view.lease.revision != 0
    if view.lease.record is None and isinstance(decision, RaiseFloor) and decision.lost:
        reach("raised")
        assert view.lease.read_at_s is not None
        assert view.lease.read_at_s >= view.resource_seen_at_s


@dataclass
class _Follower:
    """Carries a decision out, as an undisturbed world would."""

    view: View

    def follow(self, decision: Any) -> None:
        view, lease = self.view, self.view.lease
        now_s = view.now_s + 0.1
        match decision:
            case RaiseFloor(floor, lost):
                status = replace(view.status, term_floor=floor)
                covers = lease.revision if lost else view.floor_covers
                view = replace(view, status=status, floor_covers=covers, resource_seen_at_s=now_s)
                now_s += 0.1
            case ReadAgain():
                view = replace(view, lease=replace(lease, read_at_s=now_s))
            case Confirm(ref):
                view = replace(view, gone=view.gone | {ref.uid})
            case Release():
                assert isinstance(lease.record, LeaseRecord)
                view = replace(view, lease=replace(lease, record=replace(lease.record, holder="")))
            case Claim(pod, term):
                assert pod is not None
                record = a_record(pod, term)
                view = replace(view, lease=a_lease(record, revision=lease.revision + 1, seen_at_s=now_s))
            case Mark():
                view = replace(view, lease=a_lease(None, revision=9, seen_at_s=now_s))
            case Wait():
                now_s = max(now_s, lease.runs_out_at_s())
        self.view = replace(view, now_s=now_s)


@given(views(_one_eligible_pod))
def test_with_one_eligible_pod_that_pod_leads_in_the_end(view: View) -> None:
    """Progress (G5), whatever stands in the record at first."""
    world = _Follower(view)
    for _ in range(8):
        decision = decide(world.view)
        if isinstance(decision, Hold):
            break
        world.follow(decision)

    assert [decide(world.view)] == list(map(Hold, view.candidates))
