"""The modelled Kubernetes API: the objects of one namespace as JSON, and the requests that Tenure makes."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any

from model import json_patch
from tenure.api import PLURAL
from tenure.api.resource import parse_resource
from tenure.election.pod import Pod
from tenure.election.resource import Resource
from tenure.kubernetes.pods import parse_pod

NAMESPACE = "shop"
NAMESPACE_UID = "uid-of-shop"
PODS = "pods"
SERVICES = "services"
SLICES = "endpointslices"

Answer = tuple[int, bytes]
"""Status and content, as HTTP brings them."""

_PATH = re.compile(r"/api(?:s/[^/]+)?/[^/]+(?:/namespaces/([^/]+))?(?:/([a-z]+)(?:/([^/]+))?(/status)?)?")
_MEMORY = 200
"""Changes that a list from the server's cache may not have seen yet are among the last so many."""


class Stored:
    """One version of an object."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])

    @property
    def uid(self) -> str:
        return str(self.body["metadata"]["uid"])

    @property
    def version(self) -> int:
        return int(self.body["metadata"]["resourceVersion"])

    @cached_property
    def pod(self) -> Pod:
        """What elections look at, of a pod."""
        return parse_pod(self.body)

    @cached_property
    def resource(self) -> Resource:
        """What the core sees, of an election."""
        return parse_resource(self.body)

    @cached_property
    def json(self) -> bytes:
        return json.dumps(self.body).encode()

    @cached_property
    def metadata_json(self) -> bytes:
        """The object in a list of metadata."""
        return json.dumps({"metadata": self.body["metadata"]}).encode()


@dataclass(frozen=True, slots=True)
class Change:
    """What made `version` of one object: `before` is None for a new one, `after` for one that exists no more."""

    kind: str
    before: Stored | None
    after: Stored | None
    version: int

    @property
    def object(self) -> Stored:
        """The object as it is now, or was last: then in the version that ended it."""
        if self.after is not None:
            return self.after
        assert self.before is not None
        metadata = {**self.before.body["metadata"], "resourceVersion": str(self.version)}
        return Stored({**self.before.body, "metadata": metadata})


class ApiServer:
    """Linearizable objects with versions. `clock` returns seconds; `on_change` are called within each change."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._version = 100
        self._objects: dict[str, dict[str, Stored]] = {PODS: {}, PLURAL: {}, SERVICES: {}, SLICES: {}}
        self._recent: deque[tuple[float, Change]] = deque(maxlen=_MEMORY)
        self.on_change: list[Callable[[Change], None]] = []
        self.cache_lag_s = 0.0
        """How far a list from the server's cache is behind."""
        self.refuses: Callable[[str, str], bool] = lambda _kind, _name: False
        """Whether a policy refuses changes of an object that come as requests."""
        self.requests = 0
        self.writes = 0

    # What others than requests do

    def objects(self, kind: str) -> Mapping[str, Stored]:
        """The objects of a kind by name."""
        return self._objects[kind]

    def put(self, kind: str, body: dict[str, Any]) -> Stored:
        """Create or replace an object; one that would stay the same keeps its version."""
        name = body["metadata"]["name"]
        before = self._objects[kind].get(name)
        if before is not None and body == before.body:
            return before
        self._version += 1
        metadata = {**body["metadata"], "namespace": NAMESPACE, "resourceVersion": str(self._version)}
        after = Stored({**body, "metadata": metadata})
        self._objects[kind][name] = after
        self._tell(Change(kind, before, after, self._version))
        return after

    def remove(self, kind: str, name: str) -> None:
        """Let an object exist no more."""
        before = self._objects[kind].pop(name)
        self._version += 1
        self._tell(Change(kind, before, None, self._version))

    # Requests

    def serve(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Answer:
        """Answer one request."""
        self.requests += 1
        if path == "/version":
            return _ok({"major": "1"})
        match = _PATH.fullmatch(path)
        assert match is not None, path
        namespace, kind, name, subresource = match.groups()
        if namespace not in (None, NAMESPACE):
            is_list = method == "GET" and kind is not None and name is None
            return _ok({"items": []}) if is_list else _absent("namespaces", str(namespace))
        if kind is None:
            return _ok({"metadata": {"name": NAMESPACE, "uid": NAMESPACE_UID}})
        if method == "POST":
            return self._create_slice(body) if kind == SLICES else (HTTPStatus.CREATED, b"{}")  # Nobody reads events.
        if name is None:
            return self._list(kind, query)
        stored = self._objects[kind].get(name)
        if stored is None:
            return _absent(kind, name)
        if method == "GET":
            return HTTPStatus.OK, stored.json
        self.writes += 1
        if self.refuses(kind, name):
            return _refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "admission webhook denied the request")
        if kind == SLICES:
            return self._delete_slice(stored, body) if method == "DELETE" else self._patch_slice(stored, body)
        return self._patch_status(stored, body) if subresource else self._patch_pod(stored, body)

    def _list(self, kind: str, query: Mapping[str, str]) -> Answer:
        found = self._as_of(kind, self._clock() - self.cache_lag_s if query.get("resourceVersion") == "0" else None)
        wanted = [one.partition("=") for one in query.get("labelSelector", "").split(",") if one]
        items = []
        for stored in found:
            labels = stored.body["metadata"].get("labels") or {}
            if all(key in labels and (not has_value or labels[key] == value) for key, has_value, value in wanted):
                items.append(stored.json if kind == SLICES else stored.metadata_json)
        return HTTPStatus.OK, b'{"metadata": {}, "items": [%s]}' % b", ".join(items)

    def _as_of(self, kind: str, at_s: float | None) -> Iterable[Stored]:
        if at_s is None:
            return self._objects[kind].values()
        objects = dict(self._objects[kind])
        for changed_at_s, change in reversed(self._recent):
            if changed_at_s <= at_s:
                break
            if change.kind == kind:
                if change.before is None:
                    objects.pop(change.object.name, None)
                else:
                    objects[change.object.name] = change.before
        return objects.values()

    def _create_slice(self, body: dict[str, Any]) -> Answer:
        self.writes += 1
        name = body["metadata"]["name"]
        if name in self._objects[SLICES]:
            return _refusal(HTTPStatus.CONFLICT, f"{name} already exists")
        identified = {**body, "metadata": {**body["metadata"], "uid": f"{name}.{self._version + 1}"}}
        return HTTPStatus.CREATED, self.put(SLICES, identified).json

    def _delete_slice(self, stored: Stored, options: dict[str, Any]) -> Answer:
        if options["preconditions"]["resourceVersion"] != stored.body["metadata"]["resourceVersion"]:
            return _refusal(HTTPStatus.CONFLICT, "the object has been modified")
        self.remove(SLICES, stored.name)
        return _ok({})

    def _patch_slice(self, stored: Stored, patch: dict[str, Any]) -> Answer:
        if not _is_of_this_version(stored, patch):
            return _refusal(HTTPStatus.CONFLICT, "the object has been modified")
        return HTTPStatus.OK, self.put(SLICES, _merge(stored.body, patch)).json

    def _patch_pod(self, stored: Stored, operations: list[dict[str, Any]]) -> Answer:
        try:
            changed = json_patch.apply(stored.body, operations)
        except (json_patch.TestFailed, json_patch.PathMissing) as error:
            return _refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"the server rejected our request: {error}")
        return HTTPStatus.OK, self.put(PODS, changed).json

    def _patch_status(self, stored: Stored, patch: dict[str, Any]) -> Answer:
        if not _is_of_this_version(stored, patch):
            return _refusal(HTTPStatus.CONFLICT, "the object has been modified")
        status = _merge(stored.body.get("status") or {}, patch["status"])
        return HTTPStatus.OK, self.put(PLURAL, {**stored.body, "status": status}).json

    def _tell(self, change: Change) -> None:
        self._recent.append((self._clock(), change))
        for tell in list(self.on_change):
            tell(change)


def _is_of_this_version(stored: Stored, patch: Mapping[str, Any]) -> bool:
    expected = (patch.get("metadata") or {}).get("resourceVersion")
    return expected in (None, stored.body["metadata"]["resourceVersion"])


def _merge(target: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a JSON Merge Patch (RFC 7396)."""
    merged = dict(target)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            below = merged.get(name)
            merged[name] = _merge(below if isinstance(below, dict) else {}, value)
        else:
            merged[name] = value
    return merged


def _ok(body: dict[str, Any]) -> Answer:
    return HTTPStatus.OK, json.dumps(body).encode()


def _refusal(status: HTTPStatus, message: str) -> Answer:
    return status, json.dumps({"message": message}).encode()


def _absent(kind: str, name: str) -> Answer:
    status = {
        "kind": "Status",
        "reason": "NotFound",
        "message": f'{kind} "{name}" not found',
        "details": {"name": name},
    }
    return HTTPStatus.NOT_FOUND, json.dumps(status).encode()
