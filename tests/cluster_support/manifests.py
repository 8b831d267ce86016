"""What tests create again and again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_support.kubernetes import Kubernetes, Object
from environment import wait_until


def create_namespace(kubernetes: Kubernetes, name: str) -> None:
    """Create a namespace, and return when pods can be created in it."""
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    kubernetes.create("/api/v1/namespaces", body)
    account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
    wait_until(lambda: kubernetes.find(account) is not None, f"{name} has its service account")


def stateful_set(
    name: str,
    replicas: int,
    *,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    grace_s: int = 1,
) -> Object:
    """Return a StatefulSet whose pods all start at once, labelled `app` with its name."""
    template = {
        "metadata": {"labels": {"app": name, **(labels or {})}, "annotations": dict(annotations or {})},
        "spec": {"containers": [{"name": "main", "image": "none"}], "terminationGracePeriodSeconds": grace_s},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "serviceName": name,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": {"app": name}},
            "template": template,
        },
    }


def leader_election(name: str, selector: Object, **spec: Any) -> Object:
    """Return an election among the pods of a selector."""
    return {
        "apiVersion": "tenure.dev/v1alpha1",
        "kind": "LeaderElection",
        "metadata": {"name": name},
        "spec": {"selector": selector, **spec},
    }
