"""EndpointSlices that hold the address of a leader: one for each Service and family, written as a compare-and-set."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tenure.api import GROUP, KIND, VERSION
from tenure.election.effects import RouteServices
from tenure.election.inputs import ServicesRouted
from tenure.election.labels import parse_term
from tenure.election.resource import Resource
from tenure.kubernetes.client import KubernetesClient, Lane, path_of
from tenure.kubernetes.errors import ApiError, ApiUnavailable, Conflict, NotFound
from tenure.kubernetes.pods import pod_path

logger = logging.getLogger(__name__)

MANAGER = GROUP
"""Who manages our slices; Kubernetes' own controllers leave those of others alone."""

MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
SERVICE_NAME = "kubernetes.io/service-name"
ELECTION = f"{GROUP}/election"
TERM = f"{GROUP}/term"

Object = Mapping[str, Any]


@dataclass(slots=True)
class _Findings:
    versions: dict[str, int] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    above: int | None = None
    is_done: bool = True

    def saw(self, kind: str, body: Object) -> None:
        metadata = body["metadata"]
        self.versions[f"{kind}/{metadata['name']}"] = int(metadata["resourceVersion"])


async def route_services(client: KubernetesClient, election: Resource, wanted: RouteServices) -> ServicesRouted:
    """Bring the slices of all Services that an election names to what is wanted; see `RouteServices`.

    Raises ApiError when the leader's pod or the election's slices cannot be read.
    """
    found = _Findings()
    pod, ours = await asyncio.gather(_read_leader(client, election, wanted), _list_ours(client, election))
    for body in ours:
        found.saw("EndpointSlice", body)
    async with asyncio.TaskGroup() as tasks:
        for service in wanted.services:
            present = [body for body in ours if service_of(body) == service]
            routing = _route(client, election, wanted, service, pod, present, found)
            tasks.create_task(routing, name=f"routing of {service}")
        for body in ours:
            if service_of(body) not in wanted.services:
                tasks.create_task(_take_away(client, body, found), name="removal of a slice")
    return ServicesRouted(found.versions, tuple(sorted(found.refusals)), found.above, found.is_done)


async def _read_leader(client: KubernetesClient, election: Resource, wanted: RouteServices) -> Object | None:
    if wanted.leader is None:
        return None
    try:
        pod = await client.get(pod_path(election.namespace, wanted.leader.name))
    except NotFound:
        return None
    return pod if pod["metadata"]["uid"] == wanted.leader.uid else None


async def _list_ours(client: KubernetesClient, election: Resource) -> list[dict[str, Any]]:
    selector = f"{MANAGED_BY}={MANAGER},{ELECTION}={election.name}"
    answer = await client.get(slices_path(election.namespace), labelSelector=selector)
    return list(answer.get("items") or ())


async def _route(
    client: KubernetesClient,
    election: Resource,
    wanted: RouteServices,
    name: str,
    pod: Object | None,
    ours: list[dict[str, Any]],
    found: _Findings,
) -> None:
    """Route one Service, if that can be done, and note what was found. Where it cannot, our slices do not stay."""
    try:
        service = await _read_service(client, election.namespace, name, found)
        if service is None:
            for body in ours:
                await _take_away(client, body, found)
            return
        listed = await client.get(slices_path(election.namespace), labelSelector=f"{SERVICE_NAME}={name}")
        slices = {body["metadata"]["name"]: body for body in listed.get("items") or ()}
        ports, lacking = _resolve_ports(service, pod)
        found.refusals += lacking
        families = service["spec"].get("ipFamilies") or ["IPv4"]
        names = {f"{name}-tenure-{family.lower()}": family for family in families}
        for slice_name, family in names.items():
            body = _slice(election, wanted, name, slice_name, family, pod, ports)
            await _put(client, body, slices.pop(slice_name, None), found, wanted=wanted)
        for other in slices.values():
            if is_of(other, election.name):
                await _take_away(client, other, found)
            else:
                manager = (other["metadata"].get("labels") or {}).get(MANAGED_BY) or "nobody"
                found.refusals.append(
                    f"Service {name} has other endpoints: delete EndpointSlice {other['metadata']['name']}, "
                    f"which is managed by {manager}."
                )
    except (Conflict, NotFound, ApiUnavailable):
        found.is_done = False  # Somebody was quicker, or nobody answers: look again.
    except ApiError as error:
        found.refusals.append(f"Service {name} cannot be routed: {error}.")
    except Exception:  # What nobody foresaw with one Service must not keep the others from the leader.
        logger.exception("Service not routed", extra={"election": f"{election.namespace}/{election.name}"})
        found.refusals.append(f"Service {name} cannot be routed: the operator's log says why.")


async def _read_service(client: KubernetesClient, namespace: str, name: str, found: _Findings) -> Object | None:
    """Return a Service that can be routed; None for another one, and the reason is among the refusals."""
    try:
        service = await client.get(path_of("api", "v1", "namespaces", namespace, "services", name))
    except NotFound:
        found.refusals.append(f"There is no Service {name}: create it, without a selector.")
        return None
    found.saw("Service", service)
    if (objection := _object_to(service)) is not None:
        found.refusals.append(objection)
        return None
    return service


def _object_to(service: Object) -> str | None:
    name, spec = service["metadata"]["name"], service.get("spec") or {}
    if spec.get("selector"):
        return f"Service {name} has a selector, by which Kubernetes writes its endpoints: take the selector away."
    if spec.get("type") == "ExternalName":
        return f"Service {name} is an ExternalName, which has no endpoints: give it another type."
    return None


async def _put(
    client: KubernetesClient, body: dict[str, Any], present: Object | None, found: _Findings, *, wanted: RouteServices
) -> None:
    """Create a slice, or change it where it differs, if its term is not above ours and nobody changes it meanwhile."""
    namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
    path = slices_path(namespace) + path_of(name)
    if present is None:
        try:
            present = await client.create(slices_path(namespace), body, lane=Lane.PROMPT)
        except Conflict:
            # Somebody else's, or ours after all: of another operator, or by a request that had no answer in time.
            present = await client.get(path)
    if not is_of(present, body["metadata"]["labels"][ELECTION]):
        found.refusals.append(f"EndpointSlice {name} belongs to somebody else: delete it, or rename the Service.")
        return
    term = parse_term(_term_of(present)) or 0
    if term > wanted.term and term != wanted.forged_term:
        found.above = max(term, found.above or 0)
        return
    if _says(present) == _says(body):
        found.saw("EndpointSlice", present)
        return
    body = {key: value for key, value in body.items() if key != "addressType"}
    body["metadata"] |= {"resourceVersion": present["metadata"]["resourceVersion"]}
    found.saw("EndpointSlice", await client.merge_patch(path, body))


async def _take_away(client: KubernetesClient, body: Object, found: _Findings) -> None:
    metadata = body["metadata"]
    try:
        await client.delete(
            slices_path(metadata["namespace"]) + path_of(metadata["name"]),
            resource_version=metadata["resourceVersion"],
        )
    except NotFound:
        pass
    except ApiError:
        found.is_done = False
    found.versions.pop(f"EndpointSlice/{metadata['name']}", None)


def _slice(
    election: Resource,
    wanted: RouteServices,
    service: str,
    name: str,
    family: str,
    pod: Object | None,
    ports: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "namespace": election.namespace,
            "name": name,
            "labels": {SERVICE_NAME: service, MANAGED_BY: MANAGER, ELECTION: election.name},
            "annotations": {TERM: str(wanted.term)},
            # So that the slice goes with the election.
            "ownerReferences": [
                {"apiVersion": f"{GROUP}/{VERSION}", "kind": KIND, "name": election.name, "uid": election.uid}
            ],
        },
        "addressType": family,
        "ports": ports,
        "endpoints": list(_endpoints(pod, family)),
    }


def _endpoints(pod: Object | None, family: str) -> Iterator[dict[str, Any]]:
    """Yield the endpoint of a leader; none for a pod that is gone, has ended, or has no address of the family."""
    status = pod.get("status") or {} if pod is not None else {}
    if pod is None or status.get("phase") in ("Succeeded", "Failed"):
        return
    addresses = [one["ip"] for one in status.get("podIPs") or () if (":" in one["ip"]) is (family == "IPv6")]
    is_ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or ())
    if addresses:
        yield {
            "addresses": addresses[:1],
            # Whether it is being deleted makes no difference: while it leads, it takes the traffic.
            "conditions": {"ready": is_ready, "serving": is_ready, "terminating": False},
            **({"nodeName": pod["spec"]["nodeName"]} if "nodeName" in pod["spec"] else {}),
            "targetRef": {
                "kind": "Pod",
                "namespace": pod["metadata"]["namespace"],
                "name": pod["metadata"]["name"],
                "uid": pod["metadata"]["uid"],
            },
        }


def _resolve_ports(service: Object, pod: Object | None) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the ports of a Service as the leader's pod has them, and what it lacks, as sentences."""
    ports, lacking = [], []
    for port in service["spec"].get("ports") or ():
        protocol, target = port.get("protocol", "TCP"), port.get("targetPort") or port["port"]
        number = target if isinstance(target, int) else _find_port(pod, target, protocol)
        if number is not None:
            ports.append(
                {
                    "name": port.get("name", ""),
                    "port": number,
                    "protocol": protocol,
                    **({"appProtocol": port["appProtocol"]} if "appProtocol" in port else {}),
                }
            )
        elif pod is not None:
            name, leader = service["metadata"]["name"], pod["metadata"]["name"]
            lacking.append(
                f"Service {name} names the port {target}, which {leader} lacks: "
                "name one of its containers' ports, or give a number."
            )
    return ports, lacking


def _find_port(pod: Object | None, name: str, protocol: str) -> int | None:
    if pod is None:
        return None
    spec = pod["spec"]
    containers = [*spec.get("containers", ()), *(spec.get("initContainers") or ())]
    declared = (port for container in containers for port in container.get("ports") or ())
    numbers = (
        port["containerPort"]
        for port in declared
        if port.get("name") == name and port.get("protocol", "TCP") == protocol
    )
    return next(numbers, None)


def _says(body: Object) -> tuple[Any, ...]:
    """Return what matters of a slice."""
    metadata = body["metadata"]
    owners = [owner["uid"] for owner in metadata.get("ownerReferences") or ()]
    return (_term_of(body), owners, body.get("ports") or [], body.get("endpoints") or [])


def _term_of(body: Object) -> str | None:
    """Return the term as it stands in a slice; somebody may have taken off all annotations."""
    return (body["metadata"].get("annotations") or {}).get(TERM)


def service_of(body: Object) -> str:
    """Return the name of the Service that a slice is of."""
    return str((body["metadata"].get("labels") or {}).get(SERVICE_NAME, ""))


def is_of(body: Object, election: str) -> bool:
    """Whether a slice is one that the operator wrote for the election of this name."""
    labels = body["metadata"].get("labels") or {}
    return labels.get(MANAGED_BY) == MANAGER and labels.get(ELECTION) == election


def slices_path(namespace: str | None) -> str:
    """Return the path of a namespace's EndpointSlices, or of all."""
    scope = ("namespaces", namespace) if namespace else ()
    return path_of("apis", "discovery.k8s.io", "v1", *scope, "endpointslices")
