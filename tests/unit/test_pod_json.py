"""What elections look at of a pod's JSON, and how the answers to a label write are told apart."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tenure.election.effects import WriteLabels
from tenure.election.inputs import LabelOutcome, LabelsWritten
from tenure.election.labels import PodRole
from tenure.election.pod import Pod, PodRef
from tenure.kubernetes.client import KubernetesClient, Lane
from tenure.kubernetes.errors import ApiError, ApiUnavailable, Conflict, Invalid, NotFound, NotServed, Refused
from tenure.kubernetes.pods import parse_pod, pod_path, pods_path, read_pod, write_labels
from unit.virtual_time import run

_REF = PodRef("web-0", "uid-0")
_ROLE, _TERM, _INDEX = "role.tenure.dev/web", "term.tenure.dev/web", "apps.kubernetes.io/pod-index"


def _body(*, metadata: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": "web-0", "uid": "uid-0", "resourceVersion": "5", **(metadata or {})}, **fields}


def _ready(status: str, since: str | None = "2024-01-01T00:00:00Z") -> dict[str, Any]:
    conditions: list[dict[str, Any]] = [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2023-01-01T00:00:00Z"},
        {"type": "Ready", "status": status, "lastTransitionTime": since},
    ]
    return {"phase": "Running", "conditions": conditions}


@pytest.mark.parametrize(
    ("body", "pod"),
    [
        pytest.param(_body(), Pod("web-0", "uid-0", 5, None), id="just created"),
        pytest.param(_body(status={}, spec={}), Pod("web-0", "uid-0", 5, None), id="not scheduled"),
        pytest.param(_body(spec={"nodeName": "n1"}), Pod("web-0", "uid-0", 5, None, node="n1"), id="on a node"),
        pytest.param(
            _body(metadata={"labels": {"app": "web"}}), Pod("web-0", "uid-0", 5, {"app": "web"}), id="with labels"
        ),
        pytest.param(
            _body(status=_ready("True")),
            Pod("web-0", "uid-0", 5, None, ready=True, ready_since_s=1704067200.0),
            id="Ready",
        ),
        pytest.param(
            _body(status=_ready("False")), Pod("web-0", "uid-0", 5, None, ready_since_s=1704067200.0), id="not Ready"
        ),
        pytest.param(
            _body(status=_ready("Unknown", None)), Pod("web-0", "uid-0", 5, None), id="on a node that is not heard of"
        ),
        pytest.param(
            _body(status=_ready("True", "soon")), Pod("web-0", "uid-0", 5, None, ready=True), id="an unreadable time"
        ),
        pytest.param(
            _body(metadata={"deletionTimestamp": "2024-01-01T00:00:00Z"}),
            Pod("web-0", "uid-0", 5, None, terminating=True),
            id="terminating",
        ),
        pytest.param(
            _body(status={"phase": "Succeeded"}), Pod("web-0", "uid-0", 5, None, finished=True), id="succeeded"
        ),
        pytest.param(_body(status={"phase": "Failed"}), Pod("web-0", "uid-0", 5, None, finished=True), id="failed"),
        pytest.param(_body(status={"phase": "Pending"}), Pod("web-0", "uid-0", 5, None), id="pending"),
        pytest.param(
            _body(metadata={"labels": {_INDEX: "12"}}),
            Pod("web-0", "uid-0", 5, {_INDEX: "12"}, ordinal=12),
            id="of a StatefulSet",
        ),
    ],
)
def test_a_pod(body: dict[str, Any], pod: Pod) -> None:
    assert parse_pod(body) == pod


@pytest.mark.parametrize("index", ["", "-1", "1.5", "one", "1" * 10, "\N{ARABIC-INDIC DIGIT ONE}"])
def test_an_index_that_no_statefulset_writes_is_none(index: str) -> None:
    assert parse_pod(_body(metadata={"labels": {_INDEX: index}})).ordinal is None


def test_paths() -> None:
    assert pods_path(None) == "/api/v1/pods"
    assert pods_path("shop") == "/api/v1/namespaces/shop/pods"
    assert pod_path("shop", "web-0") == "/api/v1/namespaces/shop/pods/web-0"
    assert pod_path("shop", "../x") == "/api/v1/namespaces/shop/pods/..%2Fx"


class _Api:
    """Answers a patch and a get with what it was told; an error is raised."""

    def __init__(self, patched: dict[str, Any] | ApiError, got: dict[str, Any] | ApiError | None = None) -> None:
        self._patched = patched
        self._got = got
        self.lanes: list[Lane] = []

    async def json_patch(self, path: str, operations: list[dict[str, Any]], *, lane: Lane) -> dict[str, Any]:
        self.lanes.append(lane)
        assert path == "/api/v1/namespaces/shop/pods/web-0"
        assert operations[0] == {"op": "test", "path": "/metadata/uid", "value": "uid-0"}
        return _answer(self._patched)

    async def get(self, path: str, *_: Any) -> dict[str, Any]:
        assert path == "/api/v1/namespaces/shop/pods/web-0"
        return _answer(self._got)


def _answer(answer: dict[str, Any] | ApiError | None) -> dict[str, Any]:
    if isinstance(answer, ApiError):
        raise answer
    assert answer is not None, "nobody was to ask"
    return answer


def _client(api: _Api) -> KubernetesClient:
    return cast(KubernetesClient, api)


_STAMP = WriteLabels(ref=_REF, expected_term="7", expected_role="leader", role=PodRole.FOLLOWER, term=8)
_CROWN = WriteLabels(ref=_REF, expected_term="7", expected_role="follower", role=PodRole.LEADER, term=8)
_FOLLOW = WriteLabels(ref=_REF, expected_term="7", expected_role="follower", role=PodRole.FOLLOWER, term=8)
_CLEAN = WriteLabels(ref=_REF, expected_term="7", expected_role="follower", role=None, term=None)
_SAME = _body(metadata={"labels": {_ROLE: "leader", _TERM: "7"}})
_HIGHER = _body(metadata={"labels": {_TERM: "9"}})
_COME_BACK = _body(metadata={"uid": "uid-1", "labels": {_TERM: "7"}})
_INVALID = Invalid("422 the policy says no")


@pytest.mark.parametrize(
    ("api", "result"),
    [
        pytest.param(_Api(_HIGHER), LabelsWritten(_REF, LabelOutcome.APPLIED, parse_pod(_HIGHER)), id="applied"),
        pytest.param(_Api(NotFound("404")), LabelsWritten(_REF, LabelOutcome.GONE), id="404: gone"),
        pytest.param(
            _Api(NotServed("404")), LabelsWritten(_REF, LabelOutcome.UNAVAILABLE), id="404 about no pod: who knows"
        ),
        pytest.param(_Api(Conflict("409")), LabelsWritten(_REF, LabelOutcome.UNAVAILABLE), id="409: try again"),
        pytest.param(_Api(ApiUnavailable("late")), LabelsWritten(_REF, LabelOutcome.UNAVAILABLE), id="no answer"),
        pytest.param(
            _Api(Refused("403 may not")),
            LabelsWritten(_REF, LabelOutcome.REFUSED, reason="403 may not"),
            id="403: refused",
        ),
        pytest.param(
            _Api(_INVALID, _SAME),
            LabelsWritten(_REF, LabelOutcome.REFUSED, parse_pod(_SAME), "422 the policy says no"),
            id="422, and the pod is as expected: refused for another reason",
        ),
        pytest.param(
            _Api(_INVALID, _HIGHER),
            LabelsWritten(_REF, LabelOutcome.CHANGED, parse_pod(_HIGHER)),
            id="422, and the term is another: decide anew",
        ),
        pytest.param(
            _Api(_INVALID, _body()),
            LabelsWritten(_REF, LabelOutcome.CHANGED, parse_pod(_body())),
            id="422, and the labels are gone",
        ),
        pytest.param(
            _Api(_INVALID, _COME_BACK), LabelsWritten(_REF, LabelOutcome.GONE), id="422, and it is another pod: gone"
        ),
        pytest.param(_Api(_INVALID, NotFound("404")), LabelsWritten(_REF, LabelOutcome.GONE), id="422, then 404: gone"),
        pytest.param(
            _Api(_INVALID, ApiUnavailable("late")),
            LabelsWritten(_REF, LabelOutcome.UNAVAILABLE),
            id="422, then nothing",
        ),
        pytest.param(
            _Api(_INVALID, Refused("403")), LabelsWritten(_REF, LabelOutcome.UNAVAILABLE), id="422, then not readable"
        ),
    ],
)
def test_the_answer_to_a_label_write_means(api: _Api, result: LabelsWritten) -> None:
    assert run(write_labels(_client(api), "shop", "web", _STAMP)) == result


@pytest.mark.parametrize(
    ("write", "role", "outcome"),
    [
        pytest.param(_CLEAN, None, LabelOutcome.CHANGED, id="the role that was to be taken off is gone already"),
        pytest.param(_CLEAN, "follower", LabelOutcome.REFUSED, id="it is still there"),
        pytest.param(_CROWN, None, LabelOutcome.CHANGED, id="who was to be crowned is no follower any more"),
        pytest.param(_CROWN, "follower", LabelOutcome.REFUSED, id="it still is"),
        pytest.param(_STAMP, None, LabelOutcome.REFUSED, id="whoever is stamped may have any role"),
    ],
)
def test_a_role_that_has_changed_is_a_change_where_the_write_rests_on_it(
    write: WriteLabels, role: str | None, outcome: LabelOutcome
) -> None:
    pod = _body(metadata={"labels": {_TERM: "7"} | ({} if role is None else {_ROLE: role})})

    result = run(write_labels(_client(_Api(_INVALID, pod)), "shop", "web", write))

    assert (result.outcome, result.pod) == (outcome, parse_pod(pod))


def test_a_map_of_labels_that_has_come_is_a_change() -> None:
    write = WriteLabels(_REF, None, None, PodRole.FOLLOWER, 7, no_labels_map=True)
    labelled = _body(metadata={"labels": {"app": "web"}})

    result = run(write_labels(_client(_Api(_INVALID, labelled)), "shop", "web", write))

    assert result.outcome is LabelOutcome.CHANGED


@pytest.mark.parametrize(("answer", "pod"), [(_SAME, parse_pod(_SAME)), (_COME_BACK, None), (NotFound("404"), None)])
def test_a_pod_is_read_by_name_and_is_gone_when_it_has_another_uid(
    answer: dict[str, Any] | ApiError, pod: Pod | None
) -> None:
    assert run(read_pod(_client(_Api({}, answer)), "shop", _REF)) == pod


@pytest.mark.parametrize(
    ("write", "lane"), [(_CROWN, Lane.PROMPT), (_STAMP, Lane.PROMPT), (_FOLLOW, Lane.BULK), (_CLEAN, Lane.BULK)]
)
def test_what_makes_or_unmakes_a_leader_does_not_wait_for_followers(write: WriteLabels, lane: Lane) -> None:
    api = _Api(_SAME)
    run(write_labels(_client(api), "shop", "web", write))

    assert api.lanes == [lane]
