"""The operators of a cluster: their pods, and what each says of itself, read through the API server's pod proxy."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tenure.election.pod import Pod
from tenure.kubernetes.client import ApiError, KubernetesClient
from tenure.kubernetes.pods import list_pods, parse_pod, pod_path
from tenure.plugin.views import Lease

LABELS = "app.kubernetes.io/name=tenure,app.kubernetes.io/component=operator"
"""What the chart puts on the operator's pods."""

DEFAULT_PORT = 8080
REPORT_TIMEOUT_S = 3.0
LEASE_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class OperatorPod:
    """A pod of an operator. `port` is where it serves its report, `account` its service account."""

    namespace: str
    pod: Pod
    account: str
    port: int

    @property
    def name(self) -> str:
        """Namespace and name."""
        return f"{self.namespace}/{self.pod.name}"


async def find_operators(client: KubernetesClient, namespace: str | None) -> list[OperatorPod]:
    """Return the pods of operators in a namespace, or in all, that have not finished. Raises ApiError."""
    found = [_parse(body) for body in await list_pods(client, namespace, LABELS)]
    return [operator for operator in found if not operator.pod.finished]


def _parse(body: dict[str, Any]) -> OperatorPod:
    spec = body["spec"]
    ports = [port for container in spec["containers"] for port in container.get("ports") or ()]
    return OperatorPod(
        namespace=body["metadata"]["namespace"],
        pod=parse_pod(body),
        account=spec.get("serviceAccountName") or "default",
        port=next((port["containerPort"] for port in ports if port.get("name") == "http"), DEFAULT_PORT),
    )


async def read_report(client: KubernetesClient, operator: OperatorPod, *, election: str = "") -> dict[str, Any]:
    """Return what an operator says of itself; see docs/metrics.md. Raises ApiError."""
    address = f"{pod_path(operator.namespace, quote(f'http:{operator.pod.name}:{operator.port}', safe=':'))}"
    query = {"election": election} if election else {}
    return await client.get(f"{address}/proxy/status", timeout_s=REPORT_TIMEOUT_S, **query)


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


def accounts_of(operators: Sequence[OperatorPod]) -> list[tuple[str, str]]:
    """Return namespace and name of the service accounts that operators run with."""
    return sorted({(one.namespace, one.account) for one in operators})
