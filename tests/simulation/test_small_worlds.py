"""Small worlds, gone through in every order, on the production core; `make explore` goes through more of them."""

from __future__ import annotations

import pytest

from explorer import __main__ as explorer
from explorer import deliberate
from explorer.scenarios import SMALL, Scenario
from explorer.schedule import narrate
from explorer.search import Search


def explore(scenario: Scenario) -> Search:
    search = scenario.search()
    search.run(states=scenario.states, depth=scenario.depth)
    return search


def schedule_of(search: Search) -> str:
    assert search.broken is not None
    return "\n".join(narrate(search.dynamics, search.first, search.broken))


@pytest.mark.parametrize("scenario", SMALL, ids=lambda scenario: scenario.name)
def test_g1_to_g4_hold_in_every_order(scenario: Scenario) -> None:
    search = explore(scenario)

    assert search.broken is None, schedule_of(search)
    print(f"{search.visited:,} states, depth {search.depth}")
    assert search.is_complete or search.visited >= scenario.states


@pytest.mark.parametrize(
    ("fault", "world", "broken"),
    [
        (deliberate.label_before_the_status_is_acknowledged, "crown on its way", "G3: b is crowned for term 2"),
        (deliberate.stamp_by_the_cache, "crown on its way", "G3: two leaders: a and b"),
        (deliberate.skip_a_stamp, "crown on its way", "G3: two leaders: a and b"),
        (deliberate.crown_before_the_stamps_are_acknowledged, "hand-over", "G3: two leaders: a and b"),
        (deliberate.crown_before_the_stamps_are_acknowledged, "killed", "G3: two leaders: a and b"),
        (deliberate.crown_before_the_stamps_are_acknowledged, "halted", "G3: two leaders: a and b"),
        (deliberate.crown_before_the_stamps_are_acknowledged, "two: write served twice", "G3: two leaders: a and b"),
        (deliberate.forget_the_old_leader, "crown on its way", "G3: two leaders: a and b"),
        (deliberate.take_no_answer_for_gone, "no answer", "G3: two leaders: a and b"),
        (deliberate.claim_without_the_floor, "claim on its way, bucket lost", "G1: term 1 is held by a_a1 and by b_b2"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_deliberate_fault_is_found(fault: deliberate.Fault, world: str, broken: str) -> None:
    with fault():
        search = explore(next(scenario for scenario in SMALL if scenario.name == world))
        schedule = schedule_of(search)

    print(schedule)
    assert f"=> {broken}" in schedule


def test_a_search_repeats_exactly() -> None:
    scenario = SMALL[1]

    first, second = explore(scenario), explore(scenario)

    assert (first.visited, first.moves, first.depth) == (second.visited, second.moves, second.depth)


def test_worlds_that_have_become_too_few_states_fail_unless_less_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(explorer, "SCENARIOS", SMALL[:1])

    monkeypatch.setattr("sys.argv", ["explorer"])
    assert explorer.main() == 1
    assert "fewer than 1,000,000 states" in capsys.readouterr().out

    for less in ("first election", "--states=1000", "--depth=100"):
        monkeypatch.setattr("sys.argv", ["explorer", less])
        assert explorer.main() == 0
