"""`kubectl tenure doctor`: look at everything that has to be right, and say of each thing what to do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Any

from tenure.api import GROUP, KIND, VERSION
from tenure.kubernetes.access import CRD_NAME, crd_is_there, may, missing_permissions
from tenure.kubernetes.errors import ApiError, NotServed, Refused
from tenure.kubernetes.pods import list_pods, parse_pod
from tenure.plugin import tables
from tenure.plugin.cluster import Cluster, connect, patience
from tenure.plugin.findings import (
    Finding,
    Level,
    judge_elections,
    judge_operators,
    judge_reports,
    judge_schema,
    ok,
    problem,
    warning,
)
from tenure.plugin.operators import OperatorPod, find_operators, read_report
from tenure.plugin.output import as_json, say
from tenure.plugin.running import explain
from tenure.plugin.target import ExitStatus, Format, Target

_WISHES = (
    ("status", "list", GROUP, "leaderelections"),
    ("watch", "watch", GROUP, "leaderelections"),
    ("suspend, resume and switchover", "patch", GROUP, "leaderelections"),
    ("status NAME", "list", "", "pods"),
)
"""What the commands of the plugin need."""


async def examine(target: Target, *, everywhere: bool, operator_namespace: str | None, output: Format) -> ExitStatus:
    """Look at everything, and exit with 1 when something is wrong. Raises ApiError when there is no API server."""
    async with connect(target) as cluster:
        found = await look(cluster, None if everywhere else cluster.namespace, operator_namespace)
    say({"findings": as_json(found)}, output, tables.findings(found))
    return ExitStatus.WRONG if any(finding.level is Level.PROBLEM for finding in found) else ExitStatus.DONE


async def look(cluster: Cluster, scope: str | None, operator_namespace: str | None) -> list[Finding]:
    """Return all that is found, of the elections in one namespace (`scope`) or in all.

    What cannot be looked at is a warning. Raises ApiError when there is no API server.
    """
    with patience():
        version = (await cluster.client.get("/version"))["gitVersion"]
    found = [ok("API server", f"Kubernetes {version} answers at {cluster.client.server}.")]
    if not await crd_is_there(cluster.client):
        advice = "Install it by the chart, or: kubectl apply --server-side -f crds/leaderelections.yaml"
        return [*found, problem("CRD", f"{CRD_NAME} is not there.", advice)]
    with patience("Looking at the operators and elections …"):
        parts = await asyncio.gather(
            _look_at_crd(cluster),
            _look_at_own_permissions(cluster, scope),
            _look_at_operators(cluster, operator_namespace),
            _look_at_elections(cluster, scope),
        )
    return [*found, *(finding for part in parts for finding in part)]


async def _look_at_crd(cluster: Cluster) -> list[Finding]:
    async def look() -> list[Finding]:
        answer = await cluster.client.get(f"/openapi/v3/apis/{GROUP}/{VERSION}")
        kinds = answer["components"]["schemas"].values()
        schema = next((one for one in kinds if _is_our_kind(one)), None)
        if schema is None:
            return [warning("CRD", "The API server does not describe it yet.", "Wait a moment, and look again.")]
        return [judge_schema(schema)]

    return await _or_say("CRD", look())


def _is_our_kind(schema: dict[str, Any]) -> bool:
    return any(one.get("kind") == KIND for one in schema.get("x-kubernetes-group-version-kind") or ())


async def _look_at_own_permissions(cluster: Cluster, namespace: str | None) -> list[Finding]:
    async def look() -> list[Finding]:
        asked = (may(cluster.client, verb, group, resource, namespace) for _, verb, group, resource in _WISHES)
        answers = await asyncio.gather(*asked)
        return [
            warning("you", f"You may not {verb} {resource}.", f"Ask for it, if you want {what}.")
            for (what, verb, _, resource), allowed in zip(_WISHES, answers, strict=True)
            if not allowed
        ] or [ok("you", "You may do all that kubectl tenure does with elections.")]

    return await _or_say("you", look())


async def _look_at_operators(cluster: Cluster, namespace: str | None) -> list[Finding]:
    async def look() -> list[Finding]:
        operators = await find_operators(cluster.client, namespace)
        found = list(judge_operators({one.name: one.pod.ready for one in operators}))
        answers = await asyncio.gather(*(_ask(cluster, one) for one in operators))
        reports = {one.name: said for one, said in zip(operators, answers, strict=True) if isinstance(said, dict)}
        failed = [
            said for one, said in zip(operators, answers, strict=True) if isinstance(said, Finding) and one.pod.ready
        ]
        # What an account must be permitted, only its operator says.
        accounts = {one.account: reports[one.name] for one in operators if one.name in reports}
        for account, report in accounts.items():
            found += await _look_at_account(cluster, account, report)
        return [*found, *failed, *judge_reports(reports, are_all=len(reports) == len(operators))]

    advice = "Ask for permission to list pods in the operator's namespace, and name it: --operator-namespace."
    return await _or_say("operator", look(), advice=advice)


async def _ask(cluster: Cluster, operator: OperatorPod) -> dict[str, Any] | Finding:
    """Return what an operator says of itself, or why it cannot be asked."""
    subject = f"operator {operator.name}"
    unknown = "What it sees of NATS is not known."
    try:
        return await read_report(cluster.client, operator)
    except NotServed:
        advice = "Use the same version of the operator and of kubectl tenure."
        return warning(subject, f"It has no /status: it is an older version. {unknown}", advice)
    except Refused as error:
        return warning(subject, f"{explain(error)} {unknown}", "Ask for permission to get pods/proxy there.")
    except ApiError as error:
        said = f"The API server cannot ask it: {error}. {unknown}"
        return warning(subject, said, "Let the API server come to its port: see the network policies.")


async def _look_at_account(cluster: Cluster, account: tuple[str, str], report: dict[str, Any]) -> list[Finding]:
    subject = f"account {'/'.join(account)}"
    user = f"system:serviceaccount:{':'.join(account)}"

    async def look() -> list[Finding]:
        missing = await missing_permissions(
            cluster.client,
            report["namespaces"],
            with_nodes=report["leavesCordonedNodes"],
            with_slices=report["writesEndpointSlices"],
            user=user,
        )
        if not missing:
            return [ok(subject, "It has all permissions that the operator needs.")]
        advice = "Bind the role of the chart to it; README.md lists the permissions."
        return [problem(subject, f"It may not {', '.join(missing)}.", advice)]

    advice = (
        "Whether it has what the operator needs is not known. That takes permission to create subjectaccessreviews."
    )
    return await _or_say(subject, look(), advice=advice)


async def _look_at_elections(cluster: Cluster, namespace: str | None) -> list[Finding]:
    async def look() -> list[Finding]:
        elections = await cluster.list_elections(namespace)
        namespaces = {body["metadata"]["namespace"] for body in elections} if namespace is None else {namespace}
        listed = await asyncio.gather(*(list_pods(cluster.client, one) for one in namespaces))
        pods = [(body["metadata"]["namespace"], parse_pod(body)) for bodies in listed for body in bodies]
        # Once more: a term on a pod that is above the status which is read afterwards was in no status before.
        elections = await cluster.list_elections(namespace)
        return judge_elections(elections, pods, time.time())

    return await _or_say("elections", look())


async def _or_say(
    subject: str, looking: Awaitable[list[Finding]], *, advice: str = "Ask for the permission, or look elsewhere: -n."
) -> list[Finding]:
    """Return what was found, or a warning that it could not be looked at."""
    try:
        return await looking
    except ApiError as error:
        return [warning(subject, explain(error), advice)]
