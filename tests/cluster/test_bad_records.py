"""Records that somebody else wrote into the bucket, by mistake or on purpose: one election for each, all at once.

Each overwrites the record of an election that has a leader in term 41. The operator says what is wrong, waits as long
as the writer's lease may last, and goes on in a term that nobody can have had. An election beside them goes on as if
nothing were.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from cluster_support import Bucket, Operator, PodView, Scene
from cluster_support.scene import SHORT
from environment import Environment

_TERM = 41
_MAX_BYTES = 60_000
"""About as much as the bucket that the operator makes takes."""


def _record(**fields: Any) -> dict[str, Any]:
    """The record of somebody who claims the next term now for three seconds, with other fields where they are given."""
    now = datetime.datetime.now(datetime.UTC)
    until = now + datetime.timedelta(seconds=3)
    record = {"leaderId": "stranger", "term": _TERM + 1, "startedAt": now.isoformat(), "expiresAt": until.isoformat()}
    return {**record, **fields}


@dataclass(frozen=True)
class _Case:
    """What is written, and what the operator says of it in a warning."""

    value: bytes | Mapping[str, Any]
    says: str


_NOT_BELIEVED: dict[str, _Case] = {
    "no-json": _Case(b"\xff\x00 nonsense", "it is not JSON"),
    "nothing": _Case(b"", "it is not JSON"),
    "deep": _Case(b"[" * 30_000, "bytes are more than 16384"),
    "nested": _Case(b"[" * 10_000, "it is not JSON"),
    "not-a-number": _Case(b'{"term": NaN}', "it is not JSON"),
    "list": _Case(b"[1, 2]", "it is not a JSON object"),
    "no-fields": _Case(b"{}", "leaderid is not a string"),
    "wrong-types": _Case({"leaderId": 7, "term": [], "startedAt": 1, "expiresAt": {}}, "leaderid is not a string"),
    "term-of-text": _Case({"term": "42"}, "term is not a whole number"),
    "term-with-fraction": _Case({"term": 42.5}, "term is not a whole number"),
    "term-true": _Case({"term": True}, "term is not a whole number"),
    "term-0": _Case({"term": 0}, "term is not in 1 to 9007199254740990"),
    "term-negative": _Case({"term": -1}, "term is not in 1 to 9007199254740990"),
    "term-2-to-63": _Case({"term": 2**63}, "term is not in 1 to 9007199254740990"),
    "term-highest": _Case({"term": 2**53 - 2}, "9007199254740990"),
    "term-far-above": _Case({"term": 2_000_000}, "2000000"),
    "large": _Case(b"x" * _MAX_BYTES, "its 60000 bytes are more than 16384"),
    "large-json": _Case({"more": "x" * (_MAX_BYTES - 1000)}, "bytes are more than 16384"),
    "time-of-text": _Case({"startedAt": "yesterday"}, "startedat is not an RFC 3339 time"),
    "year-10000": _Case({"expiresAt": "10000-01-01T00:00:00Z"}, "expiresat is not an RFC 3339 time"),
    "duration-negative": _Case({"leaseDurationSeconds": -1}, "leaseDurationSeconds is not a whole number"),
    "long-name": _Case({"leaderId": "x" * 600}, "leaderid is longer than 512 characters"),
    "unpaired-surrogate": _Case({"leaderId": "\ud800"}, "leaderid"),
    "control-characters": _Case({"leaderId": "a\nb\x00\x1b[31m"}, "leaderid"),
}
_STRANGERS: dict[str, _Case] = {
    "next-term": _Case({}, "stranger holds the lease"),
    "same-term": _Case({"term": _TERM}, "stranger holds the lease"),
    "lower-term": _Case({"term": 7}, "stranger holds the lease"),
    "other-spelling": _Case({"Leader_ID": "stranger", "more": {"a": [1]}}, "stranger holds the lease"),
    "year-1": _Case(
        {"startedAt": "0001-01-01T00:00:00Z", "expiresAt": "0001-01-01T00:00:00Z"}, "stranger holds the lease"
    ),
    "year-0-in-utc": _Case(
        {"startedAt": "0001-01-01T00:00:00+23:59", "leaseDurationSeconds": 3}, "stranger holds the lease"
    ),
    "year-9999-for-3-s": _Case(
        {"expiresAt": "9999-12-31T23:59:59.999Z", "leaseDurationSeconds": 3}, "stranger holds the lease"
    ),
    "year-10000-in-utc": _Case(
        {"expiresAt": "9999-12-31T23:59:59-23:59", "leaseDurationSeconds": 3}, "stranger holds the lease"
    ),
    "other-cluster": _Case(
        {"namespaceUID": "elsewhere", "leaseDurationSeconds": 3}, "belongs to a namespace of another cluster"
    ),
}
_CASES = _NOT_BELIEVED | _STRANGERS
_CALM = "calm"


@pytest.fixture(scope="module")
def scene(environment: Environment, crd: None, common_operator: Operator) -> Iterator[Scene]:
    """An election for each case, with its own two pods. All records have been overwritten."""
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
    for name, case in _CASES.items():
        value = case.value if isinstance(case.value, bytes) else _record(**case.value)
        bucket.put(f"{scene.namespace}.{name}", value)
    yield scene
    scene.close()


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
    everywhere: Operator, scene: Scene, name: str
) -> None:
    scene.wait_for_leader(name, after=_TERM + 1, timeout_s=20)

    history = scene.election(name).status["history"]
    assert [(reign["term"], reign["holderIdentity"]) for reign in history[:-1]] == [(_TERM + 1, "stranger")]
    assert (history[-1]["term"], history[-1]["podName"]) == (_TERM, f"{name}-0")
    _wait_for_warning(scene, everywhere, name)


def test_g6_an_election_beside_them_goes_on(everywhere: Operator, common_bucket: Bucket, scene: Scene) -> None:
    key = f"{scene.namespace}.{_CALM}"
    common_bucket.wait_for_renewals(key, 2)
    leader = scene.leader(_CALM)
    assert leader is not None
    assert scene.election(_CALM).term == 1
    assert common_bucket.record(key)["leaderId"] == leader.identity

    scene.delete_pod(leader)

    scene.wait_for_leader(_CALM, but=leader)


# --------------------------------------------------------------------------------------------- before there is a leader


@pytest.fixture
def fresh(environment: Environment, crd: None) -> Iterator[Scene]:
    """A namespace of one test."""
    scene = Scene(environment)
    yield scene
    scene.close()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"nonsense", "UnbelievableRecord"),
        (json.dumps(_record(term=2**63)).encode(), "UnbelievableRecord"),
        (json.dumps(_record(term=3)).encode(), "ForeignHolder"),
    ],
)
def test_a_record_that_was_there_before_its_election_is_shown_and_respected(
    everywhere: Operator, common_bucket: Bucket, fresh: Scene, value: bytes, reason: str
) -> None:
    common_bucket.put(f"{fresh.namespace}.web", value)
    fresh.run_pods(2)

    fresh.elect(lease=SHORT)

    fresh.wait_for_condition("LeaderElected", f"False ({reason})")
    assert fresh.wait_for_leader(timeout_s=20).name == "web-0"


def test_a_record_of_the_future_is_counted_on(everywhere: Operator, common_bucket: Bucket, fresh: Scene) -> None:
    common_bucket.put(f"{fresh.namespace}.web", _record(leaderId="", term=500_000))
    fresh.run_pods(2)

    fresh.elect(lease=SHORT)

    fresh.wait_for_leader(after=500_000)


def test_a_record_in_the_name_of_another_pod_makes_that_pod_the_leader(
    everywhere: Operator, common_bucket: Bucket, fresh: Scene
) -> None:
    """Whoever may write into the bucket decides; status and labels follow, one leader at a time."""
    first = _start(fresh)
    other = fresh.pod("web-1")

    common_bucket.put(f"{fresh.namespace}.web", _record(leaderId=other.identity, term=2))

    assert fresh.wait_for_leader(but=first).uid == other.uid
    common_bucket.wait_for_renewals(f"{fresh.namespace}.web", 2)
    assert fresh.election().term == 2


def test_a_holder_that_an_operator_wrote_and_that_is_gone_is_released_at_once(
    everywhere: Operator, common_bucket: Bucket, fresh: Scene
) -> None:
    first = _start(fresh)
    uid = fresh.kubernetes.get(f"/api/v1/namespaces/{fresh.namespace}")["metadata"]["uid"]
    ghost = _record(leaderId="web-9_0", term=2, writer="operator/x", namespaceUID=uid, leaseDurationSeconds=3600)

    common_bucket.put(f"{fresh.namespace}.web", ghost)

    assert fresh.wait_for_leader(after=2, timeout_s=5).uid == first.uid


@pytest.mark.parametrize("fields", [{"expiresAt": "9999-12-31T23:59:59.999Z"}, {"leaseDurationSeconds": 2**40}])
def test_a_foreign_holder_of_a_long_lease_is_shown_and_its_end_is_noticed(
    everywhere: Operator, common_bucket: Bucket, fresh: Scene, fields: dict[str, Any]
) -> None:
    first = _start(fresh)

    common_bucket.put(f"{fresh.namespace}.web", _record(term=2, **fields))

    fresh.wait_for_condition("LeaderElected", "False (ForeignHolder)")
    assert fresh.election().holder == "stranger"
    fresh.wait(lambda: len(fresh.followers()) == 2, "no pod leads")
    common_bucket.purge(f"{fresh.namespace}.web")
    assert fresh.wait_for_leader(after=2).uid == first.uid


def test_keys_of_nobody_do_no_harm(everywhere: Operator, common_bucket: Bucket, fresh: Scene) -> None:
    """An operator that finds them when it starts leaves them as they are, and cleans up what is its own."""
    strange = ["nonsense", "no.such.election", "_mine", "_operator.x", "a/b=c.web", f"{fresh.namespace}.a/b"]
    strange += [f"n$s.web-{number}" for number in range(30)]  # no keys of a bucket, by the rules of its clients
    for key in strange:
        common_bucket.put(key, _record())
    _start(fresh)
    everywhere.stop()
    fresh.delete_election()
    everywhere.start()

    fresh.wait(lambda: not any(pod.role() for pod in fresh.pods), "the roles are gone")
    key = f"{fresh.namespace}.web"
    fresh.wait(lambda: common_bucket.record(key)["leaderId"] == "", "the record is released")
    assert {common_bucket.record(key)["leaderId"] for key in strange} == {"stranger"}


def _start(scene: Scene) -> PodView:
    """Have two pods and a leader."""
    scene.run_pods(2)
    scene.elect(lease=SHORT)
    leader = scene.wait_for_leader()
    scene.wait(lambda: len(scene.followers()) == 1, "the other one is a follower")
    return leader
