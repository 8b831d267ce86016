"""All watched pods, and which elections each of them concerns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from tenure.election.labels import ROLE_PREFIX, TERM_PREFIX
from tenure.election.pod import Pod
from tenure.election.selector import Selector
from tenure.runtime.keys import Key

_PREFIXES = (ROLE_PREFIX, TERM_PREFIX)

MAX_LOST = 10_000
"""UIDs of lost pods that are remembered: those of a minute at least, at the pace at which a big cluster loses them."""


@dataclass(slots=True)
class _Namespace:
    pods: dict[str, Pod] = field(default_factory=dict)
    selectors: dict[str, Selector] = field(default_factory=dict)
    by_pair: dict[tuple[str, str] | None, set[str]] = field(default_factory=dict)
    """Elections by a label that all their pods must have; None for those without such a label."""

    uids_by_label: dict[str, dict[str, dict[str, None]]] = field(default_factory=dict)
    """UIDs of pods, in order, by key and value of a label: of the keys that an election's pods must have."""

    elections_by_key: Counter[str] = field(default_factory=Counter)
    """How many elections need the pods listed by each of these keys."""

    uids_by_election: dict[str, dict[str, None]] = field(default_factory=dict)
    """UIDs of the pods that carry a label of an election."""

    onlookers: set[str] = field(default_factory=set)
    """Elections that select, exclude or prefer pods by labels which elections put on them."""

    def enter(self, pod: Pod) -> None:
        """Know a pod, or its present version."""
        known = self.pods.get(pod.uid)
        self.pods[pod.uid] = pod
        if known is None or known.labels != pod.labels:
            if known is not None:
                self._unlist(known)
            for key in self.uids_by_label:
                self._list_label(key, pod)
            for name in _labelled(pod):
                self.uids_by_election.setdefault(name, {})[pod.uid] = None

    def leave(self, uid: str) -> Pod | None:
        """Forget a pod, and return what was known of it."""
        pod = self.pods.pop(uid, None)
        if pod is not None:
            self._unlist(pod)
        return pod

    def list_label(self, key: str) -> None:
        """List pods by their values of a label, for one election more."""
        self.elections_by_key[key] += 1
        if key not in self.uids_by_label:
            self.uids_by_label[key] = {}
            for pod in self.pods.values():
                self._list_label(key, pod)

    def unlist_label(self, key: str) -> None:
        """One election needs pods listed by this label no more."""
        self.elections_by_key[key] -= 1
        if not self.elections_by_key[key]:
            del self.elections_by_key[key], self.uids_by_label[key]

    def _list_label(self, key: str, pod: Pod) -> None:
        value = (pod.labels or {}).get(key)
        if value is not None:
            self.uids_by_label[key].setdefault(value, {})[pod.uid] = None

    def _unlist(self, pod: Pod) -> None:
        for key, by_value in self.uids_by_label.items():
            _drop(by_value, (pod.labels or {}).get(key), pod.uid)
        for name in _labelled(pod):
            _drop(self.uids_by_election, name, pod.uid)


_UNKNOWN = _Namespace()
"""Stands for each namespace that nothing is known of. Nothing is put into it."""


class PodIndex:
    """Pods by namespace and UID, and elections by a label that all their pods must have.

    A UID that was lost stays so: a late answer brings no pod back.
    """

    def __init__(self) -> None:
        self._namespaces: dict[str, _Namespace] = {}
        self._lost: dict[str, None] = {}

    def see(self, namespace: str, pod: Pod) -> set[str]:
        """Take a pod's version and return the elections, by name, that its news concerns.

        Those are all that it concerns or did before; of a version in which at most the labels of some elections are
        others, it is these: a hundred elections of the same pods would each step for all labels of the others.
        """
        known = self.pods(namespace).get(pod.uid)
        if pod.uid in self._lost or (known is not None and known.resource_version >= pod.resource_version):
            return set()
        entry = self._namespaces.setdefault(namespace, _Namespace())
        entry.enter(pod)
        concerned = self._concerned(namespace, pod)
        if known is None:
            return concerned
        concerned |= self._concerned(namespace, known)
        relabelled = _relabelled(known, pod)
        return concerned if relabelled is None else concerned & (relabelled | entry.onlookers)

    def lose(self, namespace: str, uid: str) -> set[str]:
        """Forget a pod and return the elections, by name, that it concerned."""
        self._lost[uid] = None
        if len(self._lost) > MAX_LOST:
            del self._lost[next(iter(self._lost))]
        pod = self._namespaces.get(namespace, _UNKNOWN).leave(uid)
        concerned = self._concerned(namespace, pod) if pod is not None else set()
        self._forget_if_empty(namespace)
        return concerned

    def pods(self, namespace: str) -> Mapping[str, Pod]:
        """The known pods of a namespace by UID."""
        return self._namespaces.get(namespace, _UNKNOWN).pods

    def has_news_of(self, namespace: str, uid: str) -> bool:
        """Whether a pod is known, or is known to be gone."""
        return uid in self._lost or uid in self.pods(namespace)

    def namespaces(self) -> Iterator[str]:
        """The namespaces that anything is known of."""
        yield from list(self._namespaces)

    def concerning(self, key: Key) -> Iterable[Pod]:
        """The known pods that an election selects, or that carry a label of it."""
        namespace, name = key
        entry = self._namespaces.get(namespace, _UNKNOWN)
        selector = entry.selectors.get(name)
        uids = dict(entry.uids_by_election.get(name, {}))
        if selector is not None:
            pair = selector.required_pair()
            listed = entry.pods if pair is None else entry.uids_by_label[pair[0]].get(pair[1], {})
            uids |= dict.fromkeys(uid for uid in listed if selector.matches(entry.pods[uid].labels or {}))
        return [entry.pods[uid] for uid in uids]

    def select(self, key: Key, selector: Selector | None, others: Iterable[Selector] = ()) -> None:
        """Note what an election selects, and by what `others` it judges what it has selected; None forgets it."""
        namespace, name = key
        entry = self._namespaces.setdefault(namespace, _Namespace())
        needed = selector.required_pair() if selector is not None else None
        if needed is not None:
            entry.list_label(needed[0])  # First of all: with most versions of an election it is the key that it was.
        known = entry.selectors.pop(name, None)
        if known is not None:
            pair = known.required_pair()
            entry.by_pair[pair].discard(name)
            if not entry.by_pair[pair]:
                del entry.by_pair[pair]
            if pair is not None:
                entry.unlist_label(pair[0])
        entry.onlookers.discard(name)
        if selector is not None:
            if any(one.key.startswith(_PREFIXES) for each in (selector, *others) for one in each.requirements):
                entry.onlookers.add(name)
            entry.selectors[name] = selector
            entry.by_pair.setdefault(needed, set()).add(name)
        self._forget_if_empty(namespace)

    def _forget_if_empty(self, namespace: str) -> None:
        entry = self._namespaces.get(namespace)
        if entry is not None and not entry.pods and not entry.selectors:
            del self._namespaces[namespace]

    def _concerned(self, namespace: str, pod: Pod) -> set[str]:
        entry = self._namespaces.get(namespace, _UNKNOWN)
        labels = pod.labels or {}
        names: set[str] = set()
        for pair in (None, *labels.items()):
            names |= entry.by_pair.get(pair, set())
        selected = {name for name in names if entry.selectors[name].matches(labels)}
        return selected | _labelled(pod)


def _labelled(pod: Pod) -> set[str]:
    """The elections whose labels a pod carries."""
    return {_election_of(key) for key in pod.labels or () if key.startswith(_PREFIXES)}


def _relabelled(known: Pod, pod: Pod) -> set[str] | None:
    """The elections whose labels differ between two versions of a pod; None when something else does."""
    if known.labels is None or pod.labels is None:
        return None
    if replace(known, resource_version=pod.resource_version, labels=pod.labels) != pod:
        return None
    changed = {key for key, _ in known.labels.items() ^ pod.labels.items()}
    return {_election_of(key) for key in changed} if all(key.startswith(_PREFIXES) for key in changed) else None


def _election_of(key: str) -> str:
    return key.split("/", 1)[1]


def _drop(lists: dict[str, dict[str, None]], name: str | None, uid: str) -> None:
    """Take a UID off a list, and the list with the last of them."""
    uids = lists.get(name) if name is not None else None
    if uids is not None and name is not None:
        uids.pop(uid, None)
        if not uids:
            del lists[name]
