"""Records that somebody else wrote into the bucket, by mistake or on purpose: one election for each, all at once.

Each overwrites the record of an election that has a leader in term 41. The operator says what is wrong, waits as long
as the writer's lease may last, and goes on in a term that nobody can have had. An election beside them goes on as if
nothing were.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from cluster_support import Bucket, Operator, PodView, Scene
from cluster_support.scene import SHORT
from environment import Environment

_TERM = 41
_LEASE = datetime.timedelta(seconds=3)
_MAX_BYTES = 60_000
"""About as much as the bucket that the operator makes takes."""


def _record(**fields: Any) -> dict[str, Any]:
    """The record of somebody who claims the next term now for three seconds, with other fields where they are given."""
    now = datetime.datetime.now(datetime.UTC)
    times = {"startedAt": now.isoformat(), "expiresAt": (now + _LEASE).isoformat()}
    return {"leaderId": "stranger", "term": _TERM + 1, **times, **fields}


@dataclass(frozen=True)
class _Case:
    """What is written, and what the operator says of it in a warning."""

    value: bytes | Mapping[str, Any]
    says: str


_NOT_BELIEVED: dict[str, _Case] = {
    "no-json": _Case(b"\xff\x00 nonsense", "it is not JSON"),
    "nested": _Case(b"[" * 10_000, "it is not JSON"),
    "wrong-types": _Case({"leaderId": 7, "term": [], "startedAt": 1, "expiresAt": {}}, "leaderid is not a string"),
    "term-2-to-63": _Case({"term": 2**63}, "term is not in 1 to 9007199254740990"),
    "term-far-above": _Case({"term": 2_000_000}, "its term 2000000 is more than 1000000 above"),
    "large": _Case({"more": "x" * (_MAX_BYTES - 1000)}, "bytes are more than 16384"),
    "year-10000": _Case({"expiresAt": "10000-01-01T00:00:00Z"}, "expiresat is not an RFC 3339 time"),
    "control-characters": _Case({"leaderId": "a\nb\x00\x1b[31m"}, "leaderid"),
}
"""One of each kind; all that a record can have wrong, the unit tests know."""

_STRANGERS: dict[str, _Case] = {
    "next-term": _Case({"Leader_ID": "stranger", "more": {"a": [1]}}, "stranger holds the lease"),
    "same-term": _Case({"term": _TERM}, "stranger holds the lease"),
    "year-1": _Case(
        {"startedAt": "0001-01-01T00:00:00Z", "expiresAt": "0001-01-01T00:00:00Z"}, "stranger holds the lease"
    ),
    "year-9999": _Case(
        {"expiresAt": "9999-12-31T23:59:59.999Z", "leaseDurationSeconds": 3}, "stranger holds the lease"
    ),
    "other-cluster": _Case(
        {"namespaceUID": "elsewhere", "leaseDurationSeconds": 3}, "The lease record is another cluster's"
    ),
}
_CASES = _NOT_BELIEVED | _STRANGERS
_CALM = "calm"


@pytest.fixture(scope="module")
def scene(environment: Environment, crd: None, common_operator: Operator) -> Iterator[Scene]:
    """An election for each case, with its own two pods and a leader."""
    common_operator.ensure_running()
    scene = Scene(environment)
    bucket = Bucket(environment.nats_url, common_operator.bucket)
    for name in _CASES:
        released = _record(leaderId="", term=_TERM - 1, leaseDurationSeconds=3)
        bucket.put(f"{scene.namespace}.{name}", released)
    for name in (*_CASES, _CALM):
        scene.run_pods(2, name=name, wait=False)
    count = 2 * len(_CASES) + 2
    scene.wait(lambda: sum(pod.ready for pod in scene.pods) == count, "all pods are Ready", timeout_s=60)
    for name in (*_CASES, _CALM):
        scene.elect(name, selector={"matchLabels": {"app": name}}, lease=SHORT)
    for name in (*_CASES, _CALM):
        scene.wait_for_leader(name, timeout_s=30)
        scene.wait(lambda name=name: len(scene.followers(name)) == 1, "the other one is a follower")  # type: ignore[misc]
        assert scene.election(name).term == (_TERM if name in _CASES else 1)
    yield scene
    scene.close()


@pytest.fixture(scope="module", autouse=True)
def overwritten_at(scene: Scene, environment: Environment, common_operator: Operator) -> datetime.datetime:
    """All records have been overwritten, not before this time."""
    began_at = datetime.datetime.now(datetime.UTC)
    bucket = Bucket(environment.nats_url, common_operator.bucket)
    for name, case in _CASES.items():
        value = case.value if isinstance(case.value, bytes) else _record(**case.value)
        bucket.put(f"{scene.namespace}.{name}", value)
    return began_at


def _warnings(scene: Scene, operator: Operator, name: str) -> list[str]:
    lines = [line for line in operator.log() if line.get("election") == f"{scene.namespace}/{name}"]
    return [str(line["message"]) for line in lines if line["level"] == "warning"]


def _wait_for_warning(scene: Scene, operator: Operator, name: str) -> None:
    says = _CASES[name].says
    scene.wait(
        lambda: any(says in said for said in _warnings(scene, operator, name)), f"it is said of {name} that {says}"
    )


@pytest.mark.parametrize("name", _NOT_BELIEVED)
def test_g2_a_record_that_cannot_be_believed_is_replaced_and_loses_no_term(
    everywhere: Operator, scene: Scene, name: str
) -> None:
    """The leader's pod stays; and what was claimed last being unknown, its term is one that nobody can have had."""
    leader = scene.wait_for_leader(name, after=_TERM + 16, timeout_s=20)

    assert leader.name == f"{name}-0"
    assert scene.election(name).term == _TERM + 17
    _wait_for_warning(scene, everywhere, name)


@pytest.mark.parametrize("name", _STRANGERS)
def test_a_live_foreign_holder_is_respected_until_its_lease_runs_out(
    everywhere: Operator, scene: Scene, overwritten_at: datetime.datetime, name: str
) -> None:
    scene.wait_for_leader(name, after=_TERM + 1, timeout_s=20)

    history = scene.election(name).status["history"]
    assert [(reign["term"], reign["holderIdentity"]) for reign in history[:-1]] == [(_TERM + 1, "stranger")]
    assert (history[-1]["term"], history[-1]["podName"]) == (_TERM, f"{name}-0")
    acquired = datetime.datetime.fromisoformat(scene.election(name).status["acquireTime"])
    assert acquired >= overwritten_at + _LEASE
    _wait_for_warning(scene, everywhere, name)


def test_g6_an_election_beside_them_goes_on(everywhere: Operator, bucket: Bucket, scene: Scene) -> None:
    key = f"{scene.namespace}.{_CALM}"
    bucket.wait_for_renewals(key, 1)
    leader = scene.leader(_CALM)
    assert leader is not None
    assert scene.election(_CALM).term == 1
    assert bucket.record(key)["leaderId"] == leader.identity

    scene.delete_pod(leader)

    scene.wait_for_leader(_CALM, but=leader)


# --------------------------------------------------------------------------------------------- before there is a leader


@pytest.fixture
def fresh(environment: Environment, crd: None) -> Iterator[Scene]:
    """A namespace of one test."""
    scene = Scene(environment)
    yield scene
    scene.close()


def test_a_record_that_was_there_before_its_election_is_shown_and_respected(
    everywhere: Operator, bucket: Bucket, fresh: Scene
) -> None:
    bucket.put(f"{fresh.namespace}.web", b"nonsense")
    bucket.put(f"{fresh.namespace}.other", _record(term=3))
    fresh.run_pods(2)
    began_s = time.monotonic()

    fresh.elect(lease=SHORT)
    fresh.elect("other", lease=SHORT)

    fresh.wait_for_condition("LeaseHeld", "False (UnbelievableRecord)")
    assert fresh.election().message("LeaseHeld") == "The lease record cannot be believed: it is not JSON."
    fresh.wait_for_condition("LeaderElected", "False (ForeignHolder)", election="other")
    said = fresh.election("other").message("LeaderElected")
    assert said == "stranger holds the lease and is no pod of this election."
    for name in ("web", "other"):
        assert fresh.wait_for_leader(name).name == "web-0"
        assert time.monotonic() - began_s > SHORT["durationSeconds"]


def test_a_record_of_the_future_is_counted_on(everywhere: Operator, bucket: Bucket, fresh: Scene) -> None:
    bucket.put(f"{fresh.namespace}.web", _record(leaderId="", term=500_000))
    fresh.run_pods(2)

    fresh.elect(lease=SHORT)

    fresh.wait_for_leader(after=500_000)


def test_a_record_in_the_name_of_another_pod_makes_that_pod_the_leader(
    everywhere: Operator, bucket: Bucket, fresh: Scene
) -> None:
    """Whoever may write into the bucket decides; status and labels follow, one leader at a time."""
    first = _start(fresh)
    other = fresh.pod("web-1")

    bucket.put(f"{fresh.namespace}.web", _record(leaderId=other.identity, term=2))

    assert fresh.wait_for_leader(but=first).uid == other.uid
    bucket.wait_for_renewals(f"{fresh.namespace}.web", 1)
    assert fresh.election().term == 2


def test_a_holder_that_an_operator_wrote_and_that_is_gone_is_released_at_once(
    everywhere: Operator, bucket: Bucket, fresh: Scene
) -> None:
    first = _start(fresh)
    uid = fresh.kubernetes.get(f"/api/v1/namespaces/{fresh.namespace}")["metadata"]["uid"]
    ghost = _record(leaderId="web-9_0", term=2, writer="operator/x", namespaceUID=uid, leaseDurationSeconds=3600)

    bucket.put(f"{fresh.namespace}.web", ghost)

    assert fresh.wait_for_leader(after=2, timeout_s=5).uid == first.uid


@pytest.mark.parametrize("fields", [{"expiresAt": "9999-12-31T23:59:59.999Z"}, {"leaseDurationSeconds": 2**40}])
def test_a_foreign_holder_of_a_long_lease_is_shown_and_its_end_is_noticed(
    everywhere: Operator, bucket: Bucket, fresh: Scene, fields: dict[str, Any]
) -> None:
    first = _start(fresh)

    bucket.put(f"{fresh.namespace}.web", _record(term=2, **fields))

    fresh.wait_for_condition("LeaderElected", "False (ForeignHolder)")
    assert fresh.election().holder == "stranger"
    fresh.wait(lambda: len(fresh.followers()) == 2, "no pod leads")
    bucket.purge(f"{fresh.namespace}.web")
    assert fresh.wait_for_leader(after=2).uid == first.uid


def test_keys_of_nobody_do_no_harm(everywhere: Operator, bucket: Bucket, fresh: Scene) -> None:
    """An operator that finds them when it starts leaves them as they are, and cleans up what is its own."""
    strange = ["nonsense", "no.such.election", "_mine", "_operator.x", "a/b=c.web", f"{fresh.namespace}.a/b"]
    strange.append("n$s.web")  # no key of a bucket, by the rules of its clients
    for key in strange:
        bucket.put(key, _record())
    _start(fresh)
    everywhere.stop()
    fresh.delete_election()
    everywhere.start()

    fresh.wait(lambda: not any(pod.role() for pod in fresh.pods), "the roles are gone")
    key = f"{fresh.namespace}.web"
    fresh.wait(lambda: bucket.record(key)["leaderId"] == "", "the record is released")
    assert {bucket.record(key)["leaderId"] for key in strange} == {"stranger"}


def _start(scene: Scene) -> PodView:
    """Have two pods and a leader."""
    scene.run_pods(2)
    scene.elect(lease=SHORT)
    leader = scene.wait_for_leader()
    scene.wait(lambda: len(scene.followers()) == 1, "the other one is a follower")
    return leader
