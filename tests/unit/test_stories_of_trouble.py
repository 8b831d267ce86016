"""What an election does when answers do not come, records vanish, and others write, step by step."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from tenure.election.effects import Effect, ReadLease, ReadPod, ReadResource, WriteLabels, WriteLease, WriteStatus
from tenure.election.inputs import (
    ConnectionChanged,
    Input,
    LabelOutcome,
    LabelsWritten,
    LeaseRead,
    LeaseWritten,
    PodGone,
    PodRead,
    PodSeen,
    ResourceReadFailed,
    ResourceSeen,
    StatusWritten,
    WriteOutcome,
)
from tenure.election.ledger import MAX_UNFENCED
from tenure.election.pod import PodRef
from tenure.election.record import MAX_TERM, LeaseRecord
from tenure.election.resource import Leader
from unit.builders import SPEC, a_leader, a_pod, a_record
from unit.story import (
    A_LEADS,
    B_FOLLOWS,
    A,
    B,
    Story,
    at_rest,
    held_by,
    labels_of,
    ledger_of,
    only,
    ready_of,
    record_of,
)
from unit.views import a_status

_LED_BY_A = a_status(7, a_leader(A))


def _answers(story: Story, done: list[Effect]) -> list[Input]:
    """What NATS and the API answer to writes of the record and of the status when all is well."""
    written: list[Input] = [story.written(one) for one in done if isinstance(one, WriteLease)]
    return written + [story.acknowledged(one) for one in done if isinstance(one, WriteStatus)]


def test_a_renewal_without_an_answer_that_had_landed_all_the_same() -> None:
    story, _ = at_rest()
    renewal = only(WriteLease, story.rests(story.wakes_after_s))

    # Nothing is written before the record was read.
    only(ReadLease, story.hears(LeaseWritten(WriteOutcome.UNKNOWN), after_s=2.0))
    story.revision += 1
    # It shows our own write: that is no loss. How old it is, is not known, so it is renewed at once.
    again = only(WriteLease, story.hears(story.read(record_of(renewal))))
    assert (record_of(again).term, again.expected_revision) == (7, story.revision)
    assert story.hears(story.written(again)) == []


def test_a_renewal_without_an_answer_that_had_not_landed() -> None:
    story, record = at_rest()
    renewal = only(WriteLease, story.rests(story.wakes_after_s))

    only(ReadLease, story.hears(LeaseWritten(WriteOutcome.UNKNOWN), after_s=2.0))
    again = only(WriteLease, story.hears(story.read(record)))

    assert held_by(again) == (A.identity, 7)
    assert record_of(again).nonce != record_of(renewal).nonce
    assert story.hears(story.written(again)) == []


@pytest.mark.parametrize("outcome", [WriteOutcome.UNAVAILABLE, WriteOutcome.UNKNOWN])
def test_a_leader_whose_lease_cannot_be_renewed_keeps_its_label_but_not_its_lease(outcome: WriteOutcome) -> None:
    """Nobody else can be elected meanwhile, so the Service goes on serving."""
    story, _ = at_rest()
    only(WriteLease, story.rests(story.wakes_after_s))
    labels: list[WriteLabels] = []
    reasons = []

    done = story.hears(LeaseWritten(outcome), after_s=2.0)
    for _ in range(40):
        answers: list[Input] = []
        for effect in done:
            match effect:
                case WriteLease():
                    answers.append(LeaseWritten(outcome))
                case ReadLease():
                    answers.append(LeaseRead(None))
                case WriteStatus():
                    reasons.append(ready_of(effect))
                    assert ledger_of(effect) == (7, 7, A.identity, [])
                    answers.append(story.acknowledged(effect))
                case WriteLabels():
                    labels.append(effect)
        done = story.hears(*answers, after_s=min(1.0, max(0.01, story.wakes_after_s)))

    assert labels == []
    assert reasons[-1] == "NATSUnavailable"


def test_a_write_that_is_refused_because_somebody_else_wrote() -> None:
    """Another operator process has handed over meanwhile."""
    story, _ = at_rest()
    only(WriteLease, story.rests(story.wakes_after_s))

    only(ReadLease, story.hears(LeaseWritten(WriteOutcome.WRONG_REVISION)))
    story.revision += 2
    renewal = only(WriteLease, story.hears(story.read(a_record(B, 8, writer="operator/two"))))

    # B may lead as well as any: this process adopts it, and writes the status that the other one had not yet written.
    assert held_by(renewal) == (B.identity, 8)
    assert ledger_of(only(WriteStatus, story.hears(story.written(renewal)))) == (8, 8, B.identity, ["web-0"])


def test_a_lost_bucket() -> None:
    story, _ = at_rest()
    only(WriteLease, story.rests(story.wakes_after_s))
    only(ReadLease, story.hears(LeaseWritten(WriteOutcome.WRONG_REVISION)))

    # The stream's leader shows nothing, not even a revision: a marker gets one.
    story.revision = 0
    marker = only(WriteLease, story.hears(story.read(None)))
    assert (marker.record, marker.expected_revision) == (None, 0)
    # Then it is read, so that what is known of the bucket is not older than what is known of the resource.
    only(ReadLease, story.hears(story.written(marker)))
    # Before anything is claimed, the floor rises above all that may have been.
    floor = only(WriteStatus, story.hears(story.read(None)))
    assert ledger_of(floor) == (7, 23, A.identity, [])
    # The leader that is shown goes first, with a term that was never given out, in the place of that very marker.
    claim = only(WriteLease, story.hears(story.acknowledged(floor)))
    assert (held_by(claim), claim.expected_revision) == ((A.identity, 24), 1)
    entry = only(WriteStatus, story.hears(story.written(claim)))
    assert ledger_of(entry) == (24, 24, A.identity, [])
    assert entry.status.history[0].reason == "RecordLost"
    # It is crowned again, with the new term.
    crown = only(WriteLabels, story.hears(story.acknowledged(entry)))
    assert (labels_of(crown), crown.expected_term) == (("web-0", "leader", 24), "7")


def test_a_bucket_that_was_rolled_back_below_the_status() -> None:
    story, _ = at_rest()
    only(WriteLease, story.rests(story.wakes_after_s))
    only(ReadLease, story.hears(LeaseWritten(WriteOutcome.WRONG_REVISION)))

    story.revision = 3
    floor = only(WriteStatus, story.hears(story.read(a_record(B, 5))))

    assert ledger_of(floor) == (7, 23, A.identity, [])


def test_nothing_is_sent_on_another_connection_than_the_record_was_read_on() -> None:
    story, record = at_rest()
    only(WriteLease, story.rests(story.wakes_after_s))
    assert all(isinstance(effect, WriteStatus) for effect in story.hears(ConnectionChanged(0)))
    story.hears(LeaseWritten(WriteOutcome.UNKNOWN))

    done = story.hears(ConnectionChanged(2), after_s=1.0)
    assert [type(effect) for effect in done if not isinstance(effect, WriteStatus)] == [ReadLease]
    again = [effect for effect in story.hears(story.read(record)) if isinstance(effect, WriteLease)]

    assert [write.connection for write in again] == [2]


def test_a_status_that_another_process_has_overtaken() -> None:
    story, _ = at_rest()
    release = only(WriteLease, story.hears(PodSeen(story.changed(A, terminating=True))))
    claim = only(WriteLease, story.hears(story.written(release)))
    only(WriteStatus, story.hears(story.written(claim)))

    # The write was refused: nothing is decided, nothing is labelled before the resource was read.
    assert story.hears(StatusWritten(None)) == [ReadResource()]
    resource = story.changed_by_another(replace(_LED_BY_A, candidates=9, term_floor=12))
    # The next write waits a moment, so that two processes do not go on refuting each other.
    assert story.hears(ResourceSeen(resource, read_at_s=story.now_s)) == []
    entry = only(WriteStatus, story.rests(story.wakes_after_s))
    assert (ledger_of(entry), entry.resource_version) == ((8, 12, B.identity, ["web-0"]), resource.resource_version)


def test_an_older_version_of_the_resource_changes_nothing() -> None:
    story, _ = at_rest()
    old = replace(story.resource, resource_version=1, status=a_status(9, a_leader(B)))

    assert story.hears(ResourceSeen(old)) == []
    assert story.news == []


def test_a_term_label_above_the_status_is_judged_by_the_resource_as_the_api_has_it() -> None:
    story, _ = at_rest()
    forged = {**(B_FOLLOWS.labels or {}), "term.tenure.dev/web": "99"}

    # Perhaps it is this process that is behind: it asks.
    assert story.hears(PodSeen(story.changed(B, labels=forged))) == [ReadResource()]
    # It is not: the label is forged, and is overwritten, testing exactly that value.
    repair = only(WriteLabels, story.hears(ResourceSeen(story.resource, read_at_s=story.now_s + 0.005)))
    assert (labels_of(repair), repair.expected_term) == (("web-1", "follower", 7), "99")


def test_somebody_who_keeps_taking_the_leader_label_off_is_answered_ever_more_slowly() -> None:
    story, _ = at_rest()
    waits: list[float] = []
    done: list[Effect] = []
    for _ in range(6):
        bare = {key: value for key, value in (A_LEADS.labels or {}).items() if not key.startswith("role")}
        done = story.hears(PodSeen(story.changed(A, labels=bare)), *_answers(story, done))
        waited_s = 0.0
        # It becomes a follower, and only then leader again.
        for labels in [("web-0", "follower", 7), ("web-0", "leader", 7)]:
            while not any(isinstance(effect, WriteLabels) for effect in done):
                answers = _answers(story, done)
                pause_s = 0.01 if answers else max(0.01, story.wakes_after_s)
                done, waited_s = story.hears(*answers, after_s=pause_s), waited_s + pause_s
            write = next(effect for effect in done if isinstance(effect, WriteLabels))
            assert labels_of(write) == labels
            done = story.hears(story.labelled(write), *_answers(story, done))
        waits.append(waited_s)

    assert waits[:3] == pytest.approx([0.0, 0.0, 0.0], abs=0.05)
    assert waits == sorted(waits)
    assert waits[-1] == pytest.approx(4.0, abs=0.05)


def test_a_pod_that_cannot_be_stamped_blocks_the_crown() -> None:
    story = Story(A_LEADS, B_FOLLOWS, status=a_status(8, a_leader(B), unfenced=(A.ref,)), revision=9)
    done = story.begins(a_record(B, 8))
    renewal = next(effect for effect in done if isinstance(effect, WriteLease))
    refusal = LabelsWritten(A.ref, LabelOutcome.REFUSED, A_LEADS, "a policy says no")

    done = story.hears(story.written(renewal), refusal)
    reasons = []
    for _ in range(10):
        assert [labels_of(one) for one in done if isinstance(one, WriteLabels)] in ([], [("web-0", "follower", 8)])
        reasons += [ready_of(one) for one in done if isinstance(one, WriteStatus)]
        refusals = [refusal for one in done if isinstance(one, WriteLabels)]
        done = story.hears(*refusals, *_answers(story, done), after_s=0.3)
    assert reasons[-1] == "LabelRefused"


def test_a_pod_on_which_the_api_refuses_the_leader_label_again_and_again_hands_over() -> None:
    """A policy lets `web-0` be a follower, and not a leader. Its labels of term 8 are refused, those of term 9 not."""
    story = Story(
        a_pod("web-0", ordinal=0, role="follower", term=7), B_FOLLOWS, status=a_status(8, a_leader(A)), revision=9
    )
    record = a_record(A, 8)
    done = story.begins(record)
    for _ in range(100):
        answers: list[Input] = []
        for effect in done:
            match effect:
                case WriteLease(record=LeaseRecord() as record):
                    answers.append(story.written(effect))
                case WriteStatus():
                    answers.append(story.acknowledged(effect))
                case WriteLabels(role="leader", ref=ref) if ref == A.ref:
                    answers.append(LabelsWritten(A.ref, LabelOutcome.REFUSED, story.pods[A.uid], "a policy says no"))
                case WriteLabels():
                    answers.append(story.labelled(effect))
        done = story.hears(*answers, after_s=0.3)

    assert story.resource.status.leader == a_leader(B)
    assert story.resource.status.term == 9
    assert story.resource.status.history[-1].reason == "LabelRefused"
    assert [story.pods[pod.uid].role("web") for pod in (A, B)] == ["follower", "leader"]


@pytest.mark.parametrize(("unstamped", "is_released"), [(MAX_UNFENCED - 1, True), (MAX_UNFENCED, False)])
def test_leadership_does_not_change_any_more_with_too_many_pods_that_cannot_be_stamped(
    unstamped: int, is_released: bool
) -> None:
    waiting = tuple(PodRef(f"web-{number}", f"uid-{number}") for number in range(10, 10 + unstamped))
    story = Story(A_LEADS, B_FOLLOWS, status=a_status(7, a_leader(A), unfenced=waiting), revision=7)
    story.changed(A, terminating=True)

    done = story.begins(a_record(A, 7))

    assert any(isinstance(effect, WriteLease) and not record_of(effect).holder for effect in done) is is_released


def test_an_election_that_waits_for_the_api_does_not_ask_to_be_woken_at_once() -> None:
    """web-0 is in the ledger and not known; the API is asked for it, and does not answer."""
    story = Story(B_FOLLOWS, status=a_status(8, a_leader(B), unfenced=(A.ref,)), revision=9)
    renewal, question = story.begins(a_record(B, 8))
    assert isinstance(renewal, WriteLease)
    assert question == ReadPod(A.ref)
    story.hears(story.written(renewal))
    for _ in range(5):
        story.hears(PodRead(A.ref, None), after_s=0.1)

    assert story.rests(0.5) == []
    assert story.wakes_after_s > 0


def test_the_api_is_asked_ever_more_slowly_while_it_does_not_answer() -> None:
    story, _ = at_rest()
    story.hears(PodSeen(story.changed(B, ready=False)))
    only(WriteStatus, story.rests(0.6))
    asked_at_s: list[float] = []
    done = story.hears(StatusWritten(None))
    while len(asked_at_s) < 8:
        answers = [ResourceReadFailed() for one in done if isinstance(one, ReadResource)]
        if answers:
            asked_at_s.append(story.now_s)
        renewals = [story.written(one) for one in done if isinstance(one, WriteLease)]
        pause_s = 0.01 if answers or renewals else story.wakes_after_s
        done = story.hears(*answers, *renewals, after_s=pause_s)

    pauses = [later - sooner for sooner, later in pairwise(asked_at_s)]
    assert pauses == pytest.approx([0.21, 0.41, 0.81, 1.61, 3.21, 5.01, 5.01], abs=0.05)


def test_a_stranger_in_the_record_is_respected_shown_and_followed_by_a_pod_when_it_has_gone() -> None:
    story = Story(A_LEADS, B_FOLLOWS, status=_LED_BY_A, revision=7)
    stranger = a_record("node-3", 8, writer=None, namespace_uid=None, duration_s=None, nonce=None)

    # No pod leads: the status says who does, and the label of the last leader is taken away.
    only(ReadLease, story.begins(stranger))
    entry = only(WriteStatus, story.hears(story.read(stranger)))
    assert (ledger_of(entry), ready_of(entry)) == ((8, 8, "node-3", ["web-0"]), "ForeignHolder")
    stamp = only(WriteLabels, story.hears(story.acknowledged(entry)))
    assert labels_of(stamp) == ("web-0", "follower", 8)
    settled = only(WriteStatus, story.hears(story.labelled(stamp)))
    assert story.hears(story.acknowledged(settled)) == []
    # It is looked at behind the watch, and left alone for as long as it is to be respected.
    begun_s, done = story.now_s, story.rests(story.wakes_after_s)
    while not any(isinstance(effect, WriteLease) for effect in done):
        assert {type(effect) for effect in done} <= {ReadLease, WriteStatus}
        answers = [story.read(stranger) for effect in done if isinstance(effect, ReadLease)]
        done = story.hears(*answers) if answers else story.rests(story.wakes_after_s)
    assert story.now_s - begun_s == pytest.approx(15.0, abs=0.1)
    claim = next(effect for effect in done if isinstance(effect, WriteLease))
    assert held_by(claim) == (A.identity, 9)


def test_a_process_whose_record_is_old_does_not_show_its_holder_in_the_place_of_a_later_leader() -> None:
    """Another process has claimed when the stranger's lease had run out; its claim has not come through the watch."""
    stranger = a_record("node-3", 7, writer=None, namespace_uid=None, duration_s=None, nonce=None)
    story = Story(A, B_FOLLOWS, status=a_status(7, Leader("node-3", None)), revision=7)
    story.begins(stranger)
    another = story.changed_by_another(a_status(8, a_leader(A)))

    only(ReadLease, story.hears(ResourceSeen(another)))

    story.revision += 1
    adopted = only(WriteLease, story.hears(story.read(a_record(A, 8, writer="operator/two"))))
    assert held_by(adopted) == (A.identity, 8)
    assert all(not isinstance(effect, WriteStatus) for effect in story.hears(story.written(adopted)))


def test_a_suspended_election_renews_and_does_nothing_else() -> None:
    story, _ = at_rest()
    story.resource = replace(story.resource, resource_version=50, spec=replace(SPEC, suspend=True))
    story.hears(ResourceSeen(story.resource))
    said = only(WriteStatus, story.rests(0.6))
    assert (ready_of(said), said.status.condition("Suspended") is not None) == ("Ready", True)
    story.hears(story.acknowledged(said))
    assert story.news[-1] == "No hand-over and no repair while spec.suspend is true."

    # The leader's pod is about to end, and somebody takes its label off: neither is acted on.
    done = story.hears(PodSeen(story.changed(A, terminating=True, ready=False, labels={"app": "web"})))
    assert [effect for effect in done if not isinstance(effect, WriteStatus)] == []
    renewals = [effect for effect in story.rests(3.0) if not isinstance(effect, WriteStatus)]
    assert [type(effect) for effect in renewals] == [WriteLease]


@pytest.mark.parametrize("fate", [{"labels": {"role.tenure.dev/web": "leader"}}, {"finished": True}])
def test_a_suspended_election_renews_for_a_leader_that_is_no_candidate_any_more(fate: dict[str, object]) -> None:
    """As long as its pod exists: so nobody else claims the lease, and nothing is lost when the suspension ends."""
    story, _ = at_rest()
    story.resource = replace(story.resource, resource_version=50, spec=replace(SPEC, suspend=True))
    story.hears(ResourceSeen(story.resource), PodSeen(story.changed(A, **fate)))

    renewals = [effect for effect in story.rests(3.0) if isinstance(effect, WriteLease)]

    assert [held_by(renewal) for renewal in renewals] == [(A.identity, 7)]


def test_a_suspended_election_holds_no_record_that_it_would_not_believe_otherwise() -> None:
    story, _ = at_rest()
    story.resource = replace(story.resource, resource_version=50, spec=replace(SPEC, suspend=True))
    story.hears(ResourceSeen(story.resource))
    story.revision += 1
    forged = a_record(A, MAX_TERM, nonce="forged")

    done = story.hears(story.seen(forged)) + story.rests(20.0)

    assert [effect for effect in done if isinstance(effect, WriteLease)] == []
    assert [effect.status.term for effect in done if isinstance(effect, WriteStatus)] in ([], [7])


def test_the_last_pod_goes_and_takes_the_leaders_label_with_it() -> None:
    story = Story(A_LEADS, status=_LED_BY_A, revision=7)
    renewal = only(WriteLease, story.begins(a_record(A, 7)))
    assert story.hears(story.written(renewal)) == []

    release = only(WriteLease, story.hears(PodSeen(story.changed(A, terminating=True))))
    # A term for nobody, so that the status can say that the old leader's label must go.
    vacancy = only(WriteLease, story.hears(story.written(release)))
    assert held_by(vacancy) == ("", 8)
    entry = only(WriteStatus, story.hears(story.written(vacancy)))
    assert (ledger_of(entry), ready_of(entry)) == ((8, 8, None, ["web-0"]), "NoEligibleCandidate")
    stamp = only(WriteLabels, story.hears(story.acknowledged(entry)))
    assert labels_of(stamp) == ("web-0", "follower", 8)
    settled = only(WriteStatus, story.hears(story.labelled(stamp)))
    assert ledger_of(settled) == (8, 8, None, [])
    story.hears(story.acknowledged(settled))
    assert story.hears(PodGone(A.uid)) == []


def _goes_on(story: Story, seconds: int, *, flickers: bool) -> list[float]:
    """Let time pass in which every write succeeds; return when the status was written. `B` may be Ready by turns."""
    written_at_s = list[float]()
    answers: list[Input] = []
    for number in range(2 * seconds):
        news = [PodSeen(story.changed(B, ready=number % 4 == 0))] if flickers and number % 2 == 0 else []
        done = story.hears(*answers, *news, after_s=0.5)
        answers = [story.written(one) for one in done if isinstance(one, WriteLease)]
        answers += [story.acknowledged(one) for one in done if isinstance(one, WriteStatus)]
        written_at_s += [story.now_s for one in done if isinstance(one, WriteStatus)]
    story.hears(*answers)
    return written_at_s


def test_numbers_that_change_every_second_are_written_less_and_less_often() -> None:
    story, _ = at_rest()

    written_at_s = _goes_on(story, 600, flickers=True)

    assert len([at_s for at_s in written_at_s if at_s < written_at_s[0] + 5]) == 5
    assert len([at_s for at_s in written_at_s if at_s > written_at_s[0] + 300]) <= 10


def test_numbers_that_did_not_change_for_two_minutes_are_written_at_once_again() -> None:
    story, _ = at_rest()
    _goes_on(story, 60, flickers=True)
    _goes_on(story, 120, flickers=False)

    assert len(_goes_on(story, 2, flickers=True)) == 2


def test_two_processes_that_differ_about_the_lease_write_less_and_less_often() -> None:
    """One of them does not reach NATS, and says so; each sees what the other one has written."""
    story, _ = at_rest()
    cut_off, _ = at_rest()
    cut_off.hears(ConnectionChanged(0))
    said: list[tuple[float, str]] = []
    news: dict[Story, list[Input]] = {story: [], cut_off: []}
    for _ in range(1200):
        for one, other in ((story, cut_off), (cut_off, story)):
            done = one.hears(*news[one], after_s=0.5)
            news[one] = [one.written(write) for write in done if isinstance(write, WriteLease)]
            for write in done:
                if isinstance(write, WriteStatus):
                    news[one].append(one.acknowledged(write))
                    other.resource = one.resource
                    news[other].append(ResourceSeen(one.resource))
                    held = write.status.condition("LeaseHeld")
                    assert held is not None
                    said.append((one.now_s, held.reason))

    assert {reason for _, reason in said} == {"Held", "NATSUnavailable"}
    assert all(one[1] != after[1] for one, after in pairwise(said)), "each write takes back the one before it"
    first_s = said[0][0]
    assert len([at_s for at_s, _ in said if at_s < first_s + 5]) >= 5
    assert len([at_s for at_s, _ in said if at_s > first_s + 300]) <= 20
