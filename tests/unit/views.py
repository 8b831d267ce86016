"""What the decision about a campaign rests on, with the usual in place of what a test does not say.

The usual: status and record agree that the pod `FIRST` leads term 7; it and `SECOND` are eligible; the record was seen
at 100 s, runs out at 115 s, and it is 105 s now.
"""

from __future__ import annotations

from typing import Any

from tenure.election.campaign import View
from tenure.election.record import LeaseRecord, Unbelievable
from tenure.election.resource import Leader, Status
from tenure.election.rules import DEFAULT_RULES
from tenure.election.slate import Slate
from unit.builders import NAMESPACE_UID, a_leader, a_lease, a_pod

FIRST = a_pod("web-0", ordinal=0)
SECOND = a_pod("web-1", ordinal=1)
BOTH = (FIRST, SECOND)

SEEN_AT_S = 100.0
"""When the record was seen first."""

RUN_OUT_S = 115.0
"""A time at which the record counts as expired."""

READ_AFTER = {"read_at_s": 104.0}
"""For `a_view(lease=…)`: the record was read from the stream's leader after the resource was last heard of."""


def a_status(term: int = 7, leader: Leader | None = None, *, floor: int | None = None, **fields: Any) -> Status:
    """Return a status whose ledger is settled; the floor is the term where it is not given."""
    return Status(
        **{"term": term, "term_floor": term if floor is None else floor, "leader": leader, "unfenced": (), **fields}
    )


LED_BY_FIRST = a_status(7, a_leader(FIRST))
LED_BY_NOBODY = a_status(7)


def a_view(record: LeaseRecord | Unbelievable | None, *, lease: dict[str, Any] | None = None, **changes: Any) -> View:
    """Return a view on this record; `lease` changes what is known of it."""
    rules, wall_s = changes.pop("rules", DEFAULT_RULES), changes.pop("wall_s", 0.0)
    candidates, uncrownable = changes.pop("candidates", BOTH), changes.pop("uncrownable", frozenset())
    return View(
        **{
            "now_s": 105.0,
            "lease": a_lease(record, **(lease or {})),
            "status": LED_BY_FIRST,
            "resource_seen_at_s": 103.0,
            "slate": Slate(candidates, rules, wall_s, uncrownable),
            "gone": frozenset(),
            "namespace_uid": NAMESPACE_UID,
            "highest_label": 0,
            "stray_leader": False,
            "floor_covers": None,
            **changes,
        }
    )
