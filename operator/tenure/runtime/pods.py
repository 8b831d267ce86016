"""All watched pods, and which elections each of them concerns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tenure.election.labels import ROLE_PREFIX, TERM_PREFIX
from tenure.election.pod import Pod
from tenure.election.selector import Selector

Key = tuple[str, str]
"""Namespace and name of an election."""


@dataclass(slots=True)
class _Namespace:
    pods: dict[str, Pod] = field(default_factory=dict)
    selectors: dict[str, Selector] = field(default_factory=dict)
    by_pair: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    without_pair: set[str] = field(default_factory=set)


class PodIndex:
    """Pods by namespace and UID, and elections by a label that all their pods must have."""

    def __init__(self) -> None:
        self._namespaces: dict[str, _Namespace] = defaultdict(_Namespace)

    def see(self, namespace: str, pod: Pod) -> set[str]:
        """Take a pod's version and return the elections, by name, that it concerns or did before."""
        pods = self._namespaces[namespace].pods
        known = pods.get(pod.uid)
        if known is not None and known.resource_version >= pod.resource_version:
            return set()
        pods[pod.uid] = pod
        concerned = self._concerned(namespace, pod)
        return concerned | self._concerned(namespace, known) if known is not None else concerned

    def lose(self, namespace: str, uid: str) -> set[str]:
        """Forget a pod and return the elections, by name, that it concerned."""
        pod = self._namespaces[namespace].pods.pop(uid, None)
        return self._concerned(namespace, pod) if pod is not None else set()

    def pods(self, namespace: str) -> Mapping[str, Pod]:
        """The known pods of a namespace by UID."""
        return self._namespaces[namespace].pods

    def namespaces(self) -> Iterator[str]:
        """The namespaces that anything is known of."""
        yield from list(self._namespaces)

    def concerning(self, key: Key) -> Iterable[Pod]:
        """The known pods that an election selects, or that carry a label of it."""
        namespace, name = key
        selector = self._namespaces[namespace].selectors.get(name)
        return [
            pod
            for pod in self._namespaces[namespace].pods.values()
            if (selector is not None and selector.matches(pod.labels or {})) or name in _labelled(pod)
        ]

    def select(self, key: Key, selector: Selector | None) -> None:
        """Note what an election selects; None forgets it."""
        namespace, name = key
        entry = self._namespaces[namespace]
        known = entry.selectors.pop(name, None)
        if known is not None:
            pair = known.required_pair()
            (entry.by_pair[pair] if pair is not None else entry.without_pair).discard(name)
        if selector is not None:
            entry.selectors[name] = selector
            pair = selector.required_pair()
            (entry.by_pair[pair] if pair is not None else entry.without_pair).add(name)

    def _concerned(self, namespace: str, pod: Pod) -> set[str]:
        entry = self._namespaces[namespace]
        labels = pod.labels or {}
        names = set(entry.without_pair)
        for pair in labels.items():
            names |= entry.by_pair.get(pair, set())
        selected = {name for name in names if entry.selectors[name].matches(labels)}
        return selected | _labelled(pod)


def _labelled(pod: Pod) -> set[str]:
    """The elections whose labels a pod carries."""
    return {
        key[len(prefix) :]
        for key in pod.labels or ()
        for prefix in (ROLE_PREFIX, TERM_PREFIX)
        if key.startswith(prefix)
    }
