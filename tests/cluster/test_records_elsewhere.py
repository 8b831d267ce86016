"""Elections whose record stands elsewhere, such as in the bucket of the Go library, whose nodes forget terms."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster_support import Bucket, Campaigners, MakeOperator, Scene
from cluster_support.scene import SHORT
from environment import Environment
from model.go_node import BUCKET, KEY

_RECORD = {"bucket": BUCKET, "key": KEY}
_ALLOW = ("--allow-record", f"{BUCKET}/{KEY}")


@pytest.fixture
def go_bucket(environment: Environment) -> Iterator[Bucket]:
    """The bucket of the Go library, which is not there yet, and is away at the end."""
    bucket = Bucket(environment.nats_url, BUCKET)
    yield bucket
    bucket.delete()


def test_candidates_and_nodes_in_go_hand_over_to_each_other_and_the_shown_term_rises(
    go_bucket: Bucket, scene: Scene, make_operator: MakeOperator, campaigners: Campaigners
) -> None:
    make_operator(*_ALLOW).start()
    scene.run_pods(3)
    go_node = campaigners.go_node("web-0")
    scene.elect(campaign="Pods", record=_RECORD, lease=SHORT)
    assert scene.wait_for_leader().name == "web-0"
    candidate = campaigners.candidate(scene.pod("web-1").identity, **_RECORD)

    go_node.stop()
    term = scene.election().term
    assert scene.wait_for_leader(after=term, but=scene.pod("web-0")).name == "web-1"
    assert scene.election().status["leader"]["recordTerm"] == 2, "it remembers what the node has forgotten"

    go_node = campaigners.go_node("web-2")
    term = scene.election().term
    candidate.stop()
    assert scene.wait_for_leader(after=term, but=scene.pod("web-1")).name == "web-2"
    assert scene.election().status["leader"]["recordTerm"] == 3

    term = scene.election().term
    go_node.stop()
    scene.wait(lambda: scene.election().holder is None, "nobody holds the lease")
    campaigners.go_node("web-0")
    assert scene.wait_for_leader(after=term).name == "web-0"
    assert scene.election().status["leader"]["recordTerm"] == 1, "its term has fallen, the shown one has not"


def test_a_node_in_go_that_is_killed_loses_the_label_before_the_bucket_forgets_its_record(
    go_bucket: Bucket, scene: Scene, make_operator: MakeOperator, campaigners: Campaigners
) -> None:
    make_operator(*_ALLOW).start()
    scene.run_pods(2)
    go_node = campaigners.go_node("web-0")
    scene.elect(campaign="Pods", record=_RECORD, lease=SHORT)
    leader = scene.wait_for_leader()

    go_node.kill()

    scene.wait(lambda: scene.pod(leader.name).role() == "follower", "the label is off")
    assert go_bucket.record(KEY)["leaderId"] == "web-0", "the record is still there"
    term = scene.election().term
    scene.wait(lambda: go_bucket.entry(KEY)[0] == 0, "the bucket has forgotten the record")
    campaigners.candidate(scene.pod("web-1").identity, **_RECORD)
    assert scene.wait_for_leader(after=term).name == "web-1"
    assert [past["reason"] for past in scene.election().status["history"]] == ["LeaseLost"]


def test_the_operator_tells_of_a_lease_elsewhere_and_of_its_bucket(
    go_bucket: Bucket, scene: Scene, make_operator: MakeOperator, campaigners: Campaigners
) -> None:
    operator = make_operator(*_ALLOW).start()
    scene.run_pods(1)
    campaigners.go_node("web-0")
    scene.elect(campaign="Pods", record=_RECORD, lease=SHORT)
    scene.wait_for_leader()

    told = operator.report(f"{scene.namespace}/web")

    assert told["lease"]["holderIdentity"] == "web-0"
    [elsewhere] = told["elsewhere"]
    assert elsewhere["record"] == f"{BUCKET}/{KEY}"
    assert elsewhere["bucket"]["name"] == BUCKET
    assert "max_age" in " ".join(elsewhere["bucket"]["warnings"])
    assert told["nats"]["bucket"]["name"] != BUCKET


def test_records_that_an_election_may_not_have_are_said(
    go_bucket: Bucket, scene: Scene, make_operator: MakeOperator
) -> None:
    """One that was not allowed, one of another election, and one in a bucket that is none for leases until mended."""
    go_bucket.create(max_value_size=100)
    make_operator(*_ALLOW).start()
    scene.run_pods(1)
    scene.elect("other", campaign="Pods", record={"key": "leader"})
    scene.wait_for_condition("Accepted", "False (RecordNotAllowed)", election="other")
    assert f"--allow-record {scene.namespace}/leader" in scene.election("other").message("Accepted")
    assert scene.election("other").condition("LeaderElected") == "False (NotAccepted)"

    scene.elect(campaign="Pods", record=_RECORD)
    scene.wait_for_condition("Accepted", "False (BucketRefused)")
    assert "Its largest record of 100 bytes (max_msg_size) is below 4096." in scene.election().message("Accepted")
    go_bucket.delete()
    scene.wait_for_condition("Accepted", "True (Accepted)")

    scene.elect("late", campaign="Pods", record=_RECORD)
    scene.wait_for_condition("Accepted", "False (RecordConflict)", election="late")
    assert f"is that of the election {scene.namespace}/web" in scene.election("late").message("Accepted")
    go_bucket.put(KEY, b"somebody else's data")
    scene.wait_for_condition("LeaseHeld", "False (UnbelievableRecord)")
    scene.delete_election()
    scene.wait_for_condition("Accepted", "True (Accepted)", election="late")
