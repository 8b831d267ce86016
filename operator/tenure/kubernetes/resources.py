"""`LeaderElection` resources: read, list, and write the status if the version is still the one decided on."""

from __future__ import annotations

from typing import Any

from tenure.api import GROUP, KIND, PLURAL, VERSION
from tenure.api.resource import parse_resource
from tenure.api.status import build_status
from tenure.election.effects import WriteStatus
from tenure.election.resource import Resource
from tenure.kubernetes.client import KubernetesClient, Lane, path_of


def resources_path(namespace: str | None) -> str:
    """Return the path of a namespace's elections, or of all."""
    return path_of("apis", GROUP, VERSION, *(("namespaces", namespace) if namespace else ()), PLURAL)


def resource_path(namespace: str, name: str) -> str:
    """Return the path of one election."""
    return f"{resources_path(namespace)}{path_of(name)}"


async def read_resource(client: KubernetesClient, namespace: str, name: str) -> Resource:
    """Return the resource as the API has it now. Raises ApiError, NotFound among them."""
    return parse_resource(await client.get(resource_path(namespace, name)))


async def write_status(client: KubernetesClient, namespace: str, name: str, write: WriteStatus) -> Resource:
    """Write the status and return the resource as it stands then. Raises ApiError; Conflict for another version."""
    body = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {"resourceVersion": str(write.resource_version)},
        "status": build_status(write.status),
    }
    lane = Lane.PROMPT if write.status.term else Lane.START
    return parse_resource(await client.merge_patch(f"{resource_path(namespace, name)}/status", body, lane=lane))


async def list_resources(client: KubernetesClient, namespace: str | None) -> list[dict[str, Any]]:
    """Return the JSON of all elections of a namespace, or of all namespaces. Raises ApiError."""
    return await client.list_items(resources_path(namespace))
