"""Pods: what elections look at, and the labels that they write, each as one compare-and-set."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from tenure.election.clock import from_rfc3339
from tenure.election.effects import WriteLabels
from tenure.election.inputs import LabelOutcome, LabelsWritten
from tenure.election.labels import PodRole, role_key, term_key
from tenure.election.pod import Pod, PodRef
from tenure.kubernetes.client import KubernetesClient, Lane, path_of
from tenure.kubernetes.errors import ApiError, ApiUnavailable, Conflict, Invalid, NotFound, Refused

ORDINAL_LABEL = "apps.kubernetes.io/pod-index"

RETRY_S = 1.0


def parse_pod(body: Mapping[str, Any]) -> Pod:
    """Return what elections look at of a pod's JSON."""
    metadata, status = body["metadata"], body.get("status") or {}
    labels = metadata.get("labels")
    ready: Mapping[str, Any] = next((c for c in status.get("conditions") or () if c.get("type") == "Ready"), {})
    ordinal = (labels or {}).get(ORDINAL_LABEL, "")
    node = (body.get("spec") or {}).get("nodeName")
    return Pod(
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=int(metadata["resourceVersion"]),
        # Thousands of pods have the same keys and nodes: each is kept once.
        labels=None if labels is None else {sys.intern(key): value for key, value in labels.items()},
        ready=ready.get("status") == "True",
        ready_since_s=_time(ready.get("lastTransitionTime")),
        terminating="deletionTimestamp" in metadata,
        finished=status.get("phase") in ("Succeeded", "Failed"),
        ordinal=int(ordinal) if ordinal.isascii() and ordinal.isdecimal() and len(ordinal) < 10 else None,
        node=sys.intern(node) if node is not None else None,
    )


async def read_pod(client: KubernetesClient, namespace: str, ref: PodRef, *, lane: Lane = Lane.PROMPT) -> Pod | None:
    """Return this incarnation of a pod as the API has it now, None when it exists no more. Raises ApiError."""
    try:
        pod = parse_pod(await client.get(pod_path(namespace, ref.name), lane))
    except NotFound:
        return None
    return pod if pod.uid == ref.uid else None


async def insist_on_pod(client: KubernetesClient, namespace: str, ref: PodRef) -> Pod | None:
    """Return what `read_pod` does, asking again and again until the API answers, of a few pods at a time."""
    while True:
        try:
            return await read_pod(client, namespace, ref, lane=Lane.DOUBT)
        except ApiError:
            await asyncio.sleep(RETRY_S)


async def list_pods(
    client: KubernetesClient, namespace: str | None, label_selector: str = "", *, from_cache: bool = False
) -> list[dict[str, Any]]:
    """Return the JSON of the pods of a namespace, or of all, that a label selector finds.

    `from_cache` lets the API server answer from its watch cache, cheaply and perhaps a little late. Raises ApiError.
    """
    query = {"labelSelector": label_selector} if label_selector else {}
    query |= {"resourceVersion": "0"} if from_cache else {}
    return await client.list_items(pods_path(namespace), **query)


async def write_labels(client: KubernetesClient, namespace: str, election: str, write: WriteLabels) -> LabelsWritten:
    """Make one label write; see `WriteLabels`. Raises nothing that the API may answer."""
    ref = write.ref
    lane = Lane.PROMPT if PodRole.LEADER in (write.role, write.expected_role) else Lane.BULK
    try:
        answer = await client.json_patch(pod_path(namespace, ref.name), patch_of(election, write), lane=lane)
    except NotFound:
        return LabelsWritten(ref, LabelOutcome.GONE)
    except Invalid as error:
        return await _judge_refusal(client, namespace, election, write, str(error))
    except Refused as error:
        return LabelsWritten(ref, LabelOutcome.REFUSED, reason=str(error))
    except (ApiUnavailable, Conflict):
        return LabelsWritten(ref, LabelOutcome.UNAVAILABLE)
    return LabelsWritten(ref, LabelOutcome.APPLIED, parse_pod(answer))


def patch_of(election: str, write: WriteLabels) -> list[dict[str, Any]]:
    """Return the JSON Patch that tests the pod's UID and its term label, and then sets what is to be set."""
    role_path, term_path = _label_path(role_key(election)), _label_path(term_key(election))
    operations: list[dict[str, Any]] = [{"op": "test", "path": "/metadata/uid", "value": write.ref.uid}]
    if write.no_labels_map:
        # Without the map a test of a label fails even against null: test and add the map itself.
        operations.append({"op": "test", "path": "/metadata/labels", "value": None})
        operations.append({"op": "add", "path": "/metadata/labels", "value": {}})
    operations.append({"op": "test", "path": term_path, "value": write.expected_term})
    if write.role is PodRole.LEADER:
        operations.append({"op": "test", "path": role_path, "value": write.expected_role})
    if write.role is None:
        operations.append({"op": "remove", "path": role_path})
    else:
        operations.append({"op": "add", "path": role_path, "value": str(write.role)})
    if write.term is not None:
        operations.append({"op": "add", "path": term_path, "value": str(write.term)})
    return operations


def pods_path(namespace: str | None) -> str:
    """Return the path of a namespace's pods, or of all."""
    return path_of("api", "v1", *(("namespaces", namespace) if namespace else ()), "pods")


def pod_path(namespace: str, name: str) -> str:
    """Return a pod's path."""
    return pods_path(namespace) + path_of(name)


async def _judge_refusal(
    client: KubernetesClient, namespace: str, election: str, write: WriteLabels, reason: str
) -> LabelsWritten:
    """Tell a test that failed from a refusal for another reason: only the pod itself says."""
    ref = write.ref
    try:
        pod = await read_pod(client, namespace, ref)
    except (ApiUnavailable, Refused, Invalid, Conflict):
        return LabelsWritten(ref, LabelOutcome.UNAVAILABLE)
    if pod is None:
        return LabelsWritten(ref, LabelOutcome.GONE)
    role_is_another = write.role in (None, PodRole.LEADER) and pod.role(election) != write.expected_role
    if pod.term(election) != write.expected_term or (pod.labels is None) != write.no_labels_map or role_is_another:
        return LabelsWritten(ref, LabelOutcome.CHANGED, pod)
    return LabelsWritten(ref, LabelOutcome.REFUSED, pod, reason)


def _label_path(key: str) -> str:
    return "/metadata/labels/" + key.replace("~", "~0").replace("/", "~1")


def _time(text: str | None) -> float:
    try:
        return 0.0 if text is None else from_rfc3339(text)
    except ValueError:
        return 0.0
