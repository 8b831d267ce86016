"""Events (events.k8s.io/v1) regarding an election, related to a pod."""

from __future__ import annotations

from typing import Any

from tenure.api import GROUP, KIND, VERSION
from tenure.election.clock import rfc3339
from tenure.election.effects import Announce
from tenure.election.resource import Resource
from tenure.kubernetes.client import KubernetesClient, path_of

CONTROLLER = "tenure.dev/operator"
MAX_NOTE_LENGTH = 1024
"""Bytes that events.k8s.io allows a note."""


async def post_event(
    client: KubernetesClient, resource: Resource, news: Announce, *, instance: str, wall_s: float
) -> None:
    """Post one event. Raises ApiError."""
    body: dict[str, Any] = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"generateName": f"{resource.name[:40]}-", "namespace": resource.namespace},
        "eventTime": rfc3339(wall_s),
        "reportingController": CONTROLLER,
        "reportingInstance": instance[:128],
        "action": news.reason,
        "reason": news.reason,
        "type": "Warning" if news.warning else "Normal",
        "note": news.note.encode()[:MAX_NOTE_LENGTH].decode(errors="ignore"),
        "regarding": {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            "namespace": resource.namespace,
            "name": resource.name,
            "uid": resource.uid,
        },
    }
    if news.pod is not None:
        body["related"] = {
            "apiVersion": "v1",
            "kind": "Pod",
            "namespace": resource.namespace,
            "name": news.pod.name,
            "uid": news.pod.uid,
        }
    await client.create(path_of("apis", "events.k8s.io", "v1", "namespaces", resource.namespace, "events"), body)
