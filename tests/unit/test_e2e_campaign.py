"""What the end-to-end test makes of the programs of leaders that campaign for themselves."""

from __future__ import annotations

from e2e.calls import Reign
from e2e.campaign import Loss, loss, moments

_BEFORE, _LOST, _NEXT = Reign("a", "uid-a", "1", 50.0, 90.0), Reign("b", "uid-b", "2", 90.0), Reign("c", "", "3", 114.5)
_FOUND = Loss(moved_s=14.5, began_s=14.75, ended_s=12.5)
_SAID: dict[str, list[float]] = {"a": [], "b": [99.9, 100.0, 112.5, 160.0], "c": [60.0, 114.75, 114.85]}


def test_it_is_told_how_long_the_program_ran_and_when_the_next_one_began() -> None:
    """What each said before the node was lost, and after it was back, is of other terms."""
    assert loss([_BEFORE, _LOST, _NEXT], _SAID.__getitem__, from_s=100.0, over_s=150.0) == _FOUND


def test_a_program_that_ended_with_its_node_says_nothing_while_it_is_away() -> None:
    said = {**_SAID, "b": [160.0]}

    found = loss([_BEFORE, _LOST, _NEXT], said.__getitem__, from_s=100.0, over_s=150.0)

    assert found is not None
    assert found.ended_s is None


def test_a_leader_that_stayed_was_not_lost() -> None:
    assert loss([_BEFORE, _LOST], _SAID.__getitem__, from_s=100.0, over_s=150.0) is None


def test_moments_are_told_from_what_the_command_logs() -> None:
    lines = ["1795531884.543996123", '{"level": "info", "message": "leads"}', "", "1795531884.65"]

    assert list(moments(lines)) == [1795531884.543996123, 1795531884.65]
