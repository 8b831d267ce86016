"""Kopf watches; these handlers put what it saw into the controller. Nothing that must be in time runs in them."""

from __future__ import annotations

import logging
from typing import Any

import kopf

from tenure.api import GROUP, PLURAL, VERSION
from tenure.api.resource import parse_resource
from tenure.kubernetes.pods import parse_pod
from tenure.runtime.controller import Controller

logger = logging.getLogger(__name__)

CHUNK_SIZE = 500
"""Objects in one answer of the first listing: 30,000 pods in one took 947 MB of memory, in these chunks 278 MB."""


def build_registry(controller: Controller) -> kopf.OperatorRegistry:
    """Return the handlers, bound to one controller. None of them makes Kopf add a finalizer or write anything."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def election(event: kopf.RawEvent, body: kopf.Body, **_: Any) -> None:
        if event["type"] == "DELETED":
            metadata = body["metadata"]
            controller.lose_resource((metadata["namespace"], metadata["name"]), metadata["uid"])
        else:
            controller.see_resource(parse_resource(body))

    @kopf.on.event("", "v1", "pods", registry=registry)
    async def pod(event: kopf.RawEvent, body: kopf.Body, **_: Any) -> None:
        metadata = body["metadata"]
        if event["type"] == "DELETED":
            controller.lose_pod(metadata["namespace"], metadata["uid"])
        else:
            controller.see_pod(metadata["namespace"], parse_pod(body))

    return registry


def build_settings(*, pod_selector: str) -> kopf.OperatorSettings:
    """Return Kopf's settings for watching, and nothing else."""
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True  # what is watched is known; looking for it would need permissions of its own
    settings.posting.enabled = False  # the events are Tenure's own
    settings.watching.chunk_size = CHUNK_SIZE
    settings.watching.server_timeout = 300
    settings.watching.inactivity_timeout = 70  # the API server's bookmarks come once a minute
    settings.networking.connect_timeout = 3
    settings.networking.error_backoffs = (0.2, 0.5, 1, 2, 5)
    if pod_selector:
        settings.watching.label_selectors["pods"] = pod_selector
    return settings
