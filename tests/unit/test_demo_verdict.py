"""The demo's verdict finds what it claims to find: a history in which nothing is wrong, and that history broken."""

from __future__ import annotations

import random
from typing import Any

import pytest

from demo.verdict import judge
from demo.world import Change, Kind

_UIDS = {"web-0": "uid-a", "web-1": "uid-b", "web-2": "uid-c"}


def _change(version: int, kind: Kind, uid: str, name: str, content: dict[str, Any]) -> Change:
    metadata = {"name": name, "uid": uid, "resourceVersion": str(version), **content.pop("metadata", {})}
    return Change(came_at_s=float(version), kind=kind, deleted=False, object={"metadata": metadata, **content})


def _pod(version: int, name: str, role: str, term: int) -> Change:
    labels = {"role.tenure.dev/web": role, "term.tenure.dev/web": str(term)}
    return _change(version, "pod", _UIDS[name], name, {"metadata": {"labels": labels}})


def _status(version: int, term: int, leader: str | None) -> Change:
    named = None if leader is None else {"podName": leader, "podUID": _UIDS[leader]}
    return _change(version, "election", "uid-e", "web", {"status": {"term": term, "leader": named}})


def _routes(version: int, *names: str, ready: bool | None = True) -> Change:
    endpoints = [
        {
            "addresses": [f"10.0.0.{name[-1]}"],
            "conditions": {"ready": ready},
            "targetRef": {"name": name, "uid": _UIDS[name]},
        }
        for name in names
    ]
    return _change(version, "slice", "uid-s", "web-leader-x", {"endpoints": endpoints})


_GOOD = [
    _status(10, 1, "web-0"),
    _pod(11, "web-1", "follower", 1),
    _pod(12, "web-0", "leader", 1),
    _routes(13, "web-0"),
    _status(20, 2, "web-1"),
    _pod(21, "web-0", "follower", 2),
    _pod(22, "web-1", "leader", 2),
    _routes(30, "web-1"),
]


def test_a_hand_over_in_order_is_good_whatever_came_first() -> None:
    """The order of arrival does not count, the order of resourceVersions does."""
    shuffled = random.Random(1).sample(_GOOD, k=len(_GOOD))

    assert judge(_GOOD) == []
    assert judge(shuffled) == []


def test_an_endpoint_that_is_not_ready_does_not_count() -> None:
    assert judge([*_GOOD, _routes(31, "web-0", "web-2", ready=False)]) == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ([_pod(19, "web-1", "leader", 1)], "At resourceVersion 19 web-0 and web-1 carry the leader label at once."),
        ([_pod(19, "web-1", "leader", 1)], "which the status never gave it"),
        ([_pod(23, "web-1", "leader", 3)], "At resourceVersion 23 web-1 carries the leader label for term 3"),
        ([_status(29, 1, "web-1")], "At resourceVersion 29 the term in the status fell from 2 to 1."),
        ([_routes(14, "web-0", "web-1")], "At resourceVersion 14 the Service routes to web-0 and web-1 at once."),
        ([_routes(14, "web-0", "web-1", ready=None)], "web-0 and web-1 at once"),
        ([_routes(14, "web-2")], "At resourceVersion 14 the Service routes to web-2, which is not the leader"),
        ([_routes(31, "web-0")], "At resourceVersion 31 the Service routes to web-0, which is not the leader"),
        ([_routes(9, "web-0")], "At resourceVersion 9 the Service routes to web-0, which is not the leader"),
    ],
)
def test_what_breaks_a_claim_is_named_once(changes: list[Change], complaint: str) -> None:
    found = judge([*_GOOD, *changes])

    assert len([sentence for sentence in found if complaint in sentence]) == 1, found
