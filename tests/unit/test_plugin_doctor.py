"""What the doctor says of a cluster in which not all can be looked at."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from tenure import __version__
from tenure.api import GROUP, KIND, PLURAL, VERSION
from tenure.kubernetes.errors import ApiError, ApiUnavailable, NotServed, Refused
from tenure.kubernetes.pods import pod_path, pods_path
from tenure.kubernetes.resources import resources_path
from tenure.plugin.cluster import Cluster
from tenure.plugin.doctor import look
from tenure.plugin.findings import Level
from tenure.plugin.operators import LABELS

_CRD = yaml.safe_load((Path(__file__).parents[2] / "crds" / "leaderelections.yaml").read_text())
_SCHEMA = {
    **_CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"],
    "x-kubernetes-group-version-kind": [{"group": GROUP, "kind": KIND, "version": VERSION}],
}
_API = f"/apis/{GROUP}/{VERSION}"
_OPENAPI = f"/openapi/v3/apis/{GROUP}/{VERSION}"
_ELECTIONS = resources_path("shop")
_OPERATORS = f"{pods_path(None)}?{LABELS}"
_STATUS = f"{pod_path('tenure', 'http:tenure-0:8080')}/proxy/status"

_NATS = {
    "connected": True,
    "server": "n1",
    "serverVersion": "2.15.1",
    "roundTripSeconds": 0.001,
    "clockAheadSeconds": 0.0,
    "bucket": {"name": "leases", "replicas": 3, "storage": "file", "warnings": []},
}
_REPORT = {
    "version": __version__,
    "waitsFor": "",
    "acts": True,
    "namespaces": [],
    "leavesCordonedNodes": False,
    "writesEndpointSlices": False,
    "nats": _NATS,
    "elsewhere": [],
}


def _operator(*, ready: bool = True) -> dict[str, Any]:
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": "2026-11-24T14:00:00Z"}
    return {
        "metadata": {"namespace": "tenure", "name": "tenure-0", "uid": "u0", "resourceVersion": "1"},
        "spec": {"serviceAccountName": "tenure", "containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]},
        "status": {"phase": "Running", "conditions": [condition]},
    }


_WELL: dict[str, Any] = {
    "/version": {"gitVersion": "v1.37.2"},
    _API: {"resources": [{"name": PLURAL}]},
    _OPENAPI: {"components": {"schemas": {"leaderelection": _SCHEMA}}},
    _OPERATORS: [_operator()],
    _STATUS: _REPORT,
    _ELECTIONS: [],
    pods_path("shop"): [],
}
"""What a cluster answers in which all is well."""


class _Client:
    """Answers by path with what it was given, and raises what is an error. A review allows what is not in `denied`."""

    server = "https://here"

    def __init__(self, answers: dict[str, Any], denied: frozenset[str] | ApiError) -> None:
        self._answers = answers
        self._denied = denied

    async def get(self, path: str, **_: Any) -> Any:
        answer = self._answers[path]
        if isinstance(answer, ApiError):
            raise answer
        return answer

    async def list_items(self, path: str, **query: str) -> Any:
        selector = query.get("labelSelector")
        return await self.get(f"{path}?{selector}" if selector else path)

    async def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if isinstance(self._denied, ApiError) and path.endswith("/subjectaccessreviews"):
            raise self._denied
        asked = body["spec"]["resourceAttributes"]
        denied = self._denied if isinstance(self._denied, frozenset) else frozenset()
        return {"status": {"allowed": f"{asked['verb']} {asked['resource']}" not in denied}}


def _findings(
    answers: dict[str, Any], denied: frozenset[str] | ApiError = frozenset()
) -> dict[tuple[Level, str], tuple[str, str | None]]:
    """What is found when these answers are others than in a cluster that is well, without what is well."""
    cluster = Cluster(_Client(_WELL | answers, denied), "shop")  # type: ignore[arg-type]
    with asyncio.Runner() as runner:
        found = runner.run(look(cluster, "shop", None))
    return {(one.level, one.subject): (one.said, one.advice) for one in found if one.level is not Level.OK}


def test_a_cluster_that_is_well_has_nothing_to_be_said() -> None:
    assert _findings({}) == {}


@pytest.mark.parametrize("answer", [NotServed("GET /apis/tenure.dev: 404"), {"resources": []}])
def test_without_the_crd_it_says_how_to_install_it_and_looks_at_nothing_else(answer: Any) -> None:
    rest = dict.fromkeys((_OPENAPI, _OPERATORS, _ELECTIONS), Refused("403"))

    assert _findings({_API: answer, **rest}) == {
        (Level.PROBLEM, "CRD"): (
            "leaderelections.tenure.dev is not there.",
            "Install it by the chart, or: kubectl apply --server-side -f crds/leaderelections.yaml",
        )
    }


@pytest.mark.parametrize(
    ("path", "subject", "advice"),
    [
        (_ELECTIONS, "elections", "Ask for the permission, or look elsewhere: -n."),
        (pods_path("shop"), "elections", "Ask for the permission, or look elsewhere: -n."),
        (_OPENAPI, "CRD", "Ask for the permission, or look elsewhere: -n."),
        (
            _OPERATORS,
            "operator",
            "Ask for permission to list pods in the operator's namespace, and name it: --operator-namespace.",
        ),
    ],
)
def test_what_it_may_not_look_at_is_a_warning_and_the_rest_is_looked_at(path: str, subject: str, advice: str) -> None:
    elsewhere = {_STATUS: {**_REPORT, "version": "0.0.9"}}

    found = _findings({path: Refused("403", said="no"), **elsewhere})

    assert found.pop((Level.WARNING, subject)) == (
        "The API server does not allow this: no. Ask for a role that does.",
        advice,
    )
    assert list(found) == ([] if subject == "operator" else [(Level.WARNING, "operator tenure/tenure-0")])


@pytest.mark.parametrize(
    ("answer", "said", "advice"),
    [
        pytest.param(
            NotServed("404"),
            "It has no /status: it is an older version. What it sees of NATS is not known.",
            "Use the same version of the operator and of kubectl tenure.",
            id="an older operator",
        ),
        pytest.param(
            {"version": __version__},
            "It has no /status: it is an older version. What it sees of NATS is not known.",
            "Use the same version of the operator and of kubectl tenure.",
            id="another report",
        ),
        pytest.param(
            Refused("403", said="pods/proxy is forbidden"),
            "The API server does not allow this: pods/proxy is forbidden. Ask for a role that does. "
            "What it sees of NATS is not known.",
            "Ask for permission to get pods/proxy there.",
            id="pods/proxy forbidden",
        ),
        pytest.param(
            ApiUnavailable("GET /x: 503 connection refused"),
            "The API server cannot ask it: GET /x: 503 connection refused. What it sees of NATS is not known.",
            "Let the API server come to its port: see the network policies.",
            id="a port that is out of reach",
        ),
    ],
)
def test_an_operator_that_cannot_be_asked_is_a_warning_with_what_to_do(answer: Any, said: str, advice: str) -> None:
    assert _findings({_STATUS: answer}) == {(Level.WARNING, "operator tenure/tenure-0"): (said, advice)}


def test_an_operator_that_is_not_ready_is_not_blamed_for_its_silence_as_well() -> None:
    found = _findings({_OPERATORS: [_operator(ready=False)], _STATUS: ApiUnavailable("503")})

    assert found == {
        (Level.PROBLEM, "operator tenure/tenure-0"): (
            "Its pod is not Ready.",
            "Its log says what it waits for: kubectl logs.",
        )
    }


def test_what_an_account_lacks_is_a_problem_and_what_cannot_be_asked_a_warning() -> None:
    asked = Refused("403", said="subjectaccessreviews is forbidden")

    lacking = _findings({}, denied=frozenset({"patch pods"}))
    unknown = _findings({}, denied=asked)

    assert lacking[Level.PROBLEM, "account tenure/tenure"][0] == "It may not patch pods in all namespaces."
    [(key, (_, advice))] = unknown.items()
    assert key == (Level.WARNING, "account tenure/tenure")
    assert advice is not None
    assert advice.startswith("Whether it has what the operator needs is not known.")


def test_what_you_may_not_do_is_a_warning_for_the_command_that_needs_it() -> None:
    found = _findings({}, denied=frozenset({"watch leaderelections"}))

    assert found[Level.WARNING, "you"] == ("You may not watch leaderelections.", "Ask for it, if you want watch.")


def test_a_crd_that_the_api_server_does_not_describe_yet_is_a_warning() -> None:
    found = _findings({_OPENAPI: {"components": {"schemas": {}}}})

    assert found == {
        (Level.WARNING, "CRD"): ("The API server does not describe it yet.", "Wait a moment, and look again.")
    }
