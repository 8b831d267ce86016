"""Which election has which record, and in which words the others are refused it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tenure.election.resource import OWN_RECORD, RecordName, Refusal, Resource
from tenure.runtime.keys import Key
from tenure.runtime.record_book import RecordBook
from unit.builders import SPEC, a_resource

_GO = RecordName("aether-leader-election", "leader")
_SHARED = RecordName("leader-elections", "shop.first")
_PODS = replace(SPEC, pods_campaign=True)


def _election(name: str, record: RecordName = OWN_RECORD, *, created_at_s: float = 0.0, uid: str = "") -> Resource:
    resource = a_resource(spec=replace(_PODS, record=record))
    return replace(resource, name=name, uid=uid or f"uid-of-{name}", created_at_s=created_at_s)


def _key(name: str) -> Key:
    return ("shop", name)


def _book(*allowed: RecordName) -> RecordBook:
    return RecordBook("leader-elections", allowed)


def test_an_election_has_the_record_of_its_own_name() -> None:
    book, election = _book(), _election("web")

    assert book.enter(election) == set()
    assert book.name_of(election) == ("leader-elections", "shop.web")
    assert book.owner(RecordName("leader-elections", "shop.web")) == _key("web")
    assert book.refusal(election) is None


def test_its_own_record_may_be_named_without_being_allowed() -> None:
    book, election = _book(), _election("web", RecordName("leader-elections", "shop.web"))
    book.enter(election)

    assert book.refusal(election) is None


def test_what_is_left_out_of_a_name_is_the_usual() -> None:
    book = _book()

    assert book.name_of(_election("web", RecordName(bucket="other"))) == ("other", "shop.web")
    assert book.name_of(_election("web", RecordName(key="leader"))) == ("leader-elections", "leader")


def test_another_record_must_be_allowed() -> None:
    book, election = _book(_SHARED), _election("web", _GO)

    assert book.enter(election) == set()
    assert (book.owner(_GO), book.is_elsewhere(_GO)) == (None, False)
    assert book.refusal(election) == Refusal(
        "RecordNotAllowed",
        "spec.record is aether-leader-election/leader, which no election may name here: leave it out, or start the "
        "operator with --allow-record aether-leader-election/leader.",
    )


def test_a_record_that_is_allowed_is_had() -> None:
    book, election = _book(_GO), _election("web", _GO)
    book.enter(election)

    assert (book.owner(_GO), book.is_elsewhere(_GO), book.refusal(election)) == (_key("web"), True, None)


def test_of_two_that_name_one_record_the_oldest_has_it_in_whatever_order_they_come() -> None:
    book, old, young = _book(_GO), _election("old", _GO, created_at_s=1.0), _election("young", _GO, created_at_s=2.0)

    assert book.enter(young) == set()
    assert book.enter(old) == {_key("young")}

    assert book.refusal(old) is None
    assert book.refusal(young) == Refusal(
        "RecordConflict",
        "The record aether-leader-election/leader is that of the election shop/old: name another one in spec.record.",
    )
    assert book.leave(_key("old")) == {_key("young")}
    assert book.refusal(young) is None


def test_whose_own_record_it_is_has_it_before_older_ones_that_name_it() -> None:
    book, guest = _book(_SHARED), _election("guest", _SHARED, created_at_s=1.0)
    owner = _election("first", created_at_s=2.0)

    book.enter(guest)

    assert book.enter(owner) == {_key("guest")}
    assert book.refusal(owner) is None
    assert book.refusal(guest) is not None


def test_an_election_that_names_another_record_does_not_keep_the_first() -> None:
    book = _book(_GO)
    book.enter(_election("web", _GO))

    book.enter(_election("web"))

    assert book.owner(_GO) is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([None, 1.0, 2.0])), max_size=20))
def test_a_record_always_has_exactly_one_of_those_that_name_it(changes: list[tuple[str, float | None]]) -> None:
    """Whoever comes and goes in between; and all whose right has changed are told."""
    book = _book(_GO)
    there: dict[str, Resource] = {}
    refused: dict[str, bool] = {}
    for name, created_at_s in changes:
        if created_at_s is None:
            told = book.leave(_key(name))
            there.pop(name, None)
            refused.pop(name, None)
        else:
            there[name] = _election(name, _GO, created_at_s=created_at_s)
            told = book.enter(there[name])
        now = {one: book.refusal(resource) is not None for one, resource in there.items()}
        assert {one for one in now if one != name and now[one] != refused.get(one)} <= {one for _, one in told}
        assert list(now.values()).count(False) == (1 if there else 0)
        refused = now
