"""Which elections a pod concerns: by selector, by label, now or a moment ago; against the plainest model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, assert_never

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.election.labels import role_key, term_key
from tenure.election.pod import Pod
from tenure.election.selector import Operator, Requirement, Selector
from tenure.runtime.pods import MAX_LOST, PodIndex

_WEB = Selector((Requirement("app", Operator.IN, ("web",)),))
_NO_LEADER_OF_DB = Selector((Requirement(role_key("db"), Operator.NOT_IN, ("web",)),))
_NOT_WEB = Selector((Requirement("app", Operator.NOT_IN, ("web",)),))


def _pod(uid: str, version: int, **labels: str) -> Pod:
    return Pod(uid, uid, version, {key.replace("__", "/"): value for key, value in labels.items()})


def test_a_pod_concerns_the_elections_that_select_it() -> None:
    index = PodIndex()
    index.select(("shop", "web"), _WEB)
    index.select(("shop", "others"), _NOT_WEB)
    index.select(("office", "web"), _WEB)

    assert index.see("shop", _pod("a", 1, app="web")) == {"web"}
    assert index.see("shop", _pod("b", 1, app="db")) == {"others"}
    assert index.see("shop", Pod("c", "c", 1, None)) == {"others"}


def test_a_pod_concerns_the_elections_that_it_did_a_moment_ago() -> None:
    index = PodIndex()
    index.select(("shop", "web"), _WEB)
    index.see("shop", _pod("a", 1, app="web"))

    assert index.see("shop", _pod("a", 2, app="db")) == {"web"}
    assert index.see("shop", _pod("a", 3, app="db")) == set()


def test_what_other_elections_write_on_a_pod_concerns_only_those_that_look_at_it() -> None:
    index = PodIndex()
    index.select(("shop", "web"), _WEB)
    index.select(("shop", "db"), _WEB)
    index.select(("shop", "apart"), _WEB, [Selector((Requirement(role_key("web"), Operator.EXISTS),))])
    index.see("shop", Pod("a", "a", 1, {"app": "web"}))

    labels = {"app": "web", role_key("web"): "leader", term_key("web"): "1"}
    assert index.see("shop", Pod("a", "a", 2, labels)) == {"web", "apart"}
    assert index.see("shop", Pod("a", "a", 3, labels)) == {"apart"}
    assert index.see("shop", Pod("a", "a", 4, {**labels, term_key("web"): "2"}, ready=True)) == {"web", "db", "apart"}


@pytest.mark.parametrize("key", [role_key("web"), term_key("web")])
def test_a_pod_concerns_the_elections_whose_labels_it_carries(key: str) -> None:
    index = PodIndex()
    pod = Pod("a", "a", 1, {key: "7", "role.tenure.dev": "x", "other/role.tenure.dev/db": "x"})

    assert index.see("shop", pod) == {"web"}
    assert list(index.concerning(("shop", "web"))) == [pod]
    assert list(index.concerning(("shop", "db"))) == []


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_or_the_same_version_is_no_news(version: int) -> None:
    index = PodIndex()
    index.select(("shop", "web"), _WEB)
    index.see("shop", _pod("a", 2, app="web"))

    assert index.see("shop", _pod("a", version, app="db")) == set()
    assert index.pods("shop")["a"].labels == {"app": "web"}


def test_a_pod_that_is_lost_concerns_whom_it_did_and_is_forgotten() -> None:
    index = PodIndex()
    index.select(("shop", "web"), _WEB)
    index.see("shop", _pod("a", 1, app="web"))

    assert index.lose("shop", "a") == {"web"}
    assert index.lose("shop", "a") == set()
    assert (list(index.concerning(("shop", "web"))), dict(index.pods("shop"))) == ([], {})


def test_a_pod_that_was_lost_does_not_come_back_by_a_late_answer() -> None:
    index = PodIndex()
    index.select(("shop", "web"), _WEB)
    index.see("shop", _pod("a", 1, app="web"))
    index.lose("shop", "a")

    assert index.see("shop", _pod("a", 2, app="web")) == set()
    assert dict(index.pods("shop")) == {}


def test_nothing_is_kept_of_what_is_gone_or_was_only_asked_about() -> None:
    index = PodIndex()
    index.pods("asked")
    index.lose("asked", "a")
    assert list(index.concerning(("asked", "web"))) == []
    index.see("office", _pod("b", 1))
    index.lose("office", "b")
    index.select(("shop", "web"), _WEB)
    index.select(("shop", "web"), None)

    assert list(index.namespaces()) == []
    for number in range(2 * MAX_LOST):
        index.lose("shop", str(number))
    assert len(index._lost) == MAX_LOST


def test_a_selector_that_is_another_now_selects_others_and_a_deleted_one_none() -> None:
    index = PodIndex()
    pods = [_pod("a", 1, app="web"), _pod("b", 1, app="db")]
    for pod in pods:
        index.see("shop", pod)
    index.select(("shop", "web"), _WEB)
    assert list(index.concerning(("shop", "web"))) == pods[:1]

    index.select(("shop", "web"), _NOT_WEB)
    assert list(index.concerning(("shop", "web"))) == pods[1:]
    assert index.see("shop", _pod("a", 2, app="web")) == set()

    index.select(("shop", "web"), None)
    assert list(index.concerning(("shop", "web"))) == []
    assert index.see("shop", _pod("b", 2, app="db")) == set()


def test_pods_are_listed_by_a_label_only_while_an_election_needs_it() -> None:
    """Elections come and go for years in a namespace that is never empty."""
    index = PodIndex()
    index.see("shop", _pod("a", 1, app="web", tier="front"))
    front = Selector((Requirement("tier", Operator.IN, ("front",)),))
    for name in ("web", "other"):
        index.select(("shop", name), _WEB)

    def keys() -> set[str]:
        return set(index._namespaces["shop"].uids_by_label)

    index.select(("shop", "web"), front)
    assert keys() == {"app", "tier"}
    index.select(("shop", "other"), front)
    assert keys() == {"tier"}
    index.select(("shop", "web"), None)
    assert [pod.uid for pod in index.concerning(("shop", "other"))] == ["a"]
    index.select(("shop", "other"), None)
    assert keys() == set()
    index.select(("shop", "web"), _WEB)
    assert [pod.uid for pod in index.concerning(("shop", "web"))] == ["a"]


def test_the_namespaces_are_those_that_anything_is_known_of() -> None:
    index = PodIndex()
    index.select(("shop", "web"), _WEB)
    index.see("office", _pod("a", 1))

    assert set(index.namespaces()) == {"shop", "office"}


_NAMESPACES, _NAMES, _UIDS = ["shop", "office"], ["web", "db"], ["a", "b", "c"]
_label_sets = st.none() | st.dictionaries(
    st.sampled_from(["app", "tier", role_key("web"), term_key("web"), role_key("db")]),
    st.sampled_from(["web", "db", "1"]),
    max_size=3,
)
_selectors = st.sampled_from(
    [
        None,
        _WEB,
        _NOT_WEB,
        Selector((Requirement("tier", Operator.EXISTS), Requirement("app", Operator.IN, ("db",)))),
        Selector((Requirement("app", Operator.IN, ("web", "db")),)),
        Selector((Requirement("tier", Operator.DOES_NOT_EXIST),)),
        _NO_LEADER_OF_DB,
    ]
)


@dataclass(frozen=True)
class _See:
    namespace: str
    pod: Pod


@dataclass(frozen=True)
class _Lose:
    namespace: str
    uid: str


@dataclass(frozen=True)
class _Select:
    key: tuple[str, str]
    selector: Selector | None


_pods = st.builds(
    lambda uid, version, labels: Pod(uid, uid, version, labels), st.sampled_from(_UIDS), st.integers(1, 9), _label_sets
)
_courses = st.lists(
    st.one_of(
        st.builds(_See, st.sampled_from(_NAMESPACES), _pods),
        st.builds(_See, st.sampled_from(_NAMESPACES), _pods),
        st.builds(_Lose, st.sampled_from(_NAMESPACES), st.sampled_from(_UIDS)),
        st.builds(_Select, st.tuples(st.sampled_from(_NAMESPACES), st.sampled_from(_NAMES)), _selectors),
    ),
    max_size=25,
)


@dataclass
class _Model:
    """All pods and all selectors, looked through from the beginning to the end each time."""

    pods: dict[tuple[str, str], Pod] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    selectors: dict[tuple[str, str], Selector] = field(default_factory=dict)

    def concerned(self, namespace: str, pod: Pod) -> set[str]:
        labels = pod.labels or {}
        found = {
            name
            for (where, name), selector in self.selectors.items()
            if where == namespace and selector.matches(labels)
        }
        return found | {name for name in _NAMES if role_key(name) in labels or term_key(name) in labels}

    def see(self, namespace: str, pod: Pod) -> set[str]:
        known = self.pods.get((namespace, pod.uid))
        if pod.uid in self.lost or (known is not None and known.resource_version >= pod.resource_version):
            return set()
        self.pods[namespace, pod.uid] = pod
        after = self.concerned(namespace, pod)
        if known is None:
            return after
        before, others = known.labels, pod.labels
        concerned = after | self.concerned(namespace, known)
        if before is None or others is None:
            return concerned
        changed = {key for key in (*before, *others) if before.get(key) != others.get(key)}
        if not changed <= {role_key("web"), term_key("web"), role_key("db"), term_key("db")}:
            return concerned
        return {
            name
            for name in concerned
            if changed & {role_key(name), term_key(name)} or self.selectors.get((namespace, name)) == _NO_LEADER_OF_DB
        }

    def lose(self, namespace: str, uid: str) -> set[str]:
        self.lost.add(uid)
        pod = self.pods.pop((namespace, uid), None)
        return set() if pod is None else self.concerned(namespace, pod)


class _Labels(dict[str, str]):
    """Counts how often it is looked at."""

    looks = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.looks += 1
        return super().get(key, default)

    def __iter__(self) -> Iterator[str]:
        self.looks += 1
        return super().__iter__()

    def __getitem__(self, key: str) -> str:
        self.looks += 1
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.looks += 1
        return super().__contains__(key)

    def keys(self) -> Any:
        self.looks += 1
        return super().keys()

    def values(self) -> Any:
        self.looks += 1
        return super().values()

    def items(self) -> Any:
        self.looks += 1
        return super().items()


def test_an_elections_pods_are_found_without_a_look_at_those_of_others() -> None:
    """An election asks for its pods at each version of its resource: with thousands of others in its namespace."""
    index = PodIndex()
    index.select(("shop", "web"), _WEB)
    labels = _Labels(app="db")
    index.see("shop", Pod("db-0", "db-0", 1, labels))
    mine = _pod("web-0", 1, app="web")
    index.see("shop", mine)
    labels.looks = 0

    index.select(("shop", "web"), _WEB)
    assert index.concerning(("shop", "web")) == [mine]
    assert labels.looks == 0


@given(_courses)
def test_the_index_finds_what_looking_through_everything_finds(course: list[_See | _Lose | _Select]) -> None:
    index, model = PodIndex(), _Model()
    for what in course:
        match what:
            case _See(namespace, pod):
                assert index.see(namespace, pod) == model.see(namespace, pod)
            case _Lose(namespace, uid):
                assert index.lose(namespace, uid) == model.lose(namespace, uid)
            case _Select(key, selector):
                index.select(key, selector)
                model.selectors.pop(key, None)
                if selector is not None:
                    model.selectors[key] = selector
            case _:
                assert_never(what)
        for namespace in _NAMESPACES:
            known = {uid: pod for (where, uid), pod in model.pods.items() if where == namespace}
            assert dict(index.pods(namespace)) == known
            for name in _NAMES:
                found = {pod.uid for pod in index.concerning((namespace, name))}
                assert found == {pod.uid for pod in known.values() if name in model.concerned(namespace, pod)}
