"""Two operators at once, one of them late, halted or cut off at any moment: G1, G3 and G4 hold for both together."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest

from cluster_support import Bucket, Front, Operator, PodView, Scene
from cluster_support.kubernetes import pods_path
from cluster_support.scene import SHORT
from environment import Environment

_ROUNDS_MAX = 40
"""In so many, an operator has been halted in the middle of a hand-over at least once; 64 records are kept."""


@pytest.fixture(scope="module")
def front(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """What stands between the API server and the other operator."""
    with Front(environment.control_plane, tmp_path_factory.mktemp("front")) as front:
        yield front


@pytest.fixture(scope="module")
def other_operator(
    environment: Environment,
    crd: None,
    common_operator: Operator,
    front: Front,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Operator]:
    """A second one for the same elections, on the same bucket."""
    folder = tmp_path_factory.mktemp("other-operator")
    bucket = common_operator.bucket
    operator = Operator(environment, folder, bucket=bucket, kubeconfig=front.kubeconfig, name="other").start()
    yield operator
    operator.stop()


@pytest.fixture
def other(everywhere: Operator, other_operator: Operator, front: Front) -> Iterator[Operator]:
    """The second one, running, with the API at hand. It must not have logged an error by the end of the test."""
    front.let_pass()
    other_operator.ensure_running()
    yield other_operator
    other_operator.check()


def _start(scene: Scene) -> PodView:
    """Have three pods and a leader."""
    scene.run_pods(3)
    scene.elect(lease=SHORT)
    leader = scene.wait_for_leader()
    scene.wait(lambda: len(scene.followers()) == 2, "the others are followers")
    return leader


def _key(scene: Scene) -> str:
    return f"{scene.namespace}.web"


def test_g6_two_operators_at_once_agree(scene: Scene, everywhere: Operator, other: Operator, bucket: Bucket) -> None:
    leader = _start(scene)

    term = scene.election().term  # 1, or 17 when both have written the first floor

    bucket.wait_for_renewals(_key(scene), 2)

    assert bucket.record(_key(scene))["leaderId"] == leader.identity
    assert (scene.election().holder, scene.election().term) == (leader.identity, term)


def _was_in_the_middle(operator: Operator, both: Sequence[Operator], scene: Scene, at: datetime) -> bool:
    """Whether one that is halted had claimed a term whose leader neither of the two had crowned by then."""
    written = (line for line in operator.log() if line["message"] == "Lease written" and line["record"] == _key(scene))
    claimed = max((line["term"] or 0 for line in written), default=0)
    crown = {"message": "Labels written", "election": f"{scene.namespace}/web", "role": "leader", "term": claimed}
    crowned = [line["time"] for one in both for line in one.log() if crown.items() <= line.items()]
    return bool(claimed) and all(datetime.fromisoformat(time) > at for time in crowned)


def test_g1_g3_operators_that_are_halted_in_the_middle_of_hand_overs_make_one_leader_per_term(
    scene: Scene, everywhere: Operator, other: Operator, bucket: Bucket
) -> None:
    """By the watchers, as always; and by every record that NATS ever accepted: no term was given to two holders.

    One that has claimed a term and was halted before it could crown its leader was in the middle: once at least.
    """
    chance = random.Random(3)
    caught = rounds = 0
    with bucket.long_history():
        leader = _start(scene)
        while rounds < 8 or (not caught and rounds < _ROUNDS_MAX):
            halted = (everywhere, other)[rounds % 2]
            scene.kubernetes.delete(pods_path(scene.namespace, leader.name))
            time.sleep(chance.uniform(0, 0.03))
            halted.pause()
            caught += _was_in_the_middle(halted, (everywhere, other), scene, datetime.now(UTC))
            leader = scene.wait_for_leader(but=leader, timeout_s=20)
            halted.resume()
            rounds += 1
        scene.wait(lambda: len(scene.followers()) == 2, "the others are followers")
        holders = bucket.holders(_key(scene))

    assert caught
    assert len(holders) >= 1 + rounds
    assert {term: names for term, names in holders.items() if len(names) > 1} == {}
    assert holders[scene.election().term] == {leader.identity}


def test_g3_an_operator_that_was_halted_longer_than_the_lease_makes_no_second_leader(
    scene: Scene, everywhere: Operator, other: Operator, bucket: Bucket
) -> None:
    leader = _start(scene)
    first_term = scene.election().term

    everywhere.pause()
    scene.delete_pod(leader)
    second = scene.wait_for_leader(but=leader)
    bucket.wait_for_renewals(_key(scene), 4)  # once a second, and so longer than the lease
    other.pause()
    everywhere.resume()

    # It has seen nothing of all that, and is alone now: whatever it decides, no second label may come of it.
    bucket.wait_for_renewals(_key(scene), 1)
    scene.wait_for_condition("Ready", "True (Ready)")
    assert scene.election().holder == second.identity
    other.resume()
    bucket.wait_for_renewals(_key(scene), 2)
    assert scene.election().term == first_term + 1


def test_g4_the_status_that_an_operator_wrote_of_a_term_and_that_arrives_after_the_next_changes_nothing(
    scene: Scene, everywhere: Operator, other: Operator, front: Front
) -> None:
    """It announces a leader whose claim is in the bucket. Labels are not on their way: they come after it."""
    leader = _start(scene)
    first_term = scene.election().term
    everywhere.pause()
    front.hold()
    scene.delete_pod(leader)  # It claims, and writes a status that hangs.
    scene.wait(lambda: other.has_logged("Lease written", record=_key(scene), term=first_term + 1), "it has claimed")
    scene.wait(lambda: front.held, "its status is on its way")
    everywhere.resume()
    second = scene.wait_for_leader(but=leader, after=first_term)
    scene.delete_pod(second)
    third = scene.wait_for_leader(but=second, after=first_term + 1)
    before = scene.election()

    front.let_pass()

    scene.wait(lambda: not front.held, "what was late has arrived")
    scene.watchers.check()
    assert (scene.election().holder, scene.election().term) == (before.holder, before.term)
    scene.delete_pod(third)
    scene.wait_for_leader(but=third, after=before.term)
    scene.wait(lambda: len(scene.followers()) == 2, "the others are followers")
