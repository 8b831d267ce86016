"""G6, G2 and G5: what ends and comes back, from the operator to the bucket, changes no leader and loses no term."""

from __future__ import annotations

import time

from cluster_support import Bucket, Operator, PodView, Scene
from cluster_support.kubernetes import pods_path
from cluster_support.scene import SHORT
from environment import Environment

_ROUNDS_MAX = 20
"""In so many, an operator has been killed in the middle of a hand-over at least once."""


def _start(scene: Scene, election: str = "web") -> PodView:
    """Have an election with three pods of its own, and a leader."""
    scene.run_pods(3, name=election)
    scene.elect(election, selector={"matchLabels": {"app": election}}, lease=SHORT)
    leader = scene.wait_for_leader(election)
    scene.wait(lambda: len(scene.followers(election)) == 2, "the others are followers")
    return leader


def _key(scene: Scene, election: str = "web") -> str:
    return f"{scene.namespace}.{election}"


def _assert_unchanged(scene: Scene, leader: PodView, bucket: Bucket) -> None:
    """Same leader, same term, in status, labels and record, at all times; and its lease is renewed."""
    scene.wait_for_condition("LeaseHeld", "True (Held)")
    bucket.wait_for_renewals(_key(scene), 1)
    record = bucket.record(_key(scene))
    assert (record["leaderId"], record["term"]) == (leader.identity, 1)
    election = scene.election()
    assert (election.holder, election.term, election.floor) == (leader.identity, 1, 1)
    assert [pod.uid for pod in scene.pods if pod.role() == "leader"] == [leader.uid]


def _replace(scene: Scene, leader: PodView) -> None:
    """Delete a leader's pod, and return when its successor under its name is Ready: nobody takes over meanwhile."""
    scene.delete_pod(leader)
    scene.wait(lambda: scene.pod(leader.name).uid != leader.uid and scene.pod(leader.name).ready, "it is back")


# --------------------------------------------------------------------------------------------------------- the operator


def test_g6_an_operator_that_is_killed_and_restarted_changes_no_leader(
    scene: Scene, everywhere: Operator, bucket: Bucket
) -> None:
    leader = _start(scene)

    everywhere.kill()
    everywhere.start()

    _assert_unchanged(scene, leader, bucket)


def test_g5_g6_what_happened_while_the_operator_was_away_longer_than_the_lease_is_made_up_for(
    scene: Scene, everywhere: Operator, bucket: Bucket
) -> None:
    """It ends within two seconds, leaves labels and leases, and goes on with them: with the one that has to change."""
    leader, lost = _start(scene), _start(scene, "other")

    took_s = everywhere.stop()

    assert took_s < 2.0
    assert everywhere.has_logged("Stopped; leases and labels stay as they are")
    assert bucket.record(_key(scene))["leaderId"] == leader.identity
    assert scene.pod(leader.name).role() == "leader"
    _replace(scene, lost)
    _wait_until_expired(bucket, _key(scene))
    everywhere.start()
    _assert_unchanged(scene, leader, bucket)
    scene.wait_for_leader("other", but=lost)
    assert scene.election("other").status["history"][0]["reason"] == "PodGone"


def test_g5_a_hand_over_that_the_operator_died_in_is_finished(
    scene: Scene, everywhere: Operator, bucket: Bucket
) -> None:
    """It is killed sooner or later until it died in the middle: between its first step and the last, the crown."""
    leader = _start(scene)
    delay_s, died_in_the_middle = 0.01, False
    for _ in range(_ROUNDS_MAX):
        scene.kubernetes.delete(pods_path(scene.namespace, leader.name))
        time.sleep(delay_s)
        everywhere.kill()
        scene.watchers.check()  # They have seen all that it has done.
        begun = bucket.record(_key(scene))["leaderId"] != leader.identity
        present = scene.leader()
        ended = present is not None and present.uid != leader.uid
        everywhere.start()
        leader = scene.wait_for_leader(but=leader)
        scene.wait(lambda: len(scene.followers()) == 2, "the others are followers")
        assert bucket.record(_key(scene))["leaderId"] == leader.identity
        died_in_the_middle = begun and not ended
        if died_in_the_middle:
            break
        delay_s = delay_s / 2 if ended else delay_s + 0.003

    assert died_in_the_middle


def test_g6_a_paused_operator_that_wakes_up_changes_no_leader(
    scene: Scene, everywhere: Operator, bucket: Bucket
) -> None:
    leader = _start(scene)

    everywhere.pause()
    _wait_until_expired(bucket, _key(scene))
    everywhere.resume()

    _assert_unchanged(scene, leader, bucket)


# ------------------------------------------------------------------------------------------------------ the NATS server


def test_g6_a_nats_server_that_is_killed_and_restarted_changes_no_leader(
    environment: Environment, scene: Scene, everywhere: Operator, bucket: Bucket
) -> None:
    leader = _start(scene)

    environment.nats.kill()
    environment.nats.start()

    _assert_unchanged(scene, leader, bucket)
    scene.delete_pod(leader)
    scene.wait_for_leader(but=leader)


def test_g5_g6_nats_away_longer_than_the_lease_changes_no_label_and_no_leader_but_one_that_went(
    environment: Environment, scene: Scene, everywhere: Operator, bucket: Bucket
) -> None:
    leader, lost = _start(scene), _start(scene, "other")

    environment.nats.stop()
    expired_at_s = time.monotonic() + SHORT["durationSeconds"] + 0.5
    try:
        _replace(scene, lost)
        scene.wait_for_condition("LeaseHeld", "False (NATSUnavailable)")
        scene.wait_for_condition("LeaseHeld", "False (NATSUnavailable)", election="other")
        scene.wait(lambda: time.monotonic() >= expired_at_s, "both leases have run out")
        assert scene.pod(leader.name).role() == "leader"
        assert scene.election().holder == leader.identity
        assert scene.election().condition("Ready") == "False (NATSUnavailable)"
        assert not any(pod.role("other") == "leader" for pod in scene.pods)
    finally:
        environment.nats.start()

    _assert_unchanged(scene, leader, bucket)
    scene.wait_for_condition("Ready", "True (Ready)")
    scene.wait_for_leader("other", but=lost)


def test_g6_a_silent_nats_server_changes_no_leader(
    environment: Environment, scene: Scene, everywhere: Operator, bucket: Bucket
) -> None:
    """Connections stay open and nothing answers, for longer than the lease."""
    leader = _start(scene)

    environment.nats.pause()
    expired_at_s = time.monotonic() + SHORT["durationSeconds"] + 0.5
    try:
        scene.wait_for_condition("LeaseHeld", "False (NATSUnavailable)", timeout_s=20)
        scene.wait(lambda: time.monotonic() >= expired_at_s, "the lease has run out")
        assert scene.pod(leader.name).role() == "leader"
    finally:
        environment.nats.resume()

    _assert_unchanged(scene, leader, bucket)


# ----------------------------------------------------------------------------------------------------------- the bucket


def test_g2_g6_a_lost_bucket_changes_no_leader_and_repeats_no_term(
    scene: Scene, everywhere: Operator, bucket: Bucket
) -> None:
    leader = _start(scene)

    bucket.delete()

    # What had been claimed last is not known: so the leader goes on in a term that nobody can have had.
    again = scene.wait_for_leader(after=16)
    assert again.uid == leader.uid
    assert scene.election().status["history"][0]["reason"] == "RecordLost"
    bucket.wait_for_renewals(_key(scene), 1)
    record = bucket.record(_key(scene))
    assert (record["leaderId"], record["term"]) == (leader.identity, scene.election().term)
    bucket.delete()
    assert scene.wait_for_leader(after=scene.election().term).uid == leader.uid
    scene.delete_pod(leader)
    scene.wait_for_leader(but=leader, after=scene.election().term)


def test_g2_a_bucket_that_is_lost_while_the_operator_is_away_repeats_no_term(
    scene: Scene, everywhere: Operator, bucket: Bucket
) -> None:
    leader = _start(scene)

    everywhere.stop()
    bucket.delete()
    everywhere.start()

    assert scene.wait_for_leader(after=16).uid == leader.uid


def test_g2_a_purged_record_repeats_no_term(scene: Scene, everywhere: Operator, bucket: Bucket) -> None:
    leader = _start(scene)

    bucket.purge(_key(scene))

    assert scene.wait_for_leader(after=16).uid == leader.uid
    bucket.wait_for_renewals(_key(scene), 1)


def _wait_until_expired(bucket: Bucket, key: str) -> None:
    """Return when a record has stood for longer than its duration, by the server's own clock."""
    revision, _ = bucket.entry(key)
    until_s = time.monotonic() + bucket.record(key)["leaseDurationSeconds"] + 0.2
    while time.monotonic() < until_s:
        time.sleep(0.05)
    assert bucket.entry(key)[0] == revision, "somebody renewed it"
