"""A fresh namespace in which a test plays: workloads, elections, and watchers from the first event on."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from cluster_support.follower import version_of
from cluster_support.kubernetes import (
    FORGER,
    Kubernetes,
    Object,
    Refused,
    elections_path,
    pods_path,
    statefulsets_path,
)
from cluster_support.manifests import create_namespace, leader_election, stateful_set
from cluster_support.views import FOLLOWER, LEADER, ROLE, TERM, ElectionView, PodView
from cluster_support.watchers import Watchers
from environment import Environment

SHORT = {"durationSeconds": 3, "renewDeadlineSeconds": 2, "renewIntervalSeconds": 1}
"""The shortest lease, for tests that wait for its end."""

_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_TIMEOUT_S = 10.0
_LOOK_EVERY_S = 0.05
"""What the watchers see ends a wait at once; this is for the rest, such as a log or the bucket."""

_numbers = itertools.count(1)


class Missing(LookupError):
    """What was asked for is not there (now)."""


class Scene:
    """One namespace and everything in it, as its watchers see it. `web` is the name of whatever has no other."""

    def __init__(self, environment: Environment, *, namespace: str = "") -> None:
        """Make the namespace; a new name unless one is given."""
        self.environment = environment
        self.namespace = namespace or f"scene-{next(_numbers)}"
        self.kubernetes = Kubernetes(environment)
        create_namespace(self.kubernetes, self.namespace)
        self.watchers = Watchers(self.kubernetes, self.namespace)

    # Acting

    def run_pods(
        self, replicas: int, *, name: str = "web", labels: Mapping[str, str] | None = None, wait: bool = True
    ) -> None:
        """Create a StatefulSet whose pods all start at once, and return when they are Ready."""
        body = stateful_set(name, replicas, labels=labels)
        self.kubernetes.create(statefulsets_path(self.namespace), body)
        if wait:
            self.wait(
                lambda: sum(pod.ready and pod.labels["app"] == name for pod in self.pods) == replicas,
                f"{replicas} pods of {name} are Ready",
            )

    def run_pod(self, name: str, *, labels: Mapping[str, str] | None = None, node: str | None = None) -> None:
        """Create a pod that nobody creates again when it ends, and return when it is Ready."""
        pod = {
            "metadata": {"name": name, "labels": {"app": "web", **(labels or {})}},
            "spec": {"containers": [{"name": "main", "image": "none"}], **({"nodeName": node} if node else {})},
        }
        self.kubernetes.create(pods_path(self.namespace), pod)
        self.wait(lambda: self.pod(name).ready, f"{name} is Ready")

    def scale(self, replicas: int, *, name: str = "web") -> None:
        """Set the number of a StatefulSet's pods."""
        self.kubernetes.patch(statefulsets_path(self.namespace, name), {"spec": {"replicas": replicas}})

    def elect(self, name: str = "web", *, selector: Object | None = None, **spec: Any) -> None:
        """Create an election; it selects the pods of the StatefulSet `web` unless told otherwise."""
        body = leader_election(name, selector or {"matchLabels": {"app": "web"}}, **spec)
        uid = self.kubernetes.create(elections_path(self.namespace), body)["metadata"]["uid"]
        self.wait(lambda: any(view.uid == uid for view in self._elections.values()), f"the election {name} is seen")

    def change(self, name: str = "web", **spec: Any) -> None:
        """Change fields of an election's spec, and return when the watchers have seen it."""
        changed = self.kubernetes.patch(elections_path(self.namespace, name), {"spec": spec})
        generation = changed["metadata"]["generation"]
        self.wait(lambda: self.election(name).generation >= generation, f"the change of {name} is seen")

    def wait_until_observed(self, name: str = "web") -> None:
        """Return when an election's status is about its present spec."""
        self.wait(lambda: self.election(name).observed, f"the spec of {name} is observed")

    def delete_election(self, name: str = "web") -> None:
        """Delete an election, and return when the watchers have seen it."""
        self.kubernetes.delete(elections_path(self.namespace, name))
        self.wait(lambda: name not in self._elections, f"the election {name} is gone")

    def serve(self, name: str = "web") -> None:
        """Create a Service of the leader of an election."""
        self.kubernetes.create(
            f"/api/v1/namespaces/{self.namespace}/services",
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": name},
                "spec": {"selector": {ROLE + name: LEADER}, "ports": [{"port": 80}]},
            },
        )

    def delete_pod(self, pod: PodView) -> None:
        """Delete a pod, and return when the watchers have seen it."""
        self.kubernetes.delete(pods_path(self.namespace, pod.name))
        self.wait(
            lambda: all(other.uid != pod.uid or other.terminating for other in self.pods), f"{pod.name} is terminating"
        )

    def set_ready(self, pod: PodView, ready: bool, *, since: str = "2030-01-01T00:00:00Z") -> None:
        """Write a pod's Ready condition, as its kubelet would, and return when the watchers have seen it."""
        condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": since}
        self.kubernetes.patch(f"{pods_path(self.namespace, pod.name)}/status", {"status": {"conditions": [condition]}})
        self.wait(lambda: self.pod(pod.name).ready is ready, f"{pod.name} is seen {'Ready' if ready else 'not Ready'}")

    def finish(self, pod: PodView) -> None:
        """End a pod as a container does that is done, and return when the watchers have seen it."""
        condition = {"type": "Ready", "status": "False", "reason": "PodCompleted"}
        status = {"phase": "Succeeded", "conditions": [condition]}
        self.kubernetes.patch(f"{pods_path(self.namespace, pod.name)}/status", {"status": status})
        self.wait(lambda: self.pod(pod.name).body["status"]["phase"] == "Succeeded", f"{pod.name} is seen finished")

    @contextmanager
    def cordoned(self, node: str) -> Iterator[None]:
        """Cordon a node, as `kubectl cordon` does, and uncordon it in the end."""
        path = f"/api/v1/nodes/{node}"
        self.kubernetes.patch(path, {"spec": {"unschedulable": True}})
        try:
            yield
        finally:
            self.kubernetes.patch(path, {"spec": {"unschedulable": None}})

    @contextmanager
    def frozen_labels(self, name: str, *, reason: str = "Invalid") -> Iterator[str]:
        """Have the API server refuse every change of one pod's labels, as a policy may; yields what it says of that."""
        message = f"The labels of {name} are frozen."
        kind, policy = f"{_ADMISSION}/validatingadmissionpolicies", f"{self.namespace}-{name}"
        validation = {
            "expression": f"object.metadata.name != '{name}' || object.metadata.labels == oldObject.metadata.labels",
            "message": message,
            "reason": reason,
        }
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["pods"]}
        here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.namespace}}}
        self.kubernetes.create(
            kind,
            {
                "metadata": {"name": policy},
                "spec": {"matchConstraints": {"resourceRules": [rule], **here}, "validations": [validation]},
            },
        )
        binding = {"metadata": {"name": policy}, "spec": {"policyName": policy, "validationActions": ["Deny"]}}
        self.kubernetes.create(f"{_ADMISSION}/validatingadmissionpolicybindings", binding)
        try:
            self.wait(lambda: self._labels_are_frozen(name), "the policy is in force")
            yield message
        finally:
            self.kubernetes.delete(f"{_ADMISSION}/validatingadmissionpolicybindings/{policy}")
            self.kubernetes.delete(f"{kind}/{policy}")
        self.wait(lambda: not self._labels_are_frozen(name), "the policy is no longer in force")

    def _labels_are_frozen(self, name: str) -> bool:
        try:
            self.kubernetes.patch(pods_path(self.namespace, name), {"metadata": {"labels": {"try": ""}}}, dry_run=True)
        except Refused:
            return True
        return False

    def forge(self, pod: PodView, labels: Mapping[str, str | None]) -> None:
        """Write labels that only the operator should write, and return when the watchers have seen it.

        None takes a label off.
        """
        path = pods_path(self.namespace, pod.name)
        forged = version_of(self.kubernetes.patch(path, {"metadata": {"labels": labels}}, manager=FORGER))
        # What a test waits for afterwards was so before, too: only later versions tell whether it is so again.
        self.wait(lambda: version_of(self.pod(pod.name).body) >= forged, f"the forged labels of {pod.name} are seen")

    # Looking

    @property
    def pods(self) -> list[PodView]:
        """All pods, by name."""
        return self.watchers.pods.pods()

    def pod(self, name: str) -> PodView:
        """The pod that has this name now. Raises Missing."""
        for pod in self.pods:
            if pod.name == name:
                return pod
        raise Missing(f"There is no pod {name}.")

    @property
    def _elections(self) -> dict[str, ElectionView]:
        return self.watchers.elections.elections()

    def election(self, name: str = "web") -> ElectionView:
        """An election. Raises Missing."""
        try:
            return self._elections[name]
        except KeyError:
            raise Missing(f"There is no election {name}.") from None

    def leader(self, election: str = "web") -> PodView | None:
        """The pod that leads, when status and labels agree on it and it is there; else None."""
        view = self._elections.get(election)
        labelled = [pod for pod in self.pods if pod.role(election) == LEADER]
        if view is None or len(labelled) != 1 or labelled[0].uid != view.leader_uid:
            return None
        return labelled[0] if labelled[0].term(election) == str(view.term) else None

    def followers(self, election: str = "web") -> list[PodView]:
        """The pods with the follower label that are not on their way out."""
        return [pod for pod in self.pods if pod.role(election) == FOLLOWER and not pod.terminating]

    def endpoints(self, service: str = "web") -> list[str]:
        """The ready addresses behind a Service."""
        return self.watchers.endpoints.addresses(service)

    def events(self) -> list[Object]:
        """The namespace's events about elections."""
        listed = self.kubernetes.get(f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events")["items"]
        return [event for event in listed if event["regarding"]["kind"] == "LeaderElection"]

    def told(self) -> list[tuple[str, str]]:
        """The reason and the text of each of those events."""
        return [(event["reason"], event["note"]) for event in self.events()]

    # Waiting

    def wait(self, condition: Callable[[], object], what: str, *, timeout_s: float = _TIMEOUT_S) -> None:
        """Return once a condition holds, or fail with everything that is known. Of what is missing, none holds."""
        until_s = time.monotonic() + timeout_s
        while True:
            self.watchers.news.clear()
            began_s = time.monotonic()
            try:
                if condition():
                    return
            except Missing:
                pass
            looked_s = time.monotonic() - began_s
            if began_s >= until_s:
                raise AssertionError(
                    f"Within {timeout_s:g} seconds, this did not become true: {what} (in {self.namespace})\n{self}"
                )
            time.sleep(2 * looked_s)  # Looking must not take what the operator needs to work.
            self.watchers.news.wait(_LOOK_EVERY_S)

    def wait_for_leader(
        self, election: str = "web", *, after: int = 0, but: PodView | None = None, timeout_s: float = _TIMEOUT_S
    ) -> PodView:
        """Return the leader once there is one in a term above `after` that is not `but`, and its routing is settled."""
        found: list[PodView] = []

        def led() -> bool:
            leader, view = self.leader(election), self._elections.get(election)
            is_new = leader is not None and view is not None and view.term > after
            if not is_new or leader is None or view is None or (but is not None and leader.uid == but.uid):
                return False
            found[:] = [leader]
            return view.condition("Routed") == "True (Routed)"

        self.wait(led, f"{election} has a leader in a term above {after}", timeout_s=timeout_s)
        return found[0]

    def wait_for_condition(self, kind: str, said: str, *, election: str = "web", timeout_s: float = _TIMEOUT_S) -> None:
        """Return once a condition of an election reads like `True (Reason)`."""
        self.wait(
            lambda: self.election(election).condition(kind) == said,
            f"{election} has {kind} {said}",
            timeout_s=timeout_s,
        )

    def __str__(self) -> str:
        views = [*map(str, self._elections.values()), *map(str, self.pods[:20])]
        return "\n".join([f"--- {self.namespace} now:", *views, str(self.watchers.findings)])

    def delete_namespace(self) -> None:
        """Delete the namespace and all that is in it, without waiting for that."""
        self.kubernetes.delete(f"/api/v1/namespaces/{self.namespace}")

    def close(self) -> None:
        """Check the guarantees one last time, and delete the namespace."""
        try:
            self.watchers.check()
        finally:
            self.watchers.stop()
            self.delete_namespace()


def term_key(election: str = "web") -> str:
    """Return the key of an election's term label."""
    return TERM + election


def role_key(election: str = "web") -> str:
    """Return the key of an election's role label."""
    return ROLE + election
