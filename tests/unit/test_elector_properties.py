"""What holds for a candidate whatever happens to it: writes that land, fail, or are answered late; rivals; time."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from tenure.election.elector import Elector, Role, Wish
from tenure.election.lease import Lease, written
from tenure.election.record import LeaseRecord
from unit.builders import TIMING, a_lease, a_record, a_signature
from unit.reach import reach, reaches

_ME = "web-0_1"


@dataclass
class _World:
    """One record, our candidate, and a note of each own write that is known to stand: its term and when it was sent."""

    elector: Elector = field(default_factory=lambda: Elector(_ME))
    lease: Lease = field(default_factory=lambda: a_lease(None, revision=0))
    now_s: float = 100.0
    nonces: int = 0
    stands: list[tuple[int, float]] = field(default_factory=list)

    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        self.elector.observe(self.now_s, self.lease, TIMING)

    def rival_writes(self, holder: str, term: int) -> None:
        self.lease = a_lease(a_record(holder, term), revision=self.lease.revision + 1, seen_at_s=self.now_s)
        self.elector.observe(self.now_s, self.lease, TIMING)

    def step(self, wish: Wish, claims: bool, lands: bool, is_known: bool, takes_s: float) -> LeaseRecord | None:
        self.nonces += 1
        record = self.elector.step(
            self.now_s,
            self.lease,
            wish,
            signature=a_signature(nonce=str(self.nonces)),
            timing=TIMING,
            claim_term=self.lease.term + 1 if claims else None,
        )
        if record is None:
            return None
        sent_at_s = self.now_s
        self.now_s += takes_s
        if lands:
            revision = self.lease.revision + 1
            self.lease = written(record, revision=revision, sent_at_s=sent_at_s, duration_s=15, connection=1)
        known_record = record if lands and is_known else None
        if known_record is not None and known_record.holder:
            self.stands.append((known_record.term, sent_at_s))
        self.elector.concluded(self.now_s, known_record, sent_at_s=sent_at_s, timing=TIMING)
        self.elector.observe(self.now_s, self.lease, TIMING)
        return record


_steps = st.tuples(
    st.just("step"), st.sampled_from(Wish), st.booleans(), st.booleans(), st.booleans(), st.floats(0.0, 20.0)
)
_waits = st.tuples(st.just("wait"), st.floats(0.0, 8.0) | st.sampled_from([6.5, 12.9, 13.0]))
_rivals = st.tuples(st.just("rival"), st.sampled_from(["web-1_2", "", _ME]), st.integers(1, 9))


def _happen(world: _World, what: tuple[object, ...]) -> None:
    match what:
        case ("step", Wish() as wish, bool(claims), bool(lands), bool(is_known), float(takes_s)):
            world.step(wish, claims, lands, is_known, takes_s)
        case ("wait", float(seconds)):
            world.wait(seconds)
        case ("rival", str(holder), int(term)):
            world.rival_writes(holder, term)
        case _:
            raise AssertionError(what)


@reaches(leading=30)
@given(st.lists(_steps | _waits | _rivals, max_size=30))
def test_it_leads_only_by_a_write_of_its_own_that_stands_and_only_until_its_deadline(
    course: list[tuple[object, ...]],
) -> None:
    world = _World()
    world.step(Wish.LEAD, claims=True, lands=True, is_known=True, takes_s=0.0)
    assert world.elector.role is Role.LEADER
    for what in course:
        _happen(world, what)
        elector = world.elector
        if elector.role is not Role.LEADER:
            continue
        reach("leading")
        assert (elector.term, elector.lease_from_s) in world.stands, "it leads by a write that is not known to stand"
        assert world.now_s < elector.lease_from_s + TIMING.renew_deadline_s, "it leads past its deadline"
        assert (world.lease.holder, world.lease.term) == (_ME, elector.term), "it leads against the record"


@given(st.lists(_steps | _waits | _rivals, max_size=20))
def test_a_wish_to_release_ends_leadership_before_any_answer(course: list[tuple[object, ...]]) -> None:
    world = _World()
    for what in course:
        _happen(world, what)

    record = world.elector.step(world.now_s, world.lease, Wish.RELEASE, signature=a_signature(), timing=TIMING)

    assert world.elector.role is not Role.LEADER
    assert (record is not None) is (world.lease.holder == _ME)
    assert record is None or (record.holder, record.term) == ("", world.lease.term)


@given(st.lists(_steps | _waits | _rivals, max_size=20), st.sampled_from(Wish))
def test_it_never_writes_over_another_without_being_given_a_term(course: list[tuple[object, ...]], wish: Wish) -> None:
    world = _World()
    for what in course:
        _happen(world, what)
    world.rival_writes("web-1_2", 20)

    assert world.step(wish, claims=False, lands=True, is_known=True, takes_s=0.0) is None


@given(st.floats(0.0, 12.9), st.floats(0.0, 30.0))
def test_leadership_is_counted_from_before_the_write_was_sent(takes_s: float, later_s: float) -> None:
    world = _World()
    world.step(Wish.LEAD, claims=True, lands=True, is_known=True, takes_s=takes_s)
    assert world.elector.role is Role.LEADER

    world.wait(later_s)

    assert (world.elector.role is Role.LEADER) is (world.now_s < 113.0)
