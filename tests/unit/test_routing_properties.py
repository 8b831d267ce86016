"""What holds for every plan of label writes, and for every way in which plans are carried out."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tenure.election.effects import WriteLabels
from tenure.election.labels import PodRole, parse_term, role_key, term_key
from tenure.election.ledger import must_stamp
from tenure.election.pod import EVERYBODY, Pod, PodRef
from tenure.election.resource import Status
from tenure.election.routing import Plan, plan
from unit.builders import ELECTION, a_leader, a_pod
from unit.reach import often, reach, reaches
from unit.views import a_status

_TERM = 7
_NAMES = ["a", "b", "c", "d"]
_REFS = [a_pod(name).ref for name in _NAMES]
# Half of them as after a stamp, so that plans come to the crown and to the end.
_roles = st.sampled_from([None, "leader", "follower", "follower", "follower", "king"])
_sane_terms = st.sampled_from([None, "1", "6", "7", "7", "7"])
_any_terms = st.sampled_from([None, "1", "6", "7", "7", "7", "7", "7", "8", "12", "007", "x", ""])


def _pod(name: str, role: str | None, term: str | None, app: str, ending: bool) -> Pod:
    return a_pod(name, role=role, term=term, labels={"app": app}, terminating=ending)


def _pods(terms: st.SearchStrategy[str | None]) -> st.SearchStrategy[dict[str, Pod]]:
    """Some of four pods, most with any labels or as after a stamp; a few without a map of labels."""
    one_of_each = []
    for name in _NAMES:
        any_pod = st.builds(_pod, st.just(name), _roles, terms, st.sampled_from(["web", "web", "other"]), st.booleans())
        stamped = st.just(_pod(name, "follower", str(_TERM), "web", ending=False))
        unlabelled = st.just(replace(a_pod(name), labels=None))
        one_of_each.append(often(any_pod, any_pod, any_pod, stamped, stamped, stamped, unlabelled, st.none()))
    return st.tuples(*one_of_each).map(lambda pods: {pod.uid: pod for pod in pods if pod is not None})


_leaders = st.sampled_from([None, *(a_leader(a_pod(name)) for name in _NAMES)])
_some_refs = st.sets(st.sampled_from(_REFS), max_size=2).map(lambda refs: tuple(sorted(refs, key=lambda ref: ref.name)))
_statuses = st.builds(
    lambda leader, unfenced: a_status(
        _TERM,
        leader,
        unfenced=tuple(ref for ref in unfenced if not leader or ref != leader.pod),
    ),
    _leaders,
    _some_refs | _some_refs.map(lambda refs: (EVERYBODY, *refs)),
)
_uids = st.sampled_from([frozenset(), frozenset(), frozenset(ref.uid for ref in _REFS), frozenset({_REFS[1].uid})])


def _plan(
    status: Status,
    pods: dict[str, Pod],
    gone: Iterable[str] = (),
    listed: tuple[PodRef, ...] | None = None,
    forged: Iterable[str] = (),
) -> Plan:
    candidates = [pod for pod in pods.values() if (pod.labels or {}).get("app") == "web"]
    known = {uid: pod for uid, pod in pods.items() if uid not in set(gone)}
    return plan(
        ELECTION,
        status,
        pods=known,
        candidates=[pod for pod in candidates if pod.uid in known],
        gone=frozenset(gone),
        listed=listed,
        forged=frozenset(forged),
    )


def _is_stamped(pod: Pod | None) -> bool:
    return pod is not None and (pod.role(ELECTION), pod.term(ELECTION)) == ("follower", str(_TERM))


@reaches(crown=3)
@given(_statuses, _pods(_any_terms), _uids, st.none() | _some_refs, _uids)
def test_no_leader_is_crowned_or_settled_before_all_stamps_are_known_to_be_there(
    status: Status,
    pods: dict[str, Pod],
    gone: frozenset[str],
    listed: tuple[PodRef, ...] | None,
    forged: frozenset[str],
) -> None:
    done = _plan(status, pods, gone, listed, forged)
    leader = status.leader.pod if status.leader is not None else None

    for write in done.writes:
        if write.role is PodRole.LEADER:
            reach("crown")
            assert write.ref == leader
            assert write.expected_role is not None, "a pod that can be crowned carries a label of ours already"
    if done.settled or any(write.role is PodRole.LEADER for write in done.writes):
        targets = must_stamp(status, listed)
        assert targets is not None
        assert all(ref.uid in gone or _is_stamped(pods.get(ref.uid)) for ref in targets)
        pretenders = [uid for uid, pod in pods.items() if pod.role(ELECTION) == "leader" and pod.ref != leader]
        assert set(pretenders) <= gone


@given(_statuses, _pods(_any_terms), _uids, st.none() | _some_refs, _uids)
def test_every_write_tests_what_was_seen_and_lowers_no_term_that_is_not_forged(
    status: Status,
    pods: dict[str, Pod],
    gone: frozenset[str],
    listed: tuple[PodRef, ...] | None,
    forged: frozenset[str],
) -> None:
    done = _plan(status, pods, gone, listed, forged)

    assert len({write.ref for write in done.writes}) == len(done.writes)
    for write in done.writes:
        pod = pods[write.ref.uid]
        seen = pod.term(ELECTION)
        assert (write.ref, write.expected_term, write.expected_role) == (pod.ref, seen, pod.role(ELECTION))
        assert write.no_labels_map is (pod.labels is None)
        number = parse_term(seen)
        if number is not None and number > _TERM:
            assert pod.uid in forged
            assert write.term == _TERM
        elif write.term is None:
            assert seen is None or number is not None, "a term that is not ours was left"
        else:
            assert write.term == _TERM


@given(_statuses, _pods(_any_terms), st.none() | _some_refs)
def test_whoever_is_touched_with_a_term_above_the_status_is_a_suspect(
    status: Status, pods: dict[str, Pod], listed: tuple[PodRef, ...] | None
) -> None:
    done = _plan(status, pods, listed=listed)

    above = {uid for uid, pod in pods.items() if (parse_term(pod.term(ELECTION)) or 0) > _TERM}
    assert {pod.uid for pod in done.suspects} <= above
    assert above.isdisjoint(write.ref.uid for write in done.writes)
    candidates = {uid for uid, pod in pods.items() if (pod.labels or {}).get("app") == "web"}
    leader = status.leader.pod if status.leader is not None else None
    blocked_by = {ref.uid for ref in status.unfenced} | ({leader.uid} if leader else set())
    assert (above & candidates) - blocked_by <= {pod.uid for pod in done.suspects}


@given(_pods(_any_terms), _uids)
def test_a_pod_that_is_no_candidate_loses_its_role_and_keeps_its_term(
    pods: dict[str, Pod], forged: frozenset[str]
) -> None:
    strangers = {uid: replace(pod, labels={**(pod.labels or {}), "app": "other"}) for uid, pod in pods.items()}

    for write in _plan(a_status(_TERM), strangers, forged=forged).writes:
        if write.role is None:
            kept = parse_term(write.expected_term)
            is_ours = write.expected_term is None or (kept is not None and kept <= _TERM)
            assert write.term == (None if is_ours else _TERM)


def _carry_out(pods: dict[str, Pod], write: WriteLabels) -> None:
    """What the API server does with one write, where its tests hold."""
    pod = pods[write.ref.uid]
    if pod.term(ELECTION) != write.expected_term:
        return
    labels = dict(pod.labels or {})
    labels.pop(role_key(ELECTION), None)
    if write.role is not None:
        labels[role_key(ELECTION)] = write.role
    if write.term is not None:
        labels[term_key(ELECTION)] = str(write.term)
    pods[write.ref.uid] = replace(pod, labels=labels)


def _leaders_among(pods: dict[str, Pod]) -> list[PodRef]:
    return [pod.ref for pod in pods.values() if pod.role(ELECTION) == "leader"]


@given(_statuses, _pods(_sane_terms), st.integers(0, 2**32))
def test_carried_out_in_any_order_the_plans_end_with_one_leader_label_at_most(
    status: Status, pods: dict[str, Pod], seed: int
) -> None:
    """Each round only some of the writes are made; nobody else writes."""
    chance, pods = random.Random(seed), dict(pods)
    gone = [ref.uid for ref in _REFS if ref.uid not in pods]
    listed = tuple(pod.ref for pod in pods.values())
    leader = status.leader.pod if status.leader is not None else None
    others_led_at_first = set(_leaders_among(pods)) - {leader}
    for _ in range(40):
        done = _plan(status, pods, gone, listed)
        if done.settled and not done.writes:
            break
        for write in chance.sample(done.writes, k=chance.randint(1, len(done.writes))):
            _carry_out(pods, write)
        if not others_led_at_first:
            assert set(_leaders_among(pods)) <= {leader}
    else:
        raise AssertionError("the plans do not end")

    is_crowned = leader is not None and leader.uid in pods and not pods[leader.uid].terminating
    assert not is_crowned or _leaders_among(pods) == [leader]
    for pod in pods.values():
        is_candidate = (pod.labels or {}).get("app") == "web"
        if pod.ref != leader and pod.ref not in (must_stamp(status, listed) or ()):
            assert pod.role(ELECTION) == ("follower" if is_candidate else None)
