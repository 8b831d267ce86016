"""The modelled API server: what `KubernetesClient` asks of it, on objects in memory.

Nothing here waits, unless a test says so. What it serves is what Tenure asks for: objects by path, lists of metadata by
namespace and label selector, merge patches with a version, and JSON patches.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections.abc import Callable, Mapping
from typing import Any, cast

from model import json_patch
from tenure.api import GROUP, KIND, PLURAL, VERSION
from tenure.election.selector import parse_selector
from tenure.kubernetes.client import KubernetesClient
from tenure.kubernetes.errors import Conflict, Invalid, NotFound

Object = dict[str, Any]

PODS = "/api/v1/namespaces/{}/pods"
ELECTIONS = f"/apis/{GROUP}/{VERSION}/namespaces/{{}}/{PLURAL}"


class ModelApi:
    """Objects by their paths. `requests` notes what was asked: method and path.

    `trouble(request)` may return an error that the request is answered with. `latency_s` is how long each takes, half
    of it before it is carried out. `watchers` are called with `ADDED`, `MODIFIED` or `DELETED` and the object.
    """

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.requests: list[str] = []
        self.latency_s = 0.0
        self.trouble: Callable[[str], Exception | None] = lambda _: None
        self.cached: dict[str, Object] | None = None
        """What the server's own cache shows, when that is behind."""
        self.watchers: list[Callable[[str, Object], None]] = []
        self._versions = itertools.count(1)

    @property
    def client(self) -> KubernetesClient:
        """The model, for whoever asks for a client."""
        return cast(KubernetesClient, self)

    # What a client asks for.

    async def get(self, path: str, *_: Any, **__: Any) -> Object:
        await self._begin(f"GET {path}")
        return await self._answer(self._find(path))

    async def list_metadata(self, path: str, **query: str) -> Object:
        await self._begin(f"LIST {path}")
        selector = parse_selector(query["labelSelector"]) if query.get("labelSelector") else None
        *_, kind = path.split("/")
        listed = self.objects if self.cached is None or query.get("resourceVersion") != "0" else self.cached
        items = [
            {"metadata": found["metadata"]}
            for where, found in listed.items()
            if where.split("/")[-2] == kind
            and (where.startswith(f"{path}/") or "/namespaces/" not in path)
            and (selector is None or selector.matches(found["metadata"].get("labels") or {}))
        ]
        return await self._answer({"items": items})

    async def create(self, path: str, body: Mapping[str, Any], **_: Any) -> Object:
        await self._begin(f"POST {path}")
        return await self._answer(dict(body))

    async def merge_patch(self, path: str, body: Mapping[str, Any], **_query: Any) -> Object:
        await self._begin(f"PATCH {path}")
        path, _, part = path.rpartition("/")
        assert part == "status", "nothing else is patched like this"
        found = self._find(path)
        if body["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"]:
            raise Conflict("The object has another version.")
        return await self._answer(self.put(path, {**found, "status": body["status"]}))

    async def json_patch(self, path: str, operations: list[Object], **_: Any) -> Object:
        await self._begin(f"PATCH {path}")
        try:
            changed = json_patch.apply(self._find(path), operations)
        except (json_patch.TestFailed, json_patch.PathMissing) as error:
            raise Invalid(str(error)) from error
        return await self._answer(self.put(path, changed))

    # What others do.

    def make_namespace(self, name: str, *, uid: str = "") -> None:
        """Make a namespace, or another one in its place."""
        self.put(f"/api/v1/namespaces/{name}", {"metadata": {"name": name, "uid": uid or f"uid-of-{name}"}})

    def make_pod(self, namespace: str, name: str, **labels: str) -> None:
        """Make a pod that is Ready."""
        metadata = {"namespace": namespace, "name": name, "uid": f"uid-of-{name}", "labels": labels}
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        self.put(f"{PODS.format(namespace)}/{name}", {"metadata": metadata, "status": status})

    def make_election(
        self, namespace: str, name: str, *, uid: str = "", spec: Object | None = None, **labels: str
    ) -> None:
        """Make an election among the pods with these labels, or change what it selects. `spec` has its other fields."""
        path = f"{ELECTIONS.format(namespace)}/{name}"
        metadata = {"namespace": namespace, "name": name, "uid": uid or f"uid-of-{name}", "generation": 1}
        status = self.objects.get(path, {}).get("status", {})
        asked = {"selector": {"matchLabels": labels}, **(spec or {})}
        self.put(path, {"kind": KIND, "metadata": metadata, "spec": asked, "status": status})

    def put(self, path: str, changed: Object) -> Object:
        """Store an object with its next version, and tell the watchers."""
        word = "MODIFIED" if path in self.objects else "ADDED"
        version = {"resourceVersion": str(next(self._versions))}
        self.objects[path] = {**changed, "metadata": {**changed["metadata"], **version}}
        self._tell(word, self.objects[path])
        return self.objects[path]

    def delete(self, path: str) -> None:
        """Remove an object, and tell the watchers."""
        self._tell("DELETED", self.objects.pop(path))

    def _tell(self, word: str, changed: Object) -> None:
        for watcher in list(self.watchers):
            watcher(word, copy.deepcopy(changed))

    def _find(self, path: str) -> Object:
        if path not in self.objects:
            raise NotFound(f"There is no {path}.")
        return self.objects[path]

    async def _begin(self, request: str) -> None:
        self.requests.append(request)
        if self.latency_s:
            await asyncio.sleep(self.latency_s / 2)
        error = self.trouble(request)
        if error is not None:
            raise error

    async def _answer(self, answer: Object) -> Object:
        answer = copy.deepcopy(answer)
        if self.latency_s:
            await asyncio.sleep(self.latency_s / 2)
        return answer
