"""The guarantees, checked against every single change that the API server made."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping

from cluster_support.follower import Follower, version_of
from cluster_support.kubernetes import Kubernetes, Object, elections_path, pods_path, slices_path
from cluster_support.views import LEADER, ROLE, TERM, ElectionView, PodView

_TIMELINE_LENGTH = 60

Reign = tuple[str, int, str]
"""Election, term, and the UID of the pod that leads in it."""


class Findings:
    """What broke a guarantee, and what happened lately."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.timeline: list[str] = []
        self._began_s = time.monotonic()

    def note(self, what: str) -> None:
        self.timeline.append(f"{time.monotonic() - self._began_s:8.3f}  {what}")

    def fail(self, what: str) -> None:
        self.failures.append(what)
        self.note(f"BROKEN: {what}")

    def __str__(self) -> str:
        return "\n".join([*self.failures, "--- what happened last:", *self.timeline[-_TIMELINE_LENGTH:]])


class PodRules:
    """Told every version of every pod in order, finds any moment at which one of these is not so.

    * No two pods carry the leader label of one election (G3).
    * A leader label stands beside a term, and no two pods carry it in the same term (G1).
    * A term label neither falls nor vanishes (G2, and what G3 rests on).

    Labels that somebody else wrote last (see `PodView.is_forged`) are left out of account.
    """

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.crowned: dict[Reign, int] = {}
        """For each reign, the resourceVersion at which its leader label was there first."""

    def see(self, before: Object | None, after: Object | None, objects: Mapping[str, Object]) -> None:
        old = PodView(before) if before is not None else None
        if after is None:
            self._findings.note(f"{old} is gone")
            return
        new = PodView(after)
        version = version_of(after)
        if old is None or str(old) != str(new):
            self._findings.note(f"{new} at {version}")
        self._check_terms(old, new)
        for key in new.labels:
            if key.startswith(ROLE) and new.labels[key] == LEADER and not new.is_forged(key):
                self._check_leader(new, key.removeprefix(ROLE), version, objects)

    def _check_terms(self, old: PodView | None, new: PodView) -> None:
        for key, value in (old.labels if old is not None else {}).items():
            if not key.startswith(TERM) or not value.isdecimal() or (old is not None and old.is_forged(key)):
                continue
            present = new.labels.get(key)
            if present is None:
                self._findings.fail(f"G2: the label {key} of {new.name} vanished; it was {value}.")
            elif not new.is_forged(key) and (not present.isdecimal() or int(present) < int(value)):
                self._findings.fail(f"G2: the label {key} of {new.name} fell from {value} to {present}.")

    def _check_leader(self, leader: PodView, election: str, version: int, objects: Mapping[str, Object]) -> None:
        leaders = [
            pod
            for pod in map(PodView, objects.values())
            if pod.role(election) == LEADER and not pod.is_forged(ROLE + election)
        ]
        if len(leaders) > 1:
            self._findings.fail(
                f"G3: at {version} there were two leaders of {election}: {leaders[0]} and {leaders[1]}."
            )
        term = leader.term(election)
        if leader.is_forged(TERM + election):
            return
        if term is None or not term.isdecimal():
            self._findings.fail(f"G3: at {version} the leader label of {leader.name} had the term {term!r}.")
        else:
            reign = (election, int(term), leader.uid)
            for other in self.crowned:
                if other[:2] == reign[:2] and other[2] != reign[2]:
                    self._findings.fail(
                        f"G1: term {term} of {election} was that of two pods: {other[2]}, {leader.uid}."
                    )
            self.crowned.setdefault(reign, version)


class StatusRules:
    """Told every version of every election in order, finds any status by which one of these is not so.

    * Term and floor never fall (G4), nor does the term when an election is deleted and created again (G2).
    * A term is that of one holder (G1).
    """

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._terms: dict[str, int] = {}
        self._holders: dict[tuple[str, int], str | None] = {}
        self.announced: dict[Reign, int] = {}
        """For each reign, the resourceVersion at which the status said so first."""

    def see(self, before: Object | None, after: Object | None, _: Mapping[str, Object]) -> None:
        old = ElectionView(before) if before is not None else None
        if after is None:
            self._findings.note(f"{old} is gone")
            return
        new = ElectionView(after)
        version = version_of(after)
        if old is None or str(old) != str(new):
            self._findings.note(f"{new} at {version}")
        if old is not None and (new.term < old.term or new.floor < old.floor):
            self._findings.fail(f"G4: the status of {new.name} went back from {old} to {new}.")
        if not new.term:
            return
        if new.term < self._terms.get(new.name, 0):
            self._findings.fail(f"G2: the term of {new.name} fell from {self._terms[new.name]} to {new.term}.")
        self._terms[new.name] = new.term
        holder = self._holders.setdefault((new.name, new.term), new.holder)
        if holder != new.holder:
            self._findings.fail(f"G1: term {new.term} of {new.name} was that of {holder} and of {new.holder}.")
        if new.leader_uid is not None:
            self.announced.setdefault((new.name, new.term, new.leader_uid), version)


def unannounced(crowned: Mapping[Reign, int], announced: Mapping[Reign, int]) -> Iterator[str]:
    """Yield a sentence for each reign whose label came before the status said so (G3)."""
    for reign, version in crowned.items():
        said = announced.get(reign)
        if said is None or said >= version:
            yield f"G3: the label of {reign} came at {version}, before the status (at {said})."


class PodWatcher(PodRules):
    """Follows every pod of a namespace, and checks the rules."""

    def __init__(self, kubernetes: Kubernetes, namespace: str, findings: Findings, news: threading.Event) -> None:
        super().__init__(findings)
        self.follower = Follower(kubernetes, pods_path(namespace), self.see, news)

    def pods(self) -> list[PodView]:
        return sorted((PodView(body) for body in self.follower.objects()), key=lambda pod: pod.name)


class StatusWatcher(StatusRules):
    """Follows every election of a namespace, and checks the rules."""

    def __init__(self, kubernetes: Kubernetes, namespace: str, findings: Findings, news: threading.Event) -> None:
        super().__init__(findings)
        self.follower = Follower(kubernetes, elections_path(namespace), self.see, news)

    def elections(self) -> dict[str, ElectionView]:
        return {view.name: view for view in map(ElectionView, self.follower.objects())}


class EndpointWatcher:
    """Follows the EndpointSlices of a namespace: those of a Service of a leader never hold two addresses."""

    def __init__(self, kubernetes: Kubernetes, namespace: str, findings: Findings, news: threading.Event) -> None:
        self._findings = findings
        self.follower = Follower(kubernetes, slices_path(namespace), self._check, news)

    def addresses(self, service: str) -> list[str]:
        """The addresses behind a Service, of pods that are ready."""
        return [address for body in self.follower.objects() if _service(body) == service for address in _ready(body)]

    def _check(self, before: Object | None, after: Object | None, objects: Mapping[str, Object]) -> None:
        if after is None or (before is not None and _ready(before) == _ready(after)):
            return
        service = _service(after)
        slices = [body for body in objects.values() if _service(body) == service]
        self._findings.note(f"endpoints of {service}: {[address for body in slices for address in _ready(body)]}")
        for family in ("IPv4", "IPv6"):  # An endpoint of both families has an address in a slice of each.
            addresses = [address for body in slices if body["addressType"] == family for address in _ready(body)]
            if len(addresses) > 1:
                self._findings.fail(f"The Service {service} had two endpoints: {addresses}.")


class Watchers:
    """All three for one namespace."""

    def __init__(self, kubernetes: Kubernetes, namespace: str) -> None:
        self.findings = Findings()
        self.news = threading.Event()
        """Set whenever anything has changed."""
        self.pods = PodWatcher(kubernetes, namespace, self.findings, self.news)
        self.elections = StatusWatcher(kubernetes, namespace, self.findings, self.news)
        self.endpoints = EndpointWatcher(kubernetes, namespace, self.findings, self.news)

    def check(self) -> None:
        """Fail if a guarantee was ever broken up to now."""
        for watcher in (self.elections, self.pods, self.endpoints):
            watcher.follower.catch_up()
        for complaint in unannounced(self.pods.crowned, self.elections.announced):
            self.findings.fail(complaint)
        assert not self.findings.failures, str(self.findings)

    def stop(self) -> None:
        for watcher in (self.pods, self.elections, self.endpoints):
            watcher.follower.stop()


def _service(body: Object) -> str:
    return str((body["metadata"].get("labels") or {}).get("kubernetes.io/service-name", ""))


def _ready(body: Object) -> list[str]:
    return [one["addresses"][0] for one in body.get("endpoints") or () if one["conditions"].get("ready")]
