"""What a process that campaigns for itself is told of each change of leadership."""

from __future__ import annotations

import pytest

from tenure.election.notices import BecameLeader, Leadership, LostLeadership, NewLeader, Notice, notices_between

_NOBODY = Leadership()
_LEADS_1, _LEADS_3 = Leadership("me", 1, 1), Leadership("me", 3, 3)
_OTHER_2, _OTHER_4 = Leadership("other", 2), Leadership("other", 4)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param(_NOBODY, _LEADS_1, [BecameLeader(1)], id="it leads"),
        pytest.param(_LEADS_1, _LEADS_1, [], id="it leads on"),
        pytest.param(_LEADS_1, Leadership("me", 1), [LostLeadership(1)], id="its deadline has passed"),
        pytest.param(Leadership("me", 1), _LEADS_1, [BecameLeader(1)], id="it leads again in its term"),
        pytest.param(_LEADS_1, _NOBODY, [LostLeadership(1)], id="its lease is gone"),
        pytest.param(_LEADS_1, _OTHER_2, [LostLeadership(1), NewLeader("other", 2)], id="another one took over"),
        pytest.param(_LEADS_1, _LEADS_3, [LostLeadership(1), BecameLeader(3)], id="it took over from itself"),
        pytest.param(_NOBODY, _OTHER_2, [NewLeader("other", 2)], id="another one leads"),
        pytest.param(_OTHER_2, _OTHER_4, [NewLeader("other", 4)], id="the other one leads in a new term"),
        pytest.param(_OTHER_2, _NOBODY, [], id="the other one leads no more"),
        pytest.param(_OTHER_2, _LEADS_3, [BecameLeader(3)], id="it takes over"),
        pytest.param(_NOBODY, Leadership("me", 1), [], id="a double leads, or it did before a restart"),
    ],
)
def test_what_is_told_of_a_change(before: Leadership, after: Leadership, told: list[Notice]) -> None:
    assert notices_between(before, after, identity="me") == told
