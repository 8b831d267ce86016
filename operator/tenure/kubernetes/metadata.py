"""Nothing but metadata: a tenth of the bytes, enough to see what exists and what its labels are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tenure.election.pod import PodRef
from tenure.kubernetes.client import KubernetesClient, path_of

CHUNK_SIZE = 500


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a metadata-only list says of one object."""

    namespace: str
    name: str
    uid: str
    resource_version: int
    labels: Mapping[str, str]
    terminating: bool

    @property
    def ref(self) -> PodRef:
        """Name and UID, of a pod."""
        return PodRef(self.name, self.uid)


async def list_metadata(
    client: KubernetesClient, path: str, *, label_selector: str = "", from_cache: bool = False
) -> tuple[Metadata, ...]:
    """Return the metadata of all objects under a path.

    `from_cache` lets the API server answer from its watch cache, cheaply and perhaps a little late; otherwise the list
    shows everything that was acknowledged before it was begun. Raises ApiError.
    """
    query = {"labelSelector": label_selector} if label_selector else {}
    query |= {"resourceVersion": "0"} if from_cache else {"limit": str(CHUNK_SIZE)}
    items: list[Metadata] = []
    while True:
        answer = await client.list_metadata(path, **query)
        items += [
            Metadata(
                namespace=item["metadata"].get("namespace", ""),
                name=item["metadata"]["name"],
                uid=item["metadata"]["uid"],
                resource_version=int(item["metadata"]["resourceVersion"]),
                labels=item["metadata"].get("labels") or {},
                terminating="deletionTimestamp" in item["metadata"],
            )
            for item in answer.get("items") or ()
        ]
        proceed = (answer.get("metadata") or {}).get("continue")
        if not proceed:
            return tuple(items)
        query["continue"] = proceed


async def read_namespace_uid(client: KubernetesClient, name: str) -> str:
    """Return a namespace's UID, which tells clusters apart. Raises ApiError."""
    answer = await client.get(path_of("api", "v1", "namespaces", name))
    return str(answer["metadata"]["uid"])
