"""Buckets that somebody else made."""

from __future__ import annotations

from cluster_support import Bucket, MakeOperator, Scene
from cluster_support.scene import SHORT


def test_a_bucket_that_a_client_made_without_any_settings_is_used_with_a_warning(
    scene: Scene, make_operator: MakeOperator
) -> None:
    """It takes a record of a megabyte as well, which harms its own election for the time of a lease, and no other."""
    bucket = Bucket(scene.environment.nats_url, f"{scene.namespace}-unbounded")
    bucket.create()
    operator = make_operator(bucket=bucket.name).start()
    scene.run_pods(2)
    scene.elect(lease=SHORT)
    scene.elect("other", lease=SHORT)
    leader = scene.wait_for_leader()
    scene.wait_for_leader("other")

    bucket.put(f"{scene.namespace}.web", b"x" * 1_000_000)

    assert scene.wait_for_leader(after=16, timeout_s=20).uid == leader.uid
    assert bucket.record(f"{scene.namespace}.web")["term"] == scene.election().term == 18
    assert scene.election("other").term == 1
    assert operator.has_logged("its 1000000 bytes are more than 16384")
    assert operator.has_logged("The revisions of the bucket start at 1: when it is lost and made again, they repeat.")


def test_a_bucket_that_loses_records_is_refused_with_a_sentence(scene: Scene, make_operator: MakeOperator) -> None:
    bucket = Bucket(scene.environment.nats_url, f"{scene.namespace}-forgetful")
    bucket.create(ttl=60)
    operator = make_operator(bucket=bucket.name)

    status, said = operator.run_to_the_end()

    assert status == 1
    assert said == (
        f"tenure: The bucket {bucket.name} cannot hold leases. "
        "It forgets records after 60 s (max_age), and their terms with them."
    )
