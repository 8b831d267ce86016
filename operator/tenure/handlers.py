"""Kopf watches; these handlers put what it saw into the controller. Nothing that must be in time runs in them."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Iterator
from typing import Any

import kopf
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory

from tenure.api import GROUP, PLURAL, VERSION
from tenure.api.resource import parse_resource
from tenure.kubernetes.access import log_in
from tenure.kubernetes.pods import parse_pod
from tenure.kubernetes.slices import ELECTION, MANAGED_BY, MANAGER
from tenure.runtime.controller import Controller

logger = logging.getLogger(__name__)

CHUNK_SIZE = 500
"""Objects in one answer of the first listing: 30,000 pods in one took 947 MB of memory, in these chunks 278 MB."""

WORKER_IDLE_S = 0.2
"""How long Kopf's worker for an object waits for the next event, with the last one in its hands. With Kopf's own five
seconds the workers of all objects are there together when a thousand elections start."""


class _WithoutEnd(Iterable[float]):
    """Seconds between attempts at a request. With an end, an API server that is away for longer ends the operator."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((0.2, 0.5, 1.0), itertools.repeat(2.0))


class _NoDiffBase(kopf.DiffBaseStorage):
    """Keeps no last state of objects: Kopf would copy each at each event, for a difference that nobody asks for."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        pass


class _NoProgress(kopf.ProgressStorage):
    """Keeps no progress of handlers, since those of events have none. Kopf's own would copy each object again."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        pass

    def purge(self, **_: Any) -> None:
        pass

    def touch(self, **_: Any) -> None:
        pass

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence


class NoMemories(ResourceMemories):
    """Keeps nothing of an object between its events: Kopf would keep a kilobyte of each, for handlers unlike ours."""

    async def recall(self, raw_body: kopf.RawBody, **settings: Any) -> ResourceMemory:
        """Return a memory for one event."""
        return await super().recall(raw_body, **{**settings, "ephemeral": True})


def build_registry(
    controller: Controller, *, kubeconfig: str | None, with_nodes: bool = False, with_slices: bool = False
) -> kopf.OperatorRegistry:
    """Return the handlers, bound to one controller. None of them makes Kopf add a finalizer or write anything."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        found = await log_in(kubeconfig)  # as the client does that writes: Kopf's own logins know fewer ways
        return kopf.ConnectionInfo(
            server=found.server,
            ca_path=found.ca_path,
            certificate_path=found.certificate_path,
            private_key_path=found.private_key_path,
            token=found.token,
            scheme="Bearer" if found.token else None,
            insecure=found.insecure,
        )

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def election(event: kopf.RawEvent, body: kopf.Body, **_: Any) -> None:
        if event["type"] is None:
            controller.wants_comparison.set()
        if event["type"] == "DELETED":
            metadata = body["metadata"]
            controller.lose_resource((metadata["namespace"], metadata["name"]), metadata["uid"])
        else:
            controller.see_resource(parse_resource(body))

    @kopf.on.event("", "v1", "pods", registry=registry)
    async def pod(event: kopf.RawEvent, body: kopf.Body, **_: Any) -> None:
        metadata = body["metadata"]
        if event["type"] is None:
            controller.wants_comparison.set()
        if event["type"] == "DELETED":
            controller.miss_pod(metadata["namespace"], parse_pod(body))
        else:
            controller.see_pod(metadata["namespace"], parse_pod(body))

    if with_slices:
        _watch_services(registry, controller)
    if with_nodes:
        _watch_nodes(registry, controller)
    return registry


def _watch_services(registry: kopf.OperatorRegistry, controller: Controller) -> None:
    @kopf.on.event("", "v1", "services", registry=registry)
    async def service(body: kopf.Body, **_: Any) -> None:
        metadata = body["metadata"]
        controller.see_service(metadata["namespace"], metadata["name"], int(metadata["resourceVersion"]))

    @kopf.on.event("discovery.k8s.io", "v1", "endpointslices", registry=registry)
    async def endpoint_slice(event: kopf.RawEvent, body: kopf.Body, **_: Any) -> None:
        metadata = body["metadata"]
        if event["type"] is None:
            controller.wants_comparison.set()
        key = (metadata["namespace"], metadata["labels"].get(ELECTION, ""))
        version, deleted = int(metadata["resourceVersion"]), event["type"] == "DELETED"
        controller.see_slice(key, metadata["name"], version, deleted=deleted)


def _watch_nodes(registry: kopf.OperatorRegistry, controller: Controller) -> None:
    @kopf.on.event("", "v1", "nodes", registry=registry)
    async def node(event: kopf.RawEvent, body: kopf.Body, **_: Any) -> None:
        is_there = event["type"] != "DELETED"
        controller.see_node(body["metadata"]["name"], cordoned=is_there and bool(body["spec"].get("unschedulable")))


def build_settings(*, pod_selector: str) -> kopf.OperatorSettings:
    """Return Kopf's settings for watching, and nothing else."""
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True  # what is watched is known; looking for it would need permissions of its own
    settings.posting.enabled = False  # the events are Tenure's own
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = _NoProgress()
    settings.watching.chunk_size = CHUNK_SIZE
    settings.queueing.idle_timeout = WORKER_IDLE_S
    settings.watching.server_timeout = 300
    settings.watching.inactivity_timeout = 70  # the API server's bookmarks come once a minute
    settings.watching.label_selectors["endpointslices"] = f"{MANAGED_BY}={MANAGER}"
    settings.networking.connect_timeout = 3
    settings.networking.error_backoffs = _WithoutEnd()
    if pod_selector:
        settings.watching.label_selectors["pods"] = pod_selector
    return settings
