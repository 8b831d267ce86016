"""Two processes with one identity do not both lead, and it is told."""

from __future__ import annotations

from tenure.election.record import render
from unit.builders import a_record
from unit.contest import KEY, Contest, Process


def test_after_a_restart_the_own_lease_is_waited_for_and_is_no_double() -> None:
    contest = Contest("one")
    contest.run(10)
    contest.processes["one"].is_halted = True
    again = contest.processes["again"] = Process(contest, "one", writer="one, restarted")

    contest.run(4)
    assert (contest.active, again.candidacy.complaint) == ([], "")
    contest.run(2)

    assert contest.active == ["again"]
    assert (contest.record.holder, contest.record.term) == ("one", 2)


def test_a_double_is_told_by_its_next_renewal() -> None:
    contest = Contest("one")
    contest.run(10)
    double = contest.processes["double"] = Process(contest, "one", writer="a double")

    contest.run(1.1)

    assert contest.active == ["one"]
    assert double.candidacy.complaint == "Another process uses the identity one as well: give each its own."


def test_one_that_its_double_has_replaced_leads_no_more_and_tells_it() -> None:
    contest = Contest("one")
    contest.run(10)
    contest.processes["one"].is_halted = True
    contest.processes["double"] = Process(contest, "one", writer="a double")
    contest.run(6)

    contest.processes["one"].is_halted = False
    contest.run()

    assert contest.active == ["double"]
    assert contest.processes["one"].candidacy.complaint.startswith("Another process uses the identity one")


def test_one_in_whose_name_a_node_in_go_renews_leads_no_more_and_tells_it() -> None:
    """Such a node takes any record with its identity for its own, and goes on in the same term."""
    contest = Contest("one")
    contest.run(10)

    contest.bucket.put(KEY, render(a_record("one", 1, writer=None, nonce=None, duration_s=None)))
    contest.run(0.2)

    assert contest.active == []
    assert contest.processes["one"].candidacy.complaint.startswith("Another process uses the identity one")
