"""Which candidate of an election may campaign, judged from the record, the status and the pods.

`decide` is a table of cases: what stands in the record (`Standing`) against who is there to lead.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from tenure.election.end_of_term import EndOfTerm
from tenure.election.lease import Lease
from tenure.election.pod import Pod, PodRef, parse_identity
from tenure.election.record import MAX_TERM, LeaseRecord
from tenure.election.request import Switchover
from tenure.election.resource import Reign, Status
from tenure.election.slate import Slate
from tenure.election.switchover import begun, judge

CLAIM_GAP = 16
"""How far above the floor a term may be claimed; and so how far the floor must rise when the record was lost, that no
term is given out twice: whatever was claimed under the old floor is not above it by more than this."""


class Standing(StrEnum):
    """What the record amounts to."""

    HELD = "held"
    FREE = "free"
    LOST = "lost"
    RESPECTED = "respected"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Hold:
    """This candidate holds the record, or held it last: it renews it as it stands."""

    pod: Pod


@dataclass(frozen=True, slots=True)
class Doubt:
    """The holder is not Ready, by what was seen of it: the API must say so. Until then this candidate holds on.

    What was seen may be old, and the record young: another process has made it, for a pod that it has seen Ready since.
    """

    pod: Pod


@dataclass(frozen=True, slots=True)
class Release:
    """The holder is to give the record up, and for which switchover, if it is for one."""

    identity: str
    switchover: Switchover | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """This candidate is to claim this term, and for which switchover, if it is for one.

    None is nobody: a term in which no one leads, so that the last leader's label can be taken off.
    """

    pod: Pod | None
    term: int
    switchover: Switchover | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """There is nothing under the key, not even a revision: a marker is to give it one.

    Revision 0 is the same in every bucket. A claim that expected it could land in a bucket that was made again after
    the one that was read; a marker's revision exists in one bucket only.
    """


@dataclass(frozen=True, slots=True)
class RaiseFloor:
    """The status must first say this floor; `lost` tells that it is for a record that was lost."""

    floor: int
    lost: bool


@dataclass(frozen=True, slots=True)
class Confirm:
    """The holder is no pod that is known here: the API must say what became of it."""

    pod: PodRef


@dataclass(frozen=True, slots=True)
class ReadAgain:
    """The record must be read from the stream's leader first."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before something changes.

    `foreign` when a holder or a record is respected until it runs out, `contested` when records were lost so often that
    another operator must be thought to write the status.
    """

    foreign: bool = False
    contested: bool = False


@dataclass(frozen=True, slots=True)
class Follow:
    """The pods campaign for themselves: the status must show this reign next, None when it shows the one that is.

    `why` is why the last term ended, as far as the record tells.
    """

    reign: Reign | None = None
    why: EndOfTerm = EndOfTerm.LEASE_LOST


Decision = Hold | Doubt | Release | Claim | Mark | RaiseFloor | Confirm | ReadAgain | Wait | Follow


@dataclass(frozen=True, slots=True)
class View:
    """All that a decision rests on.

    `floor_covers` is the revision of a lost record for which this process has written a floor, after it saw that
    revision, that is above everything that can have been claimed before; None when there is no such. `highest_label` is
    the highest term that a pod was told, `stray_leader` whether a pod carries the leader label although the status has
    named no leader yet. `resource_seen_at_s` is when the resource was last heard of from the API. `gone` are UIDs that
    the API has said to be gone, or that exist and are no candidates of this election. `holder` is the pod that holds
    the record, be it a candidate or not, and `holder_read_at_s` when its last read was begun that had an answer.
    `suspended` leaves leadership where it is. `switchover` is the one that is due.
    """

    now_s: float
    lease: Lease
    status: Status
    resource_seen_at_s: float
    slate: Slate
    gone: frozenset[str]
    namespace_uid: str | None
    highest_label: int
    stray_leader: bool
    floor_covers: int | None
    holder: Pod | None = None
    holder_read_at_s: float | None = None
    suspended: bool = False
    switchover: Switchover | None = None

    @property
    def candidates(self) -> Collection[Pod]:
        """The candidates of the slate."""
        return self.slate.candidates

    @property
    def believed_term(self) -> int:
        """The term of the record, 0 when that is not believed."""
        return self.lease.term if self.status.believes(self.lease.term) else 0

    @property
    def shown_term(self) -> int:
        """The highest term that was shown."""
        return self.status.shown_term(self.highest_label)


def standing(view: View) -> Standing:
    """Classify the record."""
    lease, status, record = view.lease, view.status, view.lease.record
    if record is None:
        return Standing.LOST
    if not isinstance(record, LeaseRecord) or not status.believes(record.term):
        return Standing.LOST if lease.expired(view.now_s) else Standing.RESPECTED
    live = bool(record.holder) and not lease.expired(view.now_s)
    ours = record.namespace_uid == view.namespace_uid and record.by_operator
    if live and record.namespace_uid is not None and record.namespace_uid != view.namespace_uid:
        return Standing.CONFLICT
    if record.term < view.shown_term or _contradicts(record, status):
        return Standing.RESPECTED if live and not ours else Standing.LOST
    return Standing.HELD if record.holder else Standing.FREE


def decide(view: View) -> Decision:
    """Return the one thing to do next about the lease."""
    if view.suspended:
        return _decide_suspended(view)
    match standing(view):
        case Standing.CONFLICT | Standing.RESPECTED:
            return _respect(view)
        case Standing.HELD:
            return _decide_held(view)
        case Standing.FREE:
            return _decide_free(view)
        case Standing.LOST:
            return _decide_lost(view)


def _contradicts(record: LeaseRecord, status: Status) -> bool:
    """Whether the record gives the shown term to somebody else than the status does."""
    return bool(
        record.term == status.term
        and record.holder
        and (status.leader is None or status.leader.identity != record.holder)
    )


def _respect(view: View) -> Decision:
    """Leave the record to its holder until it runs out; the status is to say so.

    What was seen of it may be older than a status that shows somebody else: another process may have claimed since.
    """
    leader, holder = view.status.leader, view.lease.holder
    if not holder or (leader is not None and leader.identity == holder) or _was_read_after_the_resource(view):
        return Wait(foreign=True)
    return ReadAgain()


def _was_read_after_the_resource(view: View) -> bool:
    """Whether the record is known from the stream's leader, as it was after the resource was last heard of."""
    return view.lease.read_at_s is not None and view.lease.read_at_s >= view.resource_seen_at_s


def _decide_suspended(view: View) -> Decision:
    """Renew the lease for its holder, whatever became of it, as long as its pod exists; and nothing else."""
    return Hold(view.holder) if view.holder is not None and standing(view) is Standing.HELD else Wait()


def _decide_held(view: View) -> Decision:
    record = view.lease.record
    assert isinstance(record, LeaseRecord)
    holder = next((pod for pod in view.candidates if pod.identity == record.holder), None)
    expired = view.lease.expired(view.now_s)
    if holder is not None:
        if view.slate.may_stay(holder):
            return _release(record, view) if _gives_way(holder, view) else Hold(holder)
        if expired:
            return _decide_free(view)
        is_final = holder.ready or holder.terminating or holder.finished
        is_known = view.holder_read_at_s is not None and view.holder_read_at_s >= view.lease.seen_at_s
        return _release(record, view) if is_final or is_known else Doubt(holder)
    if expired:
        return _decide_free(view)
    ref = parse_identity(record.holder)
    if ref is None or not record.by_operator or record.namespace_uid != view.namespace_uid:
        return _respect(view)
    return _release(record, view) if ref.uid in view.gone else Confirm(ref)


def _release(record: LeaseRecord, view: View) -> Release:
    return Release(record.holder, _begun(view) or (view.switchover if _successor(view) is not None else None))


def _decide_free(view: View) -> Decision:
    successor = _successor(view)
    claimant = successor or _incumbent(view) or view.slate.first_in_line()
    is_vacant = view.lease.term > view.shown_term and not view.lease.holder
    if claimant is None and (is_vacant or not _shows_a_leader(view)):
        return Wait()
    return _claim(claimant, view, _begun(view) or (view.switchover if successor is not None else None))


def _incumbent(view: View) -> Pod | None:
    """Return who is shown to lead, if nothing speaks against it any more.

    What the lease was released for may have come to nothing, such as a switchover to a pod that is not Ready now.
    """
    leader, slate = view.status.leader, view.slate
    pod = next((pod for pod in slate.candidates if leader is not None and pod.ref == leader.pod), None)
    if pod is None or not slate.is_eligible(pod) or not slate.may_stay(pod):
        return None
    return pod if slate.superior(pod) is None else None


def _gives_way(holder: Pod, view: View) -> bool:
    """Whether a leader that may stay is to hand over all the same: because that is asked for, or to a superior.

    Only if it is shown to lead: else what is asked for may be done already, and the status late.
    """
    leader = view.status.leader
    if leader is None or (leader.identity, view.status.term) != (holder.identity, view.lease.term):
        return False
    return _successor(view) is not None or view.slate.superior(holder) is not None


def _successor(view: View) -> Pod | None:
    """Return to whom a switchover moves the leadership: the one that has begun, else the one that is due."""
    asked = _begun(view) or view.switchover
    if asked is None:
        return None
    leader = view.status.leader
    judged = judge(asked, view.slate, leader.pod if leader is not None else None)
    return judged if isinstance(judged, Pod) else None


def _begun(view: View) -> Switchover | None:
    record = view.lease.record
    return begun(record, view.status, view.namespace_uid) if isinstance(record, LeaseRecord) else None


def _shows_a_leader(view: View) -> bool:
    """Whether somebody is shown as leader, by the status or, before it says anything, by a label of an earlier life."""
    return view.status.leader is not None or view.stray_leader


def _decide_lost(view: View) -> Decision:
    status = view.status
    last = status.leader.pod if status.leader is not None else None
    stays = (pod for pod in view.candidates if pod.ref == last and view.slate.may_stay(pod))
    claimant = next(stays, None) or view.slate.first_in_line()
    if claimant is None and not _shows_a_leader(view):
        return Wait()
    if view.lease.revision == 0:
        return Mark()
    if view.floor_covers == view.lease.revision:
        return _claim(claimant, view)
    if not _was_read_after_the_resource(view):
        return ReadAgain()
    floor = max(status.term, status.term_floor or 0, view.believed_term, view.highest_label) + CLAIM_GAP
    return RaiseFloor(floor, lost=True) if floor < MAX_TERM else Wait()


def _claim(claimant: Pod | None, view: View, switchover: Switchover | None = None) -> Decision:
    floor = view.status.term_floor or 0
    term = max(view.believed_term, floor, view.status.term) + 1
    if term > MAX_TERM:
        return Wait()  # No reader would believe it.
    if term > floor + CLAIM_GAP:
        return RaiseFloor(term - 1, lost=False)
    return Claim(claimant, term, switchover)
