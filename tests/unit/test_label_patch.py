"""A label write as a JSON Patch: what it would do to a pod, told by a small evaluator."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import json_patch
from tenure.election.effects import WriteLabels
from tenure.election.labels import PodRole
from tenure.election.pod import PodRef
from tenure.kubernetes.pods import parse_pod, patch_of
from unit.builders import ELECTION

_REF = PodRef("web-0", "uid-0")
_ROLE, _TERM = "role.tenure.dev/web", "term.tenure.dev/web"


def _pod(labels: dict[str, str] | None, uid: str = "uid-0") -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "web-0", "uid": uid, "resourceVersion": "5", "annotations": {"a": "b"}}
    if labels is not None:
        metadata["labels"] = labels
    return {"metadata": metadata, "spec": {"nodeName": "node-1"}}


def _write(
    expected: str | None,
    role: PodRole | None,
    term: int | None,
    *,
    seen_role: str | None = "follower",
    no_map: bool = False,
) -> WriteLabels:
    return WriteLabels(
        ref=_REF, expected_term=expected, expected_role=seen_role, role=role, term=term, no_labels_map=no_map
    )


def _apply(body: dict[str, Any], write: WriteLabels) -> Any:
    return json_patch.apply(body, patch_of(ELECTION, write))["metadata"].get("labels")


@pytest.mark.parametrize(
    ("before", "write", "after"),
    [
        pytest.param(
            {"app": "web"},
            _write(None, PodRole.FOLLOWER, 7),
            {"app": "web", _ROLE: "follower", _TERM: "7"},
            id="the first labels of a pod",
        ),
        pytest.param(
            None,
            _write(None, PodRole.FOLLOWER, 7, no_map=True),
            {_ROLE: "follower", _TERM: "7"},
            id="the first labels of a pod without any",
        ),
        pytest.param(
            {_ROLE: "leader", _TERM: "7"},
            _write("7", PodRole.FOLLOWER, 8),
            {_ROLE: "follower", _TERM: "8"},
            id="a stamp",
        ),
        pytest.param(
            {_ROLE: "follower", _TERM: "7", "role.tenure.dev/db": "leader"},
            _write("7", PodRole.LEADER, 7),
            {_ROLE: "leader", _TERM: "7", "role.tenure.dev/db": "leader"},
            id="a crown, beside another election's",
        ),
        pytest.param({}, _write(None, PodRole.FOLLOWER, None), {_ROLE: "follower"}, id="a role without a term"),
        pytest.param({_ROLE: "follower", _TERM: "7"}, _write("7", None, None), {_TERM: "7"}, id="cleaning"),
        pytest.param({_ROLE: "follower", _TERM: "x"}, _write("x", None, 7), {_TERM: "7"}, id="cleaning over a forgery"),
        pytest.param({_TERM: ""}, _write("", PodRole.FOLLOWER, 7), {_ROLE: "follower", _TERM: "7"}, id="an empty term"),
    ],
)
def test_a_write_changes_its_own_labels_and_nothing_else(
    before: dict[str, str] | None, write: WriteLabels, after: dict[str, str]
) -> None:
    body = _pod(before)

    assert json_patch.apply(body, patch_of(ELECTION, write)) == _pod(after)


@pytest.mark.parametrize(
    ("body", "write", "error"),
    [
        pytest.param(
            _pod({_TERM: "7"}, uid="uid-1"), _write("7", PodRole.FOLLOWER, 7), json_patch.TestFailed, id="another pod"
        ),
        pytest.param(_pod({_TERM: "8"}), _write("7", PodRole.FOLLOWER, 7), json_patch.TestFailed, id="a higher term"),
        pytest.param(_pod({_TERM: "6"}), _write("7", PodRole.FOLLOWER, 7), json_patch.TestFailed, id="a lower term"),
        pytest.param(_pod({}), _write("7", PodRole.FOLLOWER, 7), json_patch.TestFailed, id="the term was taken away"),
        pytest.param(
            _pod({_TERM: "1"}), _write(None, PodRole.FOLLOWER, 7), json_patch.TestFailed, id="a term has come"
        ),
        pytest.param(_pod({_TERM: "0"}), _write(None, PodRole.FOLLOWER, 7), json_patch.TestFailed, id="a term of 0"),
        pytest.param(_pod({_TERM: ""}), _write(None, PodRole.FOLLOWER, 7), json_patch.TestFailed, id="an empty term"),
        pytest.param(
            _pod({"app": "web"}),
            _write(None, PodRole.FOLLOWER, 7, no_map=True),
            json_patch.TestFailed,
            id="labels have come: they must not be thrown away",
        ),
        pytest.param(_pod(None), _write(None, PodRole.FOLLOWER, 7), json_patch.PathMissing, id="all labels are gone"),
        pytest.param(_pod({_TERM: "7"}), _write("7", None, None), json_patch.PathMissing, id="no role to take off"),
        pytest.param(
            _pod({_TERM: "7"}),
            _write("7", PodRole.LEADER, 7),
            json_patch.TestFailed,
            id="a crown, and the role is gone",
        ),
        pytest.param(
            _pod({_ROLE: "king", _TERM: "7"}),
            _write("7", PodRole.LEADER, 7),
            json_patch.TestFailed,
            id="a crown, and the role is another",
        ),
    ],
)
def test_a_write_that_was_decided_on_something_else_is_refused(
    body: dict[str, Any], write: WriteLabels, error: type[Exception]
) -> None:
    with pytest.raises(error):
        _apply(body, write)


_labels = st.none() | st.dictionaries(
    st.sampled_from([_ROLE, _TERM, "app", "role.tenure.dev/db"]), st.sampled_from(["leader", "follower", "7", "8", "x"])
)
_writes = st.builds(
    lambda term, seen_role, role, new, no_map: _write(term, role, new, seen_role=seen_role, no_map=no_map),
    st.sampled_from([None, "7", "8", "x"]),
    st.sampled_from([None, "leader", "follower"]),
    st.sampled_from([None, *PodRole]),
    st.none() | st.integers(1, 9),
    st.booleans(),
)


@given(_labels, _writes)
def test_a_write_is_a_compare_and_set_on_uid_and_term(labels: dict[str, str] | None, write: WriteLabels) -> None:
    """Whatever the pod carries: either nothing happens, or it is what was expected and the result is as asked."""
    seen, seen_role = (labels or {}).get(_TERM), (labels or {}).get(_ROLE)
    try:
        after = _apply(_pod(labels), write)
    except (json_patch.TestFailed, json_patch.PathMissing):
        role_is_missing = write.role is None and seen_role is None
        role_is_another = write.role is PodRole.LEADER and seen_role != write.expected_role
        is_another = seen != write.expected_term or (labels is None) is not write.no_labels_map
        assert is_another or role_is_missing or role_is_another
        return
    assert seen == write.expected_term
    assert write.role is not PodRole.LEADER or seen_role == write.expected_role
    assert after.get(_ROLE) == write.role
    assert after.get(_TERM) == (seen if write.term is None else str(write.term))
    others = {key: value for key, value in (labels or {}).items() if key not in (_ROLE, _TERM)}
    assert {key: value for key, value in after.items() if key not in (_ROLE, _TERM)} == others


@given(_labels, _writes)
def test_what_was_seen_through_parse_pod_is_what_the_patch_tests(
    labels: dict[str, str] | None, write: WriteLabels
) -> None:
    """A write that is made of what `parse_pod` has shown is never refused for what it tests."""
    pod = parse_pod(_pod(labels))
    made = _write(
        pod.term(ELECTION),
        write.role or PodRole.FOLLOWER,
        write.term,
        seen_role=pod.role(ELECTION),
        no_map=pod.labels is None,
    )

    assert _apply(_pod(labels), made)[_ROLE] == made.role


def test_a_key_is_escaped_in_a_path() -> None:
    paths = [operation["path"] for operation in patch_of(ELECTION, _write(None, PodRole.LEADER, 7))]

    assert paths == [
        "/metadata/uid",
        "/metadata/labels/term.tenure.dev~1web",
        "/metadata/labels/role.tenure.dev~1web",
        "/metadata/labels/role.tenure.dev~1web",
        "/metadata/labels/term.tenure.dev~1web",
    ]
