"""When the EndpointSlices of an election are looked at again, and when that waits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tenure.election.alarm import Alarm
from tenure.election.effects import RouteServices
from tenure.election.inputs import RouteSeen, ServicesRouted, SlicesListed
from tenure.election.routes import Routes
from unit.builders import a_pod

_LEADER = a_pod("web-0").ref
_WANTED = RouteServices(("web",), 7, _LEADER, is_ready=True)
_SERVICE, _SLICE = "Service/web", "EndpointSlice/web-tenure-ipv4"
_VERSIONS = {_SERVICE: 10, _SLICE: 20}


def _decide(routes: Routes, now_s: float = 100.0, wanted: RouteServices = _WANTED) -> list[RouteServices]:
    return routes.decide(now_s, wanted, Alarm())


def _settled() -> Routes:
    routes = Routes()
    assert _decide(routes) == [_WANTED]
    routes.absorb(100.0, ServicesRouted(_VERSIONS))
    return routes


def test_what_is_wanted_is_carried_out_once() -> None:
    routes = Routes()

    assert (_decide(routes), _decide(routes)) == ([_WANTED], []), "one at a time"
    routes.absorb(100.0, ServicesRouted(_VERSIONS))

    assert routes.is_settled(_WANTED)
    assert _decide(routes) == []


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"term": 8, "leader": a_pod("web-1").ref}, id="another leader"),
        pytest.param({"leader": None}, id="no leader"),
        pytest.param({"is_ready": False}, id="the leader is not Ready"),
        pytest.param({"services": ("web", "api")}, id="one more Service"),
    ],
)
def test_what_changes_is_carried_out_at_once(changed: dict[str, object]) -> None:
    routes, next_one = _settled(), replace(_WANTED, **changed)  # type: ignore[arg-type]

    assert not routes.is_settled(next_one)
    assert _decide(routes, wanted=next_one) == [next_one]


@pytest.mark.parametrize(
    ("what", "version", "is_settled"),
    [
        pytest.param(_SERVICE, 10, True, id="the version that was looked at"),
        pytest.param(_SLICE, 19, True, id="an older one"),
        pytest.param(_SLICE, 21, False, id="a newer one: somebody else wrote"),
        pytest.param("EndpointSlice/other", 5, False, id="one that was not known"),
    ],
)
def test_a_watch_that_shows_what_was_not_looked_at_has_it_looked_at(what: str, version: int, is_settled: bool) -> None:
    routes = _settled()

    routes.absorb(100.0, RouteSeen(what, version))

    assert routes.is_settled(_WANTED) is is_settled
    assert _decide(routes) == ([] if is_settled else [_WANTED])


@pytest.mark.parametrize(
    ("listed", "is_settled"),
    [
        pytest.param({_SLICE: 20}, True, id="as it was written"),
        pytest.param({_SLICE: 19}, True, id="a list from a cache that is behind"),
        pytest.param({_SLICE: 21}, False, id="somebody else's version"),
        pytest.param({}, False, id="it is gone"),
        pytest.param({_SLICE: 20, "EndpointSlice/other": 5}, False, id="one too many"),
    ],
)
def test_a_list_shows_what_no_watch_has(listed: dict[str, int], is_settled: bool) -> None:
    routes = _settled()
    routes.absorb(101.0, SlicesListed(listed))

    assert routes.is_settled(_WANTED) is is_settled
    assert _decide(routes, 200.0) == ([] if is_settled else [_WANTED])


def test_what_a_watch_shows_while_it_is_on_its_way_is_compared_with_the_result() -> None:
    routes = Routes()
    _decide(routes)
    routes.absorb(100.0, RouteSeen(_SLICE, 20))
    routes.absorb(100.0, RouteSeen(_SLICE, 19))
    routes.absorb(100.0, ServicesRouted(_VERSIONS))
    assert routes.is_settled(_WANTED), "it was our own write"

    routes.absorb(100.0, RouteSeen(_SLICE, 30))
    assert _decide(routes) == [_WANTED]
    routes.absorb(100.0, ServicesRouted({_SERVICE: 10}))
    assert routes.is_settled(_WANTED), "it was deleted, and that was seen"


def test_against_somebody_who_keeps_writing_it_waits_longer_and_longer_but_not_with_another_leader() -> None:
    routes, now_s, waits = _settled(), 100.0, []
    for version in range(21, 41):
        routes.absorb(now_s, RouteSeen(_SLICE, version))
        alarm = Alarm()
        sent = routes.decide(now_s, _WANTED, alarm)
        waits.append(0.0 if sent else alarm.at_s - now_s)
        now_s = now_s if sent else alarm.at_s
        assert (sent or _decide(routes, now_s)) == [_WANTED]
        routes.absorb(now_s, ServicesRouted({**_VERSIONS, _SLICE: version}))

    assert waits[:3] == pytest.approx([0.0, 0.2, 0.4])
    assert waits == pytest.approx(sorted(waits))
    assert waits[-1] == pytest.approx(60.0)
    routes.absorb(now_s, RouteSeen(_SLICE, 41))
    assert _decide(routes, now_s + 200) == [_WANTED], "that was somebody else"
    routes.absorb(now_s + 200, ServicesRouted({**_VERSIONS, _SLICE: 41}))
    next_one = replace(_WANTED, term=8)
    assert _decide(routes, now_s, next_one) == [next_one]


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(ServicesRouted({}, is_done=False), id="no answer"),
        pytest.param(ServicesRouted(_VERSIONS, ("There is no Service api.",)), id="a Service that cannot be routed"),
        pytest.param(ServicesRouted(_VERSIONS, above=9), id="a slice with a higher term"),
    ],
)
def test_what_could_not_be_done_is_tried_again_after_a_while(result: ServicesRouted) -> None:
    routes = Routes()
    _decide(routes)
    routes.absorb(100.0, result)

    assert not routes.is_settled(_WANTED)
    assert _decide(routes, 100.1) == []
    assert _decide(routes, 100.3) == [_WANTED]


def test_slices_may_be_left_while_the_election_names_no_service_any_more() -> None:
    none = replace(_WANTED, services=())
    assert not Routes().may_be_left
    routes = _settled()
    assert routes.may_be_left

    assert _decide(routes, wanted=none) == [none]
    routes.absorb(100.0, ServicesRouted({}))
    assert not routes.may_be_left

    routes.absorb(100.0, RouteSeen(_SLICE, 50))
    assert routes.may_be_left, "a watch shows one of an earlier life"
