"""An election from its first pod to a hand-over, and what a new operator process makes of it, step by step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tenure.election import lease
from tenure.election.effects import ListPods, ReadLease, ReadPod, ReadResource, WriteLabels, WriteLease, WriteStatus
from tenure.election.inputs import (
    ConnectionChanged,
    LeaseRead,
    PodGone,
    PodRead,
    PodsComplete,
    PodSeen,
    PodsListed,
    ResourceSeen,
)
from unit.builders import a_leader, a_record
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


def test_the_first_election() -> None:
    story = Story(A, B)

    # Nothing is decided before all pods are known.
    assert story.hears(ConnectionChanged(1), ResourceSeen(story.resource), PodSeen(B)) == []
    done = story.hears(PodSeen(A), PodsComplete())
    # The record is read. No pod is told anything before there is a term.
    assert done == [ReadLease(timeout_s=13 / 6)]
    # There is nothing under the key. A marker is put there, whose revision exists in this bucket only …
    marker = only(WriteLease, story.hears(story.read(None)))
    assert (marker.record, marker.expected_revision) == (None, 0)
    # … and before any claim, the resource says from which floor.
    floor = only(WriteStatus, story.hears(story.written(marker)))
    assert (ledger_of(floor), ready_of(floor)) == ((0, 0, None, ["*"]), "Electing")
    # The first in line claims the first term …
    claim = only(WriteLease, story.hears(story.acknowledged(floor)))
    assert (held_by(claim), claim.expected_revision) == ((A.identity, 1), 1)
    # … and the status says so before any label does.
    entry = only(WriteStatus, story.hears(story.written(claim)))
    assert (ledger_of(entry), ready_of(entry)) == ((1, 1, A.identity, ["*"]), "Routing")
    # A new resource has no ledger: all pods of a list that is taken after that are stamped first.
    stamp, question = story.hears(story.acknowledged(entry))
    assert isinstance(stamp, WriteLabels)
    assert (labels_of(stamp), question) == (("web-1", "follower", 1), ListPods())
    assert story.news == ["web-0 leads, term 1."]
    assert story.hears(story.labelled(stamp)) == []
    # Then the leader is crowned, in the place of a follower's label.
    follower = only(WriteLabels, story.hears(PodsListed((A.ref, B.ref))))
    assert labels_of(follower) == ("web-0", "follower", 1)
    crown = only(WriteLabels, story.hears(story.labelled(follower)))
    assert labels_of(crown) == ("web-0", "leader", 1)
    # Then the ledger begins, empty.
    settled = only(WriteStatus, story.hears(story.labelled(crown)))
    assert (ledger_of(settled), ready_of(settled)) == ((1, 1, A.identity, []), "Ready")
    # From now on there are renewals, and nothing else.
    assert story.hears(story.acknowledged(settled)) == []
    renewal = only(WriteLease, story.rests(story.wakes_after_s))
    assert (held_by(renewal), renewal.expected_revision) == ((A.identity, 1), 2)


def test_an_election_that_waits_for_its_first_record_says_nothing_until_it_is_there_or_does_not_come() -> None:
    """Of thousands that begin at once each waits for seconds, and must not cost the API a write for that."""
    story = Story(A, B)
    story.hears(ConnectionChanged(1), ResourceSeen(story.resource), PodSeen(A), PodSeen(B), PodsComplete())

    assert story.rests(2.0) == []
    marker = only(WriteLease, story.hears(story.read(None)))
    assert story.rests(2.0) == []
    assert ready_of(only(WriteStatus, story.hears(story.written(marker)))) == "Electing"

    story = Story(A, B)
    story.hears(ConnectionChanged(1), ResourceSeen(story.resource), PodSeen(A), PodSeen(B), PodsComplete())
    story.hears(LeaseRead(None), ConnectionChanged(0))
    assert [ready_of(done) for done in story.rests(2.0) if isinstance(done, WriteStatus)] == ["Electing"]


def test_an_election_at_rest_costs_the_api_no_request() -> None:
    story, _ = at_rest()

    for _ in range(100):
        renewal = only(WriteLease, story.rests(story.wakes_after_s))
        assert story.hears(story.written(renewal), story.seen(record_of(renewal))) == []
        assert 2.9 < story.wakes_after_s <= 3.0
    assert story.news == []


def test_the_echo_of_a_renewal_is_known_without_being_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    story, _ = at_rest()
    renewal = only(WriteLease, story.rests(story.wakes_after_s))
    story.revision += 1
    monkeypatch.setattr(lease, "parse", None)

    assert story.hears(story.seen(record_of(renewal))) == []
    assert story.election.state.lease is not None
    assert story.election.state.lease.record == renewal.record


def test_what_another_process_writes_during_a_renewal_is_seen_as_it_is() -> None:
    story, _ = at_rest()
    only(WriteLease, story.rests(story.wakes_after_s))
    story.revision += 1

    story.hears(story.seen(a_record(B, 8)))
    assert story.election.state.lease is not None
    assert (story.election.state.lease.holder, story.election.state.lease.term) == (B.identity, 8)


def test_a_leader_that_is_deleted_while_a_renewal_is_under_way_is_released_when_that_is_answered() -> None:
    story, _ = at_rest()
    renewal = only(WriteLease, story.rests(story.wakes_after_s))
    assert story.hears(PodSeen(story.changed(A, terminating=True))) == []
    story.hears(story.acknowledged(only(WriteStatus, story.rests(0.6))))

    release = only(WriteLease, story.hears(story.written(renewal)))
    assert held_by(release) == ("", 7)


def test_a_hand_over_when_the_leaders_pod_is_deleted() -> None:
    story, _ = at_rest()

    # The old pod still drains; it is released at once, without waiting for any timer …
    release = only(WriteLease, story.hears(PodSeen(story.changed(A, terminating=True))))
    assert held_by(release) == ("", 7)
    # … and the next one claims at once.
    claim = only(WriteLease, story.hears(story.written(release)))
    assert held_by(claim) == (B.identity, 8)
    # Status first: the old leader is in the ledger.
    entry = only(WriteStatus, story.hears(story.written(claim)))
    assert ledger_of(entry) == (8, 8, B.identity, ["web-0"])
    # Fence: the old leader is stamped, by name and UID, on the term that it was seen with.
    stamp = only(WriteLabels, story.hears(story.acknowledged(entry)))
    assert (labels_of(stamp), stamp.expected_term) == (("web-0", "follower", 8), "7")
    # Crown.
    crown = only(WriteLabels, story.hears(story.labelled(stamp)))
    assert (labels_of(crown), crown.expected_term) == (("web-1", "leader", 8), "7")
    # Settle.
    settled = only(WriteStatus, story.hears(story.labelled(crown)))
    assert (ledger_of(settled), ready_of(settled)) == ((8, 8, B.identity, []), "Ready")
    assert story.hears(story.acknowledged(settled)) == []
    assert story.news == ["web-0 no longer leads: term 7 ended (PodTerminating).", "web-1 leads, term 8."]
    assert [(past.term, past.pod_name, past.reason) for past in settled.status.history] == [
        (7, "web-0", "PodTerminating")
    ]
    # The old pod goes; the numbers follow when it suits.
    assert story.hears(PodGone(A.uid)) == []
    numbers = only(WriteStatus, story.rests(0.5))
    assert (numbers.status.candidates, numbers.status.eligible) == (1, 1)


def test_a_leader_that_is_not_ready_stays_until_another_one_is() -> None:
    story = Story(A_LEADS, status=_LED_BY_A, revision=7)
    renewal = only(WriteLease, story.begins(a_record(A, 7)))
    assert story.hears(story.written(renewal)) == []

    assert story.hears(PodSeen(story.changed(A, ready=False))) == []
    assert only(WriteStatus, story.rests(0.6)).status.eligible == 0

    question, *labels = story.hears(PodSeen(B))
    assert question == ReadPod(A.ref)
    assert [labels_of(write) for write in labels if isinstance(write, WriteLabels)] == [("web-1", "follower", 7)]
    release = only(WriteLease, story.hears(PodRead(A.ref, story.pods[A.uid])))
    assert held_by(release) == ("", 7)


def test_a_process_whose_news_of_pods_is_old_leaves_the_leader_that_another_process_has_made() -> None:
    """It was halted when web-1 was not Ready yet. Another one has seen it Ready, and made it the leader."""
    story = Story(A_LEADS, replace(B_FOLLOWS, ready=False), status=_LED_BY_A, revision=7)
    story.hears(story.written(only(WriteLease, story.begins(a_record(A, 7)))))
    story.revision = 9

    renewal, question = story.hears(story.seen(a_record(B, 8)))

    assert isinstance(renewal, WriteLease)
    assert held_by(renewal) == (B.identity, 8)
    assert question == ReadPod(B.ref)
    assert isinstance(story.hears(story.written(renewal))[0], WriteStatus)
    done = story.hears(PodRead(B.ref, story.changed(B, ready=True)))
    assert not any(isinstance(effect, WriteLease) for effect in done)


def test_a_process_whose_spec_is_old_leaves_the_leader_that_another_process_has_made() -> None:
    """By the selector that it knows web-1 is no candidate. The API is asked first, and says what is in force."""
    deselected = replace(B_FOLLOWS, labels={**(B_FOLLOWS.labels or {}), "app": "other"})
    story = Story(A_LEADS, deselected, status=_LED_BY_A, revision=7)
    renewal, *_ = story.begins(a_record(A, 7))
    assert isinstance(renewal, WriteLease)
    story.hears(story.written(renewal))
    story.revision = 9

    done = story.hears(story.seen(a_record(B, 8, writer="operator/two")))

    assert ReadResource() in done
    assert not any(isinstance(effect, WriteLease) for effect in done)
    release, *_ = story.hears(ResourceSeen(story.resource, read_at_s=story.now_s))
    assert isinstance(release, WriteLease)
    assert held_by(release) == ("", 8)


def test_a_new_process_adopts_the_leader_as_it_stands() -> None:
    story = Story(A_LEADS, B_FOLLOWS, status=_LED_BY_A, revision=7)

    # It renews what the process before it wrote: the same holder, the same term, from the same start.
    renewal = only(WriteLease, story.begins(a_record(A, 7, nonce="of-another-process", unknown={"zone": "b"})))

    assert held_by(renewal) == (A.identity, 7)
    assert (record_of(renewal).started_at_s, record_of(renewal).unknown) == (1000.0, {"zone": "b"})
    # Nothing is relabelled, and nothing is news.
    assert story.hears(story.written(renewal)) == []
    assert story.news == []


def test_a_new_process_adopts_a_lease_that_ran_out_while_nobody_was_there() -> None:
    story = Story(A_LEADS, B_FOLLOWS, status=_LED_BY_A, revision=7)
    record = a_record(A, 7)
    story.hears(ConnectionChanged(1), story.seen(record))
    story.rests(3600)

    renewal = only(WriteLease, story.begins(record))

    assert held_by(renewal) == (A.identity, 7)


def test_a_new_process_asks_for_the_leaders_pod_before_it_releases_its_lease() -> None:
    """The pod was deleted while no process watched: that it is not in the cache proves nothing."""
    story = Story(B_FOLLOWS, status=_LED_BY_A, revision=7)

    question = only(ReadPod, story.begins(a_record(A, 7)))
    assert question.ref == A.ref
    release = only(WriteLease, story.hears(PodGone(A.uid)))
    assert held_by(release) == ("", 7)
    claim = only(WriteLease, story.hears(story.written(release)))
    assert held_by(claim) == (B.identity, 8)
    entry = only(WriteStatus, story.hears(story.written(claim)))
    assert ledger_of(entry) == (8, 8, B.identity, ["web-0"])
    # The old pod is gone: there is nobody to stamp.
    crown = only(WriteLabels, story.hears(story.acknowledged(entry)))
    assert labels_of(crown) == ("web-1", "leader", 8)
    assert story.news == ["web-0 no longer leads: term 7 ended (PodGone).", "web-1 leads, term 8."]


def test_a_new_process_finishes_the_routing_that_another_began() -> None:
    """The ledger says that web-0 may still carry the leader label."""
    story = Story(A_LEADS, B_FOLLOWS, status=a_status(8, a_leader(B), unfenced=(A.ref,)), revision=9)

    done = story.begins(a_record(B, 8))

    stamps = [write for write in done if isinstance(write, WriteLabels)]
    assert [labels_of(write) for write in stamps] == [("web-0", "follower", 8)]
    crown = [write for write in story.hears(story.labelled(stamps[0])) if isinstance(write, WriteLabels)]
    assert [labels_of(write) for write in crown] == [("web-1", "leader", 8)]
