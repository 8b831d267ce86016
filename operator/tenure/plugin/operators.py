"""The operators of a cluster: their pods, and what each says of itself, read through the API server's pod proxy."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from tenure.election.pod import Pod
from tenure.kubernetes.client import KubernetesClient
from tenure.kubernetes.errors import ApiError, NotServed
from tenure.kubernetes.pods import list_pods, parse_pod, pod_path
from tenure.plugin.views import Lease

LABELS = "app.kubernetes.io/name=tenure,app.kubernetes.io/component=operator"
"""What the chart puts on the operator's pods."""

FIELDS = {
    "version",
    "waitsFor",
    "acts",
    "namespaces",
    "leavesCordonedNodes",
    "writesEndpointSlices",
    "nats",
    "elsewhere",
}
"""What every report has."""

DEFAULT_PORT = 8080
REPORT_TIMEOUT_S = 3.0
LEASE_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class OperatorPod:
    """A pod of an operator. `account` is its service account, by namespace and name; `port` is where it reports."""

    namespace: str
    pod: Pod
    account: tuple[str, str]
    port: int

    @property
    def name(self) -> str:
        """Namespace and name."""
        return f"{self.namespace}/{self.pod.name}"


async def find_operators(client: KubernetesClient, namespace: str | None) -> list[OperatorPod]:
    """Return the pods of operators in a namespace, or in all, that have not finished. Raises ApiError."""
    found = [_parse(body) for body in await list_pods(client, namespace, LABELS, from_cache=True)]
    return [operator for operator in found if not operator.pod.finished]


def _parse(body: dict[str, Any]) -> OperatorPod:
    spec = body["spec"]
    ports = [port for container in spec["containers"] for port in container.get("ports") or ()]
    return OperatorPod(
        namespace=body["metadata"]["namespace"],
        pod=parse_pod(body),
        account=(body["metadata"]["namespace"], spec.get("serviceAccountName") or "default"),
        port=next((port["containerPort"] for port in ports if port.get("name") == "http"), DEFAULT_PORT),
    )


async def read_report(client: KubernetesClient, operator: OperatorPod, *, election: str = "") -> dict[str, Any]:
    """Return what an operator says of itself; see docs/metrics.md.

    Raises ApiError, NotServed for a pod that does not report like this version's.
    """
    address = pod_path(operator.namespace, f"http:{operator.pod.name}:{operator.port}")
    query = {"election": election} if election else {}
    report = await client.get(f"{address}/proxy/status", timeout_s=REPORT_TIMEOUT_S, **query)
    if not report.keys() >= FIELDS:
        raise NotServed(f"{operator.name} serves something else on /status.")
    return report


async def read_lease(client: KubernetesClient, namespace: str, name: str) -> Lease | None:
    """Return the lease of an election as an operator sees it; None when that cannot be told, for whatever reason."""
    try:
        async with asyncio.timeout(LEASE_TIMEOUT_S):
            operators = [one for one in await find_operators(client, None) if one.pod.ready]
            asked = (read_report(client, one, election=f"{namespace}/{name}") for one in operators)
            reports = await asyncio.gather(*asked, return_exceptions=True)
    except (ApiError, TimeoutError):
        return None
    return next(filter(None, map(_lease_of, reports)), None)


def _lease_of(report: dict[str, Any] | BaseException) -> Lease | None:
    lease = report.get("lease") if isinstance(report, dict) else None
    if not lease or not lease.get("holderIdentity") or "writtenSecondsAgo" not in lease:
        return None
    return Lease(lease["writtenSecondsAgo"], lease.get("durationSeconds"))
