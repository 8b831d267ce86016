"""G6 and G2: what ends and comes back, from the operator to the bucket, changes no leader and loses no term."""

from __future__ import annotations

import random
import time

import pytest

from cluster_support import Bucket, MakeOperator, Operator, PodView, Scene
from cluster_support.scene import SHORT
from environment import Environment

_BEYOND_THE_LEASE = 4
"""Renewals of another election's lease of the same length, once a second: the time in which a lease of 3 s runs out."""

_CONNECTION_ERRORS = "Request attempt #"
"""What Kopf says, as errors, of each attempt to watch while the API server is away."""


def _start(scene: Scene, lease: dict[str, int] | None = None) -> PodView:
    """Have three pods and a leader."""
    scene.run_pods(3)
    scene.elect(lease=lease)
    leader = scene.wait_for_leader()
    scene.wait(lambda: len(scene.followers()) == 2, "the others are followers")
    return leader


def _key(scene: Scene) -> str:
    return f"{scene.namespace}.web"


def _assert_unchanged(scene: Scene, leader: PodView, bucket: Bucket) -> None:
    """Same leader, same term, in status, labels and record, at all times; and its lease is renewed."""
    scene.wait_for_condition("LeaseHeld", "True (Held)")
    bucket.wait_for_renewals(_key(scene), 1)
    record = bucket.record(_key(scene))
    assert (record["leaderId"], record["term"]) == (leader.identity, 1)
    election = scene.election()
    assert (election.holder, election.term, election.floor) == (leader.identity, 1, 1)
    assert [pod.uid for pod in scene.pods if pod.role() == "leader"] == [leader.uid]


# --------------------------------------------------------------------------------------------------------- the operator


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_g6_an_operator_restart_changes_no_leader(scene: Scene, operator: Operator, bucket: Bucket, end: str) -> None:
    leader = _start(scene)

    getattr(operator, end)()
    operator.start()

    _assert_unchanged(scene, leader, bucket)


def test_g6_an_operator_that_was_away_longer_than_the_lease_changes_no_leader(
    scene: Scene, operator: Operator, bucket: Bucket
) -> None:
    leader = _start(scene, SHORT)

    operator.stop()
    _wait_until_expired(bucket, _key(scene))
    operator.start()

    _assert_unchanged(scene, leader, bucket)


def test_g5_what_happened_while_the_operator_was_away_is_made_up_for(scene: Scene, operator: Operator) -> None:
    leader = _start(scene, SHORT)
    operator.kill()

    scene.delete_pod(leader)
    scene.wait(
        lambda: scene.pod(leader.name).uid != leader.uid and scene.pod(leader.name).ready, "its successor is Ready"
    )
    operator.start()

    scene.wait_for_leader(but=leader)
    assert scene.election().status["history"][0]["reason"] == "PodGone"


def test_g5_a_hand_over_that_the_operator_died_in_is_finished(scene: Scene, operator: Operator, bucket: Bucket) -> None:
    leader = _start(scene, SHORT)
    for delay_s in (0.0, 0.01, 0.02, 0.04):
        scene.delete_pod(leader)
        time.sleep(delay_s)  # whatever it has done by then
        operator.kill()
        operator.start()
        leader = scene.wait_for_leader(but=leader)

    assert bucket.record(_key(scene))["leaderId"] == leader.identity


def test_g6_a_paused_operator_that_wakes_up_changes_no_leader(scene: Scene, operator: Operator, bucket: Bucket) -> None:
    leader = _start(scene, SHORT)

    operator.pause()
    _wait_until_expired(bucket, _key(scene))
    operator.resume()

    _assert_unchanged(scene, leader, bucket)


def test_sigterm_ends_the_operator_within_two_seconds_and_leaves_labels_and_lease(
    scene: Scene, operator: Operator, bucket: Bucket
) -> None:
    leader = _start(scene)

    took_s = operator.stop()

    assert took_s < 2.0
    assert operator.has_logged("Stopped; leases and labels stay as they are")
    assert bucket.record(_key(scene))["leaderId"] == leader.identity
    assert scene.pod(leader.name).role() == "leader"


# -------------------------------------------------------------------------------------------------------- two operators


def test_g3_g6_two_operators_at_once_agree(scene: Scene, make_operator: MakeOperator, bucket: Bucket) -> None:
    one, other = make_operator(), make_operator()
    one.start(wait=False)
    other.start(wait=False)
    one.wait_until_ready()
    other.wait_until_ready()

    leader = _start(scene, SHORT)
    bucket.wait_for_renewals(_key(scene), 4)

    _assert_unchanged(scene, leader, bucket)
    scene.delete_pod(leader)
    scene.wait_for_leader(but=leader)


def test_g3_an_operator_that_was_paused_longer_than_the_lease_makes_no_second_leader(
    scene: Scene, make_operator: MakeOperator, bucket: Bucket
) -> None:
    paused, other = make_operator().start(), make_operator().start()
    leader = _start(scene, SHORT)

    paused.pause()
    scene.delete_pod(leader)
    second = scene.wait_for_leader(but=leader)
    bucket.wait_for_renewals(_key(scene), _BEYOND_THE_LEASE)
    other.pause()
    paused.resume()

    # It has seen nothing of all that, and is alone now: whatever it decides, no second label may come of it.
    paused.wait_until_ready()
    bucket.wait_for_renewals(_key(scene), 2)
    scene.wait_for_condition("Ready", "True (Ready)")
    assert scene.election().holder == second.identity
    other.resume()
    bucket.wait_for_renewals(_key(scene), 2)
    assert scene.election().term == 2


def test_g3_operators_that_are_paused_in_the_middle_of_hand_overs_make_no_second_leader(
    scene: Scene, make_operator: MakeOperator
) -> None:
    operators = [make_operator().start(), make_operator().start()]
    leader = _start(scene, SHORT)
    chance = random.Random(3)
    for round_ in range(8):
        paused = operators[round_ % 2]
        scene.delete_pod(leader)
        time.sleep(chance.uniform(0, 0.05))  # somewhere between its first step and its last
        paused.pause()
        leader = scene.wait_for_leader(but=leader, timeout_s=20)
        paused.resume()

    scene.wait(lambda: len(scene.followers()) == 2, "the others are followers")


# ---------------------------------------------------------------------------------------------------------- the servers


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_g6_a_nats_restart_changes_no_leader(
    environment: Environment, scene: Scene, operator: Operator, bucket: Bucket, end: str
) -> None:
    leader = _start(scene)

    getattr(environment.nats, end)()
    environment.nats.start()

    _assert_unchanged(scene, leader, bucket)
    scene.delete_pod(leader)
    scene.wait_for_leader(but=leader)


def test_g6_nats_away_longer_than_the_lease_changes_no_label_and_no_leader(
    environment: Environment, scene: Scene, operator: Operator, bucket: Bucket
) -> None:
    leader = _start(scene, SHORT)

    environment.nats.stop()
    try:
        scene.wait_for_condition("LeaseHeld", "False (NATSUnavailable)")
        assert scene.pod(leader.name).role() == "leader"
        assert scene.election().holder == leader.identity
        assert scene.election().condition("Ready") == "False (NATSUnavailable)"
    finally:
        environment.nats.start()

    _assert_unchanged(scene, leader, bucket)
    scene.wait_for_condition("Ready", "True (Ready)")


def test_g5_a_leader_that_goes_while_nats_is_away_is_replaced_when_it_is_back(
    environment: Environment, scene: Scene, operator: Operator
) -> None:
    leader = _start(scene, SHORT)

    environment.nats.stop()
    try:
        scene.delete_pod(leader)
        scene.wait(lambda: scene.pod(leader.name).uid != leader.uid and scene.pod(leader.name).ready, "it is back")
    finally:
        environment.nats.start()

    scene.wait_for_leader(but=leader)


def test_g6_a_silent_nats_changes_no_leader(
    environment: Environment, scene: Scene, operator: Operator, bucket: Bucket
) -> None:
    """Connections stay open and nothing answers, for longer than the lease."""
    leader = _start(scene, SHORT)

    environment.nats.pause()
    try:
        scene.wait_for_condition("LeaseHeld", "False (NATSUnavailable)", timeout_s=20)
        assert scene.pod(leader.name).role() == "leader"
    finally:
        environment.nats.resume()

    _assert_unchanged(scene, leader, bucket)


def test_g6_an_api_server_restart_changes_no_leader(
    environment: Environment, scene: Scene, operator: Operator, bucket: Bucket
) -> None:
    operator.tolerate(_CONNECTION_ERRORS)
    leader = _start(scene, SHORT)

    environment.control_plane.restart_api_server()

    _assert_unchanged(scene, leader, bucket)
    scene.delete_pod(leader)
    scene.wait_for_leader(but=leader, timeout_s=20)


def test_g6_an_api_server_away_longer_than_the_lease_changes_no_leader(
    environment: Environment, scene: Scene, operator: Operator, bucket: Bucket
) -> None:
    """Leases are renewed without it."""
    operator.tolerate(_CONNECTION_ERRORS)
    leader = _start(scene, SHORT)

    environment.control_plane.api_server.kill()
    try:
        bucket.wait_for_renewals(_key(scene), _BEYOND_THE_LEASE)
    finally:
        environment.control_plane.start_api_server()

    _assert_unchanged(scene, leader, bucket)
    scene.delete_pod(leader)
    scene.wait_for_leader(but=leader, timeout_s=20)


# ----------------------------------------------------------------------------------------------------------- the bucket


def test_g2_g6_a_lost_bucket_changes_no_leader_and_repeats_no_term(
    scene: Scene, operator: Operator, bucket: Bucket
) -> None:
    leader = _start(scene, SHORT)

    bucket.delete()

    # What had been claimed last is not known: so the leader goes on in a term that nobody can have had.
    again = scene.wait_for_leader(after=16)
    assert again.uid == leader.uid
    assert scene.election().status["history"][0]["reason"] == "RecordLost"
    bucket.wait_for_renewals(_key(scene), 2)
    record = bucket.record(_key(scene))
    assert (record["leaderId"], record["term"]) == (leader.identity, scene.election().term)
    scene.delete_pod(leader)
    scene.wait_for_leader(but=leader, after=scene.election().term)


def test_g2_a_bucket_that_is_lost_while_the_operator_is_away_repeats_no_term(
    scene: Scene, operator: Operator, bucket: Bucket
) -> None:
    leader = _start(scene, SHORT)

    operator.stop()
    bucket.delete()
    operator.start()

    assert scene.wait_for_leader(after=16).uid == leader.uid


def test_g2_a_purged_record_repeats_no_term(scene: Scene, operator: Operator, bucket: Bucket) -> None:
    leader = _start(scene, SHORT)

    bucket.purge(_key(scene))

    assert scene.wait_for_leader(after=16).uid == leader.uid
    bucket.wait_for_renewals(_key(scene), 1)


def test_g2_a_bucket_that_is_lost_again_and_again_repeats_no_term(
    scene: Scene, operator: Operator, bucket: Bucket
) -> None:
    leader = _start(scene, SHORT)
    for _ in range(3):
        term = scene.election().term
        bucket.delete()
        assert scene.wait_for_leader(after=term).uid == leader.uid


def _wait_until_expired(bucket: Bucket, key: str) -> None:
    """Return when a record has stood for longer than its duration, by the server's own clock."""
    revision, _ = bucket.entry(key)
    until_s = time.monotonic() + bucket.record(key)["leaseDurationSeconds"] + 0.5
    while time.monotonic() < until_s:
        time.sleep(0.05)
    assert bucket.entry(key)[0] == revision, "somebody renewed it"
