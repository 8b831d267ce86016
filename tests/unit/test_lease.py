"""What is known of a record: since when, and for how long it is to be respected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.election.entry import ABSENT, Entry
from tenure.election.lease import (
    MAX_STATED_RESPECT_S,
    MAX_UNSTATED_RESPECT_S,
    Lease,
    observe,
    written,
)
from tenure.election.record import LeaseRecord, Unbelievable, render
from unit.builders import a_lease, a_record

_RECORD = a_record("web-0_1", 7)


def _see(
    previous: Lease | None,
    revision: int,
    record: LeaseRecord | bytes | None = _RECORD,
    *,
    now_s: float,
    connection: int = 1,
    read_at_s: float | None = None,
) -> Lease:
    value = render(record) if isinstance(record, LeaseRecord) else record
    entry = Entry(revision, value, written_at_s=1000.0)
    return observe(previous, entry, now_s=now_s, own_duration_s=15, connection=connection, read_at_s=read_at_s)


def test_the_first_sight_of_a_record_counts_from_now() -> None:
    lease = _see(None, 7, now_s=100.0)

    assert lease == Lease(7, _RECORD, seen_at_s=100.0, respect_s=15, connection=1, read_at_s=None)
    assert lease.runs_out_at_s() == 115.0


def test_the_same_revision_stays_as_old_as_it_is() -> None:
    lease = _see(_see(None, 7, now_s=100.0), 7, now_s=110.0, connection=2)

    assert (lease.seen_at_s, lease.connection) == (100.0, 2)


@pytest.mark.parametrize("read_at_s", [None, 119.0], ids=["by watch", "by read"])
def test_a_newer_revision_counts_from_now(read_at_s: float | None) -> None:
    lease = _see(_see(None, 7, now_s=100.0), 8, now_s=120.0, read_at_s=read_at_s)

    assert (lease.revision, lease.seen_at_s, lease.read_at_s) == (8, 120.0, read_at_s)


def test_an_older_revision_from_the_watch_changes_nothing() -> None:
    known = _see(None, 7, now_s=100.0)

    assert _see(known, 6, None, now_s=110.0, connection=2) is known


def test_an_older_revision_from_the_streams_leader_is_taken_since_the_bucket_was_lost_then() -> None:
    lease = _see(_see(None, 7, now_s=100.0), 0, None, now_s=110.0, read_at_s=109.0)

    assert (lease.revision, lease.record, lease.seen_at_s, lease.read_at_s) == (0, None, 110.0, 109.0)


def test_an_answer_to_a_read_that_was_begun_before_a_younger_revision_was_seen_changes_nothing() -> None:
    """The watch is quicker than an answer that was on its way: that is no loss of the bucket."""
    known = _see(None, 8, now_s=100.0)

    assert _see(known, 7, now_s=100.1, read_at_s=99.9) == known
    assert _see(known, 7, now_s=100.2, read_at_s=100.0).revision == 7


@pytest.mark.parametrize(("before", "after"), [(_RECORD, None), (None, _RECORD)])
def test_a_value_that_came_or_went_under_the_same_revision_is_another_record(
    before: LeaseRecord | None, after: LeaseRecord | None
) -> None:
    lease = _see(_see(None, 7, before, now_s=100.0), 7, after, now_s=110.0)

    assert (lease.record, lease.seen_at_s) == (after, 110.0)


def test_a_watch_event_of_the_same_revision_does_not_take_away_that_it_was_read() -> None:
    known = _see(None, 7, now_s=100.0, read_at_s=99.0)

    assert _see(known, 7, now_s=101.0).read_at_s == 99.0
    assert _see(known, 7, now_s=101.0, read_at_s=100.5).read_at_s == 100.5


def test_our_own_write_counts_from_before_it_was_sent() -> None:
    lease = written(_RECORD, revision=8, sent_at_s=90.0, duration_s=15, connection=3)

    assert lease == Lease(8, _RECORD, seen_at_s=90.0, respect_s=15, connection=3, read_at_s=None)


@pytest.mark.parametrize(
    ("record", "written_at_s", "own_s", "respect_s"),
    [
        pytest.param(a_record("x", duration_s=40), 1000.0, 15, 40, id="stated"),
        pytest.param(a_record("x", duration_s=1), 1000.0, 15, 1, id="stated shorter than our own"),
        pytest.param(a_record("x", duration_s=3600), 1000.0, 15, 3600, id="stated, the longest there is"),
        pytest.param(a_record("x", duration_s=10**300), 1000.0, 15, 3600, id="stated beyond reason"),
        pytest.param(a_record("x", duration_s=None, expires_at_s=1010.0), 1000.0, 15, 15, id="seed: 10 s, ours longer"),
        pytest.param(a_record("x", duration_s=None, expires_at_s=1010.0), 1000.0, 5, 10, id="seed: 10 s, ours shorter"),
        pytest.param(a_record("x", duration_s=None, expires_at_s=1040.0), 1000.0, 15, 40, id="not stated, 40 s ahead"),
        pytest.param(
            a_record("x", duration_s=None, expires_at_s=1500.0), 1000.0, 15, 60, id="not stated, too far ahead"
        ),
        pytest.param(
            a_record("x", duration_s=None, expires_at_s=1500.0), 1000.0, 90, 90, id="ours longer than the most"
        ),
        pytest.param(a_record("x", duration_s=None, expires_at_s=900.0), 1000.0, 15, 15, id="not stated, in the past"),
        pytest.param(
            a_record("x", duration_s=None, expires_at_s=1040.0), None, 15, 15, id="no timestamp to compare with"
        ),
        pytest.param(None, None, 15, 15, id="absent"),
        pytest.param(b"junk", 1000.0, 15, 15, id="unbelievable"),
    ],
)
def test_a_record_is_respected_for(
    record: LeaseRecord | bytes | None, written_at_s: float | None, own_s: int, respect_s: float
) -> None:
    entry = Entry(7, render(record) if isinstance(record, LeaseRecord) else record, written_at_s)

    assert observe(None, entry, now_s=0.0, own_duration_s=own_s, connection=1).respect_s == respect_s


@given(
    st.none() | st.integers(1, 2**70),
    st.floats(-1e9, 1e11),
    st.none() | st.floats(0, 1e10),
    st.integers(3, 3600),
)
def test_respect_is_never_endless_and_never_below_our_own_where_nothing_is_stated(
    stated_s: int | None, expires_at_s: float, written_at_s: float | None, own_s: int
) -> None:
    entry = Entry(7, render(a_record("x", duration_s=stated_s, expires_at_s=expires_at_s)), written_at_s)
    respect_s = observe(None, entry, now_s=0.0, own_duration_s=own_s, connection=1).respect_s

    if stated_s is not None:
        assert respect_s == min(stated_s, MAX_STATED_RESPECT_S)
    else:
        assert own_s <= respect_s <= max(own_s, MAX_UNSTATED_RESPECT_S)


@pytest.mark.parametrize(("now_s", "expired"), [(100.0, False), (114.999, False), (115.0, True), (1e9, True)])
def test_a_record_has_run_out_when_the_same_revision_was_seen_for_as_long_as_it_is_respected(
    now_s: float, expired: bool
) -> None:
    assert a_lease(_RECORD).expired(now_s) is expired


@pytest.mark.parametrize(
    ("record", "holder", "term"),
    [(_RECORD, "web-0_1", 7), (a_record("", 7), "", 7), (None, "", 0), (Unbelievable("it is not JSON"), "", 0)],
)
def test_only_a_record_that_is_believed_has_a_holder_and_a_term(
    record: LeaseRecord | Unbelievable | None, holder: str, term: int
) -> None:
    lease = a_lease(record)

    assert (lease.holder, lease.term) == (holder, term)


def test_a_key_that_was_never_written_is_absent() -> None:
    lease = observe(None, ABSENT, now_s=5.0, own_duration_s=15, connection=1)

    assert (lease.revision, lease.record) == (0, None)


_sightings = st.lists(
    st.tuples(st.integers(1, 6), st.booleans(), st.floats(0.0, 10.0)),  # revision, by read, seconds since the last one
    min_size=1,
    max_size=30,
)


@given(_sightings)
def test_a_revision_is_as_old_as_its_unbroken_sight(sightings: list[tuple[int, bool, float]]) -> None:
    """Against the plainest model: which revision is known, and when it became the known one."""
    lease: Lease | None = None
    known, since_s, now_s = -1, 0.0, 0.0
    for revision, by_read, pause_s in sightings:
        now_s += pause_s
        if revision > known or (by_read and revision != known):
            known, since_s = revision, now_s
        lease = _see(lease, revision, now_s=now_s, read_at_s=now_s if by_read else None)
        assert (lease.revision, lease.seen_at_s) == (known, since_s)
