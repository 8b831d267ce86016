"""Pods that campaign for themselves: whom the status shows, in which term, and what is read before it does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.election.campaign import CLAIM_GAP
from tenure.election.effects import ListPods, ReadLease, ReadPod, WriteLabels, WriteStatus
from tenure.election.inputs import ConnectionChanged, LeaseRead, PodGone, PodRead, PodSeen, ResourceSeen
from tenure.election.ledger import MAX_UNFENCED
from tenure.election.mandate import Mandate
from tenure.election.pod import EVERYBODY, Pod, PodRef
from tenure.election.record import LeaseRecord
from tenure.election.resource import Leader, Status
from tenure.election.rules import Rules
from unit.builders import NAMESPACE_UID, SPEC, a_pod, a_record
from unit.reach import reach, reaches
from unit.story import A_LEADS, B_FOLLOWS, A, B, Story, labels_of, ledger_of, only, ready_of
from unit.views import a_status

_SPEC = replace(SPEC, pods_campaign=True, rules=Rules(require_ready=False))


def _claim(holder: str | Pod = "", term: int = 1, **facts: Any) -> LeaseRecord:
    """Return what a candidate writes that is no operator."""
    return a_record(holder, term, **{"writer": "candidate/a/1", "namespace_uid": None, **facts})


def _shown(pod: Pod, record_term: int) -> Leader:
    return Leader(pod.identity, pod.ref, pod.node, record_term)


class _Pods(Story):
    """An election whose pods campaign; each record that is told is another revision."""

    def __init__(self, *pods: Pod, status: Status | None = None) -> None:
        super().__init__(*pods, status=status, revision=7)
        self.resource = replace(self.resource, spec=_SPEC)

    def sees(self, record: LeaseRecord | None) -> list[Any]:
        """The watch shows another record."""
        self.revision += 1
        return self.hears(self.seen(record))

    def settles(self, done: list[Any]) -> list[Any]:
        """The API does all that is asked of it, until nothing is left to do. Returns all that was done."""
        all_done = list(done)
        for _ in range(20):
            results = [
                self.acknowledged(one) if isinstance(one, WriteStatus) else self.labelled(one)
                for one in done
                if isinstance(one, (WriteStatus, WriteLabels))
            ]
            if not results:
                return all_done
            done = self.hears(*results)
            all_done += done
        raise AssertionError("it does not come to rest")

    @property
    def labels(self) -> dict[str, tuple[str | None, str | None]]:
        return {pod.name: (pod.role("web"), pod.term("web")) for pod in self.pods.values()}


def _led_by_a() -> _Pods:
    """`A` has led term 7 by the status, which is 3 in its record."""
    story = _Pods(A_LEADS, B_FOLLOWS, status=a_status(7, _shown(A, 3)))
    story.settles(story.begins(_claim(A, 3)))
    story.settles(story.rests(0.6))
    return story


def test_the_first_holder_is_shown_and_labelled_in_its_own_term() -> None:
    story = _Pods(A, B)

    write = only(WriteStatus, [one for one in story.begins(_claim(A, 5)) if isinstance(one, WriteStatus)])

    assert ledger_of(write) == (5, 5, A.identity, ["*"])
    assert write.status.leader == _shown(A, 5)


def test_a_claim_in_a_higher_term_is_shown_in_it_and_the_former_leader_is_stamped_first() -> None:
    story = _led_by_a()

    entry = only(WriteStatus, story.sees(_claim(B, 9)))
    assert ledger_of(entry) == (9, 9, B.identity, ["web-0"])
    stamp = only(WriteLabels, story.hears(story.acknowledged(entry)))
    assert labels_of(stamp) == ("web-0", "follower", 9)
    crown = only(WriteLabels, story.hears(story.labelled(stamp)))
    assert labels_of(crown) == ("web-1", "leader", 9)


@pytest.mark.parametrize(("held_for_s", "reason"), [(1.0, "Resigned"), (14.0, "LeaseLost")])
def test_who_is_replaced_soon_after_a_renewal_has_resigned(held_for_s: float, reason: str) -> None:
    story = _led_by_a()
    story.now_s += held_for_s

    done = story.sees(_claim(B, 9))

    assert only(WriteStatus, done).status.history[0].reason == reason


def test_a_claim_in_a_term_that_fell_is_shown_in_one_that_rises() -> None:
    story = _led_by_a()

    entry = only(WriteStatus, story.sees(_claim(B, 1)))

    assert ledger_of(entry) == (8, 8, B.identity, ["web-0"])
    assert entry.status.leader == _shown(B, 1)


def test_the_same_holder_in_another_term_of_its_own_is_another_reign() -> None:
    story = _led_by_a()

    assert ledger_of(only(WriteStatus, story.sees(_claim(A, 4))))[:3] == (8, 8, A.identity)


@pytest.mark.parametrize("record", [_claim("", 3), None], ids=["released", "deleted"])
def test_a_leader_that_resigns_loses_its_label_at_once(record: LeaseRecord | None) -> None:
    story = _led_by_a()

    entry = only(WriteStatus, story.sees(record))
    assert ledger_of(entry) == (8, 8, None, ["web-0"])
    assert entry.status.history[0].reason == "Resigned"
    story.settles(story.hears(story.acknowledged(entry)))

    assert story.labels == {"web-0": ("follower", "8"), "web-1": ("follower", "7")}


def test_renewals_cost_neither_a_read_nor_a_write() -> None:
    story = _led_by_a()

    for _ in range(10):
        story.revision += 1
        assert story.hears(story.seen(_claim(A, 3)), after_s=3.0) == []
        assert story.wakes_after_s == 5.0, "it is read when a renewal is 2 s late"


def test_a_lease_runs_out_by_a_read_that_shows_it_unchanged_and_not_by_silence() -> None:
    story = _led_by_a()
    read: list[Any] = []
    while story.now_s < 115.0:
        assert story.wakes_after_s <= 5.0, "behind a watch that is silent, the record is read"
        read = story.rests(max(story.wakes_after_s, 0.0))
        assert read == [] or isinstance(only(ReadLease, read), ReadLease)
        if read and story.now_s < 115.0:
            assert story.hears(story.read(_claim(A, 3))) == []
    only(ReadLease, read)

    entry = only(WriteStatus, story.hears(story.read(_claim(A, 3))))

    assert ledger_of(entry) == (8, 8, None, ["web-0"])
    assert entry.status.history[0].reason == "LeaseLost"


def test_a_read_that_was_begun_too_early_proves_nothing() -> None:
    story = _led_by_a()
    only(ReadLease, story.rests(114.0 - story.now_s))

    done = story.hears(story.read(_claim(A, 3)), after_s=1.5)

    only(ReadLease, done)


def test_a_claim_that_comes_while_the_end_of_the_lease_is_being_read_is_shown_at_once() -> None:
    story = _led_by_a()
    only(ReadLease, story.rests(115.5 - story.now_s))
    before = story.read(_claim(A, 3))

    story.revision += 1
    assert story.hears(story.seen(_claim(B, 4))) == []
    entry = only(WriteStatus, story.hears(before))

    assert entry.status.leader == _shown(B, 4)


def test_while_nats_is_away_the_label_stays() -> None:
    story = _led_by_a()

    done = story.hears(ConnectionChanged(0), after_s=30.0)

    assert {one.status.leader for one in done if isinstance(one, WriteStatus)} <= {_shown(A, 3)}
    assert [one for one in done if not isinstance(one, WriteStatus)] == []
    assert story.labels["web-0"] == ("leader", "7")


def test_after_an_outage_the_record_is_read_before_anything_is_decided() -> None:
    story = _led_by_a()
    story.hears(ConnectionChanged(0), after_s=0.1)

    assert any(isinstance(one, ReadLease) for one in story.hears(ConnectionChanged(2)))


@pytest.mark.parametrize("holder", [A.identity, A.uid, A.name], ids=["name_UID", "UID", "name"])
def test_a_holder_is_found_by_uid_and_by_name(holder: str) -> None:
    story = _Pods(A, B)

    write = next(one for one in story.begins(_claim(holder, 1)) if isinstance(one, WriteStatus))

    assert write.status.leader == Leader(holder, A.ref, A.node, 1)


def test_a_name_alone_means_the_pod_that_had_it_when_the_term_began() -> None:
    story = _Pods(A_LEADS, B_FOLLOWS, status=a_status(7, Leader("web-0", A.ref, None, 3)))
    story.settles(story.begins(_claim("web-0", 3)))
    story.settles(story.rests(0.6))
    again = replace(A, uid="another-uid")
    story.pods = {pod.uid: pod for pod in (again, B_FOLLOWS)}

    done = story.hears(PodGone(A.uid), PodSeen(again))
    only(ReadLease, [one for one in done if isinstance(one, ReadLease)])
    story.settles(done)
    entry = next(one for one in story.hears(story.read(_claim("web-0", 3))) if isinstance(one, WriteStatus))

    assert entry.status.leader == Leader("web-0", None, None, 3)
    condition = entry.status.condition("LeaderElected")
    assert condition is not None
    assert (condition.reason, condition.message) == (
        "ForeignHolder",
        (
            "web-0 holds the lease and is no pod of this election. "
            "The pod of this name is a later one: let identities be name and UID, joined by `_`."
        ),
    )
    story.settles(story.hears(story.acknowledged(entry)))
    assert story.labels["web-0"][0] == "follower"

    claimed_again = next(one for one in story.sees(_claim("web-0", 4)) if isinstance(one, WriteStatus))
    assert claimed_again.status.leader == Leader("web-0", again.ref, None, 4)


def test_a_holder_that_is_no_pod_of_the_election_is_said_and_nothing_is_labelled_for_it() -> None:
    story = _led_by_a()

    entry = only(WriteStatus, story.sees(_claim("a-machine", 9)))
    assert ledger_of(entry) == (9, 9, "a-machine", ["web-0"])
    assert ready_of(entry) == "ForeignHolder"
    story.settles(story.hears(story.acknowledged(entry)))

    assert story.labels == {"web-0": ("follower", "9"), "web-1": ("follower", "7")}


def test_a_pod_that_is_not_known_is_asked_for_before_its_holder_counts_as_foreign() -> None:
    story = _led_by_a()
    new = a_pod("web-2", ordinal=2)

    question = only(ReadPod, story.sees(_claim(new, 9)))
    assert question.ref == new.ref
    assert story.rests(0.1) == [], "it has asked"
    entry = next(one for one in story.hears(PodRead(new.ref, new)) if isinstance(one, WriteStatus))

    assert entry.status.leader == _shown(new, 9)


def test_nobody_is_asked_for_what_can_be_no_pod() -> None:
    story = _led_by_a()

    assert only(WriteStatus, story.sees(_claim("..\u2215x_7", 9))).status.leader is not None


def test_of_two_pods_of_one_name_the_younger_one_is_meant() -> None:
    again = replace(A, uid="another-uid", resource_version=9)
    story = _Pods(again, A, B)

    write = next(one for one in story.begins(_claim("web-0", 1)) if isinstance(one, WriteStatus))

    assert write.status.leader == Leader("web-0", again.ref, None, 1)


def test_with_too_many_pods_that_cannot_be_stamped_leadership_stays_where_it_is_shown() -> None:
    many = tuple(PodRef(f"old-{number}", f"uid-{number}") for number in range(MAX_UNFENCED))
    story = _Pods(A_LEADS, B_FOLLOWS, status=a_status(7, _shown(A, 3), unfenced=many))

    done = [*story.begins(_claim(B, 9)), *story.rests(0.6)]

    assert {one.status.term for one in done if isinstance(one, WriteStatus)} <= {7}


@pytest.mark.parametrize("mandate", [Mandate.STAND_BY, Mandate.RENEW])
def test_a_process_that_may_not_act_does_nothing(mandate: Mandate) -> None:
    story = _Pods(A, B)
    story.mandate = mandate

    assert story.begins(_claim(A, 5)) == []


def test_a_pod_that_is_gone_is_no_holder() -> None:
    story = _led_by_a()
    ref = PodRef("web-9", "uid-of-web-9")
    only(ReadPod, story.sees(_claim("web-9_uid-of-web-9", 9)))

    entry = only(WriteStatus, story.hears(PodGone(ref.uid)))

    assert entry.status.leader == Leader("web-9_uid-of-web-9", None, None, 9)


def test_a_record_of_another_cluster_is_a_conflict_whatever_pod_it_names() -> None:
    story = _led_by_a()

    entry = only(WriteStatus, story.sees(_claim(B, 9, namespace_uid="of-another-cluster")))

    assert entry.status.leader == Leader(B.identity, None, None, 9)
    assert ready_of(entry) == "RecordConflict"


def test_a_record_with_the_uid_of_the_own_namespace_is_believed() -> None:
    story = _led_by_a()

    assert only(WriteStatus, story.sees(_claim(B, 9, namespace_uid=NAMESPACE_UID))).status.leader == _shown(B, 9)


@pytest.mark.parametrize("is_far_above", [False, True])
def test_what_cannot_be_believed_is_respected_before_the_label_comes_off(is_far_above: bool) -> None:
    story = _led_by_a()
    record = _claim(B, 2_000_000) if is_far_above else _claim("\n", 1)

    assert story.sees(record) == []
    said = only(WriteStatus, story.rests(0.6))
    assert (ledger_of(said)[2], ready_of(said)) == (A.identity, "UnbelievableRecord")
    story.hears(story.acknowledged(said))
    story.now_s += 15.0
    only(ReadLease, story.hears())
    entry = next(one for one in story.hears(story.read(record)) if isinstance(one, WriteStatus))

    assert ledger_of(entry)[2] is None


def test_a_status_that_is_younger_than_what_is_known_of_the_record_is_not_contradicted_without_a_read() -> None:
    story = _led_by_a()

    other = story.changed_by_another(a_status(9, _shown(B, 8)))
    only(ReadLease, [one for one in story.hears(ResourceSeen(other)) if isinstance(one, ReadLease)])
    story.revision += 1
    done = story.hears(story.read(_claim(B, 8)))

    assert [one for one in done if isinstance(one, WriteStatus) and one.status.term != 9] == []


def test_what_a_late_watch_shows_is_no_news_against_a_status_of_another_process() -> None:
    """Another process has seen `A` resign and `B` take over. Here the resignation is heard of after the status."""
    story = _led_by_a()

    other = story.changed_by_another(a_status(9, _shown(B, 4)))
    story.revision += 1
    done = story.hears(ResourceSeen(other), story.seen(_claim("", 3)))
    assert [type(one) for one in done if isinstance(one, WriteStatus | ReadLease)] == [ReadLease]
    story.revision += 1
    done = story.hears(story.read(_claim(B, 4)))

    assert [one for one in done if isinstance(one, WriteStatus) and one.status.term != 9] == []


def test_a_new_process_shows_the_same_leader_in_the_same_term() -> None:
    story = _Pods(A_LEADS, B_FOLLOWS, status=a_status(7, _shown(A, 3)))

    done = [*story.begins(_claim(A, 3)), *story.rests(0.6)]

    writes = [one for one in done if isinstance(one, WriteStatus)]
    assert {(one.status.term, one.status.leader) for one in writes} <= {(7, _shown(A, 3))}
    assert [one for one in done if isinstance(one, WriteLabels)] == []


def test_a_suspended_election_stays_as_it_is_shown() -> None:
    story = _led_by_a()
    story.resource = replace(
        story.resource, spec=replace(_SPEC, suspend=True), resource_version=story.resource.resource_version + 1
    )
    story.hears(ResourceSeen(story.resource))

    done = story.sees(_claim(B, 9))

    assert [one for one in done if isinstance(one, WriteLabels)] == []
    assert {one.status.term for one in done if isinstance(one, WriteStatus)} <= {7}


def test_g1_a_term_of_an_earlier_life_is_not_shown_again_though_the_pod_that_told_of_it_is_gone() -> None:
    """The first floor was written by that pod's label."""
    story = _Pods(A, B, status=a_status(0, floor=7 + CLAIM_GAP, unfenced=(EVERYBODY,)))

    entry = next(one for one in story.begins(_claim(A, 2)) if isinstance(one, WriteStatus))

    assert entry.status.term == 7 + CLAIM_GAP + 1


def test_a_leader_label_of_an_earlier_life_comes_off_when_nobody_holds_the_lease() -> None:
    story = _Pods(A_LEADS, B_FOLLOWS)

    write = next(one for one in story.begins(None) if isinstance(one, WriteStatus))

    assert ledger_of(write)[0] == 7 + CLAIM_GAP + 1, "the status of that life may have been ahead of its labels"
    assert write.status.leader is None


def test_a_read_without_an_answer_is_tried_again() -> None:
    story = _led_by_a()
    story.now_s += 5.0
    only(ReadLease, story.hears())

    assert story.hears(LeaseRead(None)) == []
    only(ReadLease, story.rests(story.wakes_after_s))


def test_nothing_is_ever_written_to_the_record() -> None:
    story = _Pods(A, B)
    done = story.settles(story.begins(None))
    for record in (_claim(A, 1), None, _claim("stranger", 1), _claim(B, 7), _claim("", 7)):
        done += story.settles(story.sees(record))

    assert {type(one) for one in done} <= {WriteStatus, WriteLabels, ReadLease, ReadPod, ListPods}


_RECORDS = st.none() | st.builds(
    _claim,
    st.sampled_from([A, B, "web-0", "web-1", "stranger", ""]),
    st.integers(1, 9) | st.just(10**7),
    namespace_uid=st.sampled_from([None, NAMESPACE_UID, "of-another-cluster"]),
)
# The API mostly answers what another record has led to before the next one comes.
_WHAT = st.sampled_from(["watch", "watch", "read", "rest", "api", "api", "api", "api"])
_HAPPENINGS = st.lists(st.tuples(_WHAT, _RECORDS, st.floats(0.0, 20.0)), min_size=10, max_size=40)


@reaches(another_leader=10, crown=5)
@given(_HAPPENINGS)
def test_g2_g4_whatever_the_records_say_the_shown_term_rises_with_each_change_and_only_a_holders_pod_is_crowned(
    happenings: list[tuple[str, LeaseRecord | None, float]],
) -> None:
    """The API and NATS answer sooner or later: what is asked for waits until `api` or `read` comes."""
    story, waiting = _led_by_a(), list[Any]()
    record: LeaseRecord | None = _claim(A, 3)
    for what, other, seconds in happenings:
        match what:
            case "watch":
                record = other
                waiting += story.sees(record)
            case "read" if any(isinstance(one, ReadLease) for one in waiting):
                waiting = [one for one in waiting if not isinstance(one, ReadLease)]
                waiting += story.hears(story.read(record))
            case "rest":
                waiting += story.rests(seconds)
            case "api":
                done, waiting = waiting, [one for one in waiting if isinstance(one, ReadLease)]
                waiting += story.hears(*_answers(story, done))


def _answers(story: _Pods, done: list[Any]) -> list[Any]:
    """Let the API do what it was asked for, and hold each write against what it may be."""
    answers: list[Any] = []
    for one in done:
        if isinstance(one, WriteStatus):
            before, after = story.resource.status, one.status
            assert after.term >= before.term
            assert (after.term > before.term) or _whom(after) == _whom(before)
            leader = after.leader
            if leader is not None and leader != before.leader:
                reach("another_leader")
                assert leader.pod is None or leader.identity in _names_of(leader.pod)
            answers.append(story.acknowledged(one))
        elif isinstance(one, WriteLabels):
            shown = story.resource.status
            if one.role == "leader":
                reach("crown")
                assert shown.leader is not None
                assert (shown.leader.pod, shown.term) == (one.ref, one.term)
            answers.append(story.labelled(one))
        else:
            assert isinstance(one, (ReadLease, ReadPod, ListPods))
    leaders = [pod.name for pod in story.pods.values() if pod.role("web") == "leader"]
    assert len(leaders) <= 1
    return answers


def _whom(status: Status) -> tuple[object, ...]:
    leader = status.leader
    return () if leader is None else (leader.identity, leader.pod, leader.record_term)


def _names_of(ref: PodRef) -> set[str]:
    return {ref.name, ref.uid, f"{ref.name}_{ref.uid}"}
