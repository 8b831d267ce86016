"""Which elections a Service concerns, and which slices were written for an election."""

from __future__ import annotations

from tenure.election.inputs import RouteSeen
from tenure.runtime.services import ServiceIndex

_WEB, _API = ("shop", "web"), ("shop", "api")


def test_the_elections_of_a_namespace_that_name_a_service_are_found() -> None:
    index = ServiceIndex()
    index.select(_WEB, ["one", "two"])
    index.select(_API, ["two"])

    assert index.naming("shop", "two") == {"web", "api"}
    assert index.naming("office", "two") == frozenset()

    index.select(_WEB, ["one"])
    index.select(_API, ())
    assert index.naming("shop", "one") == {"web"}
    assert index.naming("shop", "two") == frozenset()


def test_the_slices_of_an_election_are_remembered_until_they_are_deleted() -> None:
    index = ServiceIndex()
    index.see_slice(_WEB, "one", 5, deleted=False)
    index.see_slice(_WEB, "one", 6, deleted=False)
    index.see_slice(_API, "two", 7, deleted=True)

    assert index.seen(_WEB) == [RouteSeen("EndpointSlice/one", 6)]
    assert index.seen(_API) == []
    assert index.concerned() == {_WEB}

    index.see_slice(_WEB, "one", 8, deleted=True)
    assert index.seen(_WEB) == []
