"""The way to a cluster, and the elections there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import click

from tenure.api.resource import parse_spec
from tenure.election.pod import Pod
from tenure.election.resource import Spec
from tenure.kubernetes.access import CRD_NAME, load_context
from tenure.kubernetes.client import KubernetesClient
from tenure.kubernetes.errors import NotFound, NotServed
from tenure.kubernetes.pods import list_pods, parse_pod
from tenure.kubernetes.resources import list_resources, resource_path
from tenure.plugin.target import ExitStatus, Failure, Target

FIELD_MANAGER = "tenure-plugin"
"""Not kubectl…: some tools that keep manifests in force take away what managers of that name have set."""


PATIENCE_S = 2.0


@contextmanager
def patience(sentence: str = "Waiting for the API server …") -> Iterator[None]:
    """Say so if what is done within takes long."""
    timer = asyncio.get_running_loop().call_later(PATIENCE_S, lambda: click.echo(sentence, err=True))
    try:
        yield
    finally:
        timer.cancel()


@dataclass(frozen=True, slots=True)
class Cluster:
    """A connection to an API server, and the namespace that is meant."""

    client: KubernetesClient
    namespace: str

    async def read_election(self, name: str) -> dict[str, Any]:
        """Return the JSON of an election. Raises Failure when there is none, and ApiError."""
        try:
            with patience():
                return await self.client.get(resource_path(self.namespace, name))
        except (NotFound, NotServed):
            others = [body["metadata"]["name"] for body in await self.list_elections(self.namespace)]
            raise Failure(_nothing_like(name, self.namespace, others), ExitStatus.NOT_FOUND) from None

    async def read_candidates(self, body: Mapping[str, Any]) -> list[Pod]:
        """Return the pods that an election's selector finds; none when the spec cannot be acted on. Raises ApiError."""
        spec = parse_spec(body["spec"])
        if not isinstance(spec, Spec):
            return []
        return [parse_pod(pod) for pod in await list_pods(self.client, self.namespace, str(spec.selector))]

    async def list_elections(self, namespace: str | None) -> list[dict[str, Any]]:
        """Return the JSON of all elections of a namespace, or of all. Raises Failure without the CRD, and ApiError."""
        try:
            with patience():
                bodies = await list_resources(self.client, namespace)
        except NotServed:
            raise Failure(
                f"This cluster has no LeaderElections. Install the CRD {CRD_NAME}, by the chart or with: "
                "kubectl apply -f crds/leaderelections.yaml",
                ExitStatus.NOT_FOUND,
            ) from None
        return sorted(bodies, key=lambda body: (body["metadata"]["namespace"], body["metadata"]["name"]))


@asynccontextmanager
async def connect(target: Target) -> AsyncIterator[Cluster]:
    """Log in. Raises NoConfiguration."""
    context = await load_context(target.kubeconfig, target.context)

    async def log_in() -> Any:
        return (await load_context(target.kubeconfig, target.context)).configuration

    client = KubernetesClient(context.configuration, log_in, field_manager=FIELD_MANAGER)
    try:
        yield Cluster(client, target.namespace or context.namespace)
    finally:
        await client.close()
        await asyncio.sleep(0)  # Connections that were cut off are closed in the next turn of the event loop.


def _nothing_like(name: str, namespace: str, others: Iterable[str]) -> str:
    near = get_close_matches(name, others, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else "To see those of all namespaces: kubectl tenure status -A"
    return f"There is no election {name} in the namespace {namespace}. {hint}"
