"""What is said of servers that do not let us in, and how often."""

from __future__ import annotations

from tenure.nats.refusals import Refusals
from tenure.nats.server import parse_server

_A, _B = parse_server("nats://a"), parse_server("nats://b")


def test_each_reason_is_told_once_in_the_same_order_whichever_server_was_tried_first() -> None:
    refusals = Refusals()
    assert str(refusals) == "no attempt has come to its end"

    refusals.note(_B, "b is away")
    refusals.note(_A, "a is away")
    assert str(refusals) == "a is away; b is away"

    refusals.note(_A, "the file does not exist")
    refusals.note(_B, "the file does not exist")
    assert str(refusals) == "the file does not exist"


def test_what_was_said_is_said_again_after_half_a_minute_and_another_reason_at_once() -> None:
    refusals = Refusals()
    refusals.note(_A, "a is away")
    assert refusals.are_news(100.0)
    assert not refusals.are_news(100.1)

    refusals.note(_A, "a refuses us")
    assert refusals.are_news(100.2)
    refusals.note(_A, "a is away")
    assert not refusals.are_news(129.9)
    assert refusals.are_news(130.0)
    assert not refusals.are_news(159.9)


def test_after_a_connection_all_is_news() -> None:
    refusals = Refusals()
    refusals.note(_A, "a is away")
    assert refusals.are_news(100.0)

    refusals.forget()
    refusals.note(_A, "a is away")

    assert refusals.are_news(101.0)
