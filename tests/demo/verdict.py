"""What the demo claims, and how it is judged.

The changes of all watches are put into the order of their resourceVersions. Those number the writes to the cluster's
one store, so that this is the order in which they became true, whichever watch told of them first. After each change:

1. at most one pod carries the leader label;
2. who carries it was named by the status before, with the term that its term label says;
3. the term in the status has not fallen;
4. at most one pod is behind the ready addresses of the Service;
5. that pod is the one that carries the leader label or did so last; or the one before it, as long as the addresses
   have not followed to the new one.

The last point cannot be stricter: another controller writes the EndpointSlices, after it has seen the labels. What is
judged is what the API held. Each node's proxy follows it in its own time, and a connection that is open stays open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from demo.world import Change, World


def in_order(changes: Iterable[Change]) -> list[Change]:
    """Return the changes in the order in which they became true."""
    return sorted(changes, key=lambda change: change.version)


def judge(changes: Iterable[Change]) -> list[str]:
    """Return a sentence for each moment at which a claim did not hold."""
    judge = _Judge()
    return [complaint for change in in_order(changes) for complaint in judge.look_at(change)]


class _Judge:
    def __init__(self) -> None:
        self._world = World()
        self._named: set[tuple[str, str]] = set()
        self._leader: str | None = None
        self._former: str | None = None
        self._standing: set[str] = set()

    def look_at(self, change: Change) -> list[str]:
        """Take one change, and return what is wrong since then and was not before."""
        term_before = self._world.election.term
        self._world.apply(change)
        complaints = [*self._labels(), *self._status(term_before), *self._endpoints()]
        new = [one for one in complaints if one not in self._standing]
        self._standing = set(complaints)
        return [f"At resourceVersion {change.version} {one}." for one in new]

    def _labels(self) -> Iterator[str]:
        leaders = self._world.leaders
        if len(leaders) > 1:
            yield f"{_and(pod.name for pod in leaders.values())} carry the leader label at once"
        for uid, pod in leaders.items():
            if (pod.term or "", uid) not in self._named:
                yield f"{pod.name} carries the leader label for term {pod.term}, which the status never gave it"
            if uid != self._leader:
                self._leader, self._former = uid, self._leader

    def _status(self, term_before: int) -> Iterator[str]:
        election = self._world.election
        if election.term < term_before:
            yield f"the term in the status fell from {term_before} to {election.term}"
        if election.leader_uid is not None:
            self._named.add((str(election.term), election.leader_uid))

    def _endpoints(self) -> Iterator[str]:
        endpoints = self._world.endpoints
        pods = {endpoint.uid: str(endpoint.pod) for endpoint in endpoints}
        if len(pods) > 1:
            yield f"the Service routes to {_and(pods.values())} at once"
        for uid, name in pods.items():
            if uid is None or uid not in (self._leader, self._former):
                yield f"the Service routes to {name}, which is not the leader and was not the one before"
        if self._leader in pods:
            self._former = None


def _and(names: Iterable[str]) -> str:
    return " and ".join(sorted(names))
