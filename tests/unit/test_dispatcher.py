"""Elections are stepped when they have mail and when their time has come, whatever one of them does."""

from __future__ import annotations

import asyncio
import logging
import weakref
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.election.effects import Effect, ReadResource
from tenure.runtime.dispatcher import MAX_STEPS_IN_A_ROW
from tenure.runtime.keys import Key
from unit.stage import Stage, Stepper
from unit.virtual_time import run, work_for


def test_all_mail_of_a_turn_is_one_step_in_the_order_in_which_it_came() -> None:
    stepper = Stepper()

    async def scenario() -> None:
        stage = Stage()
        seat = stage.seat(stepper)
        stage.post(seat, 1, 2, 3)
        assert stepper.steps == [], "a step must not happen inside of post"
        await asyncio.sleep(0)
        stage.post(seat, 4)
        await asyncio.sleep(1)

    run(scenario())
    assert stepper.steps == [(0.0, [1, 2, 3]), (0.0, [4])]


def test_elections_are_stepped_in_the_order_in_which_they_got_mail() -> None:
    order: list[str] = []

    async def scenario() -> None:
        stage = Stage()
        seats = {name: stage.seat(Stepper(on_step=partial(order.append, name)), name) for name in "abc"}
        for name in ("b", "a", "b", "c", "a"):
            stage.post(seats[name], 1)
        await asyncio.sleep(1)

    run(scenario())
    assert order == ["b", "a", "c"]


def test_effects_are_passed_on_in_order_with_whose_they_are() -> None:
    effects: list[Effect] = [ReadResource(), ReadResource()]

    async def scenario() -> list[tuple[Key, Effect]]:
        stage = Stage()
        stage.post(stage.seat(Stepper(effects=effects), "web"), 1)
        stage.post(stage.seat(Stepper(effects=effects[:1]), "db"), 1)
        await asyncio.sleep(1)
        return stage.effects

    assert run(scenario()) == [(("shop", "web"), one) for one in effects] + [(("shop", "db"), effects[0])]


def test_an_effect_whose_result_comes_at_once_leads_to_another_step() -> None:
    stepper = Stepper(effects=[ReadResource()])

    async def scenario() -> None:
        stage = Stage()
        seat = stage.seat(stepper)

        def answer() -> None:
            stepper.effects = []
            stage.post(seat, 2)

        stage.on_effect = answer
        stage.post(seat, 1)
        await asyncio.sleep(1)

    run(scenario())
    assert stepper.steps == [(0.0, [1]), (0.0, [2])]


def test_an_election_is_woken_when_it_asked_for() -> None:
    stepper = Stepper(wakes_after_s=[2.0, 0.5, 10.0])

    async def scenario() -> None:
        stage = Stage()
        stage.post(stage.seat(stepper), 1)
        await asyncio.sleep(60)

    run(scenario())
    assert stepper.steps == [(0.0, [1]), (2.0, []), (2.5, []), (12.5, [])]


@pytest.mark.parametrize(("second_s", "woken_s"), [(8.0, 9.0), (2.0, 3.0)], ids=["put off", "brought forward"])
def test_only_the_last_time_that_was_asked_for_counts(second_s: float, woken_s: float) -> None:
    stepper = Stepper(wakes_after_s=[5.0, second_s])

    async def scenario() -> None:
        stage = Stage()
        seat = stage.seat(stepper)
        stage.post(seat, 1)
        await asyncio.sleep(1)
        stage.post(seat, 2)
        await asyncio.sleep(60)

    run(scenario())
    assert stepper.steps == [(0.0, [1]), (1.0, [2]), (woken_s, [])]


def test_a_time_that_changes_at_every_step_leaves_no_timers_behind() -> None:
    async def scenario() -> int:
        stage = Stage()
        seat = stage.seat(Stepper(wakes_after_s=[3.0, 1.0] * 1000))
        for number in range(2000):
            stage.post(seat, number)
            await asyncio.sleep(0)
        return len(stage.dispatcher._timers)

    assert run(scenario()) <= 2


def test_an_election_that_renews_has_two_timers_at_most() -> None:
    """Until a renewal is answered its election is due when the lease ends, and then at the next renewal."""

    async def scenario() -> int:
        stage = Stage()
        seat = stage.seat(Stepper(wakes_after_s=[13.0, 3.0] * 100))
        most = 0
        stage.dispatcher.wake(seat)
        for _ in range(100):
            await asyncio.sleep(0.01)
            stage.post(seat, 1)
            await asyncio.sleep(3.0)
            most = max(most, len(stage.dispatcher._timers))
        return most

    assert run(scenario()) <= 2


def test_a_time_that_was_withdrawn_does_not_wake() -> None:
    stepper = Stepper(wakes_after_s=[5.0])

    async def scenario() -> None:
        stage = Stage()
        seat = stage.seat(stepper)
        stage.post(seat, 1)
        await asyncio.sleep(1)
        stage.post(seat, 2)
        await asyncio.sleep(60)

    run(scenario())
    assert stepper.steps == [(0.0, [1]), (1.0, [2])]


def test_a_time_beyond_the_longest_sleep_is_kept_all_the_same() -> None:
    stepper = Stepper(wakes_after_s=[10_000.0])

    async def scenario() -> None:
        stage = Stage()
        stage.post(stage.seat(stepper), 1)
        await asyncio.sleep(20_000)

    run(scenario())
    assert stepper.steps == [(0.0, [1]), (10_000.0, [])]


def test_the_event_loop_gets_its_turn_between_many_elections() -> None:
    order: list[str] = []

    async def scenario() -> None:
        stage = Stage()
        for number in range(MAX_STEPS_IN_A_ROW + 5):
            stage.post(stage.seat(Stepper(on_step=partial(order.append, "step")), str(number)), 1)
        asyncio.get_running_loop().call_soon(order.append, "network")
        await asyncio.sleep(1)

    run(scenario())
    assert order == ["step"] * MAX_STEPS_IN_A_ROW + ["network"] + ["step"] * 5


def test_who_raises_is_stepped_no_more_and_hurts_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    """Its effects are lost and no result will come: only another one in its place can go on."""

    def fail() -> None:
        raise RuntimeError("a defect")

    broken, sound = Stepper(wakes_after_s=[2.0], on_step=fail), Stepper(wakes_after_s=[1.0])

    async def scenario() -> Stage:
        stage = Stage()
        seat = stage.seat(broken, "broken")
        stage.post(seat, 1)
        stage.post(stage.seat(sound, "sound"), 1)
        await asyncio.sleep(1)
        stage.post(seat, 2)
        await asyncio.sleep(60)
        return stage

    with caplog.at_level(logging.ERROR, "tenure"):
        stage = run(scenario())
    assert sound.steps == [(0.0, [1]), (1.0, [])]
    assert broken.steps == [(0.0, [1])]
    assert [seat.who for seat in stage.failed] == [("shop", "broken")]
    assert [record.getMessage() for record in caplog.records] == ["A step of shop/broken failed"]
    assert "a defect" in caplog.text


def test_an_effect_that_cannot_be_begun_ends_who_waits_for_it_and_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    broken, sound = Stepper(effects=[ReadResource(), ReadResource()], wakes_after_s=[1.0]), Stepper()

    async def scenario() -> Stage:
        stage = Stage()

        def fail() -> None:
            raise RuntimeError("a defect")

        stage.on_effect = fail
        stage.post(stage.seat(broken, "broken"), 1)
        stage.post(stage.seat(sound, "sound"), 1)
        await asyncio.sleep(60)
        return stage

    stage = run(scenario())
    assert [steps for steps, _ in (broken.steps[0], sound.steps[0])] == [0.0, 0.0]
    assert (len(broken.steps), len(stage.effects)) == (1, 1)
    assert [seat.who for seat in stage.failed] == [("shop", "broken")]
    assert "a defect" in caplog.text


def test_who_was_removed_is_stepped_no_more() -> None:
    with_mail, with_timer, with_late_mail = Stepper(), Stepper(wakes_after_s=[5.0]), Stepper()

    async def scenario() -> None:
        stage = Stage()
        seats = [stage.seat(stepper) for stepper in (with_mail, with_timer, with_late_mail)]
        stage.post(seats[1], 1)
        await asyncio.sleep(1)
        stage.post(seats[0], 1)
        for seat in seats:
            stage.dispatcher.remove(seat)
        stage.post(seats[2], 1)
        await asyncio.sleep(60)

    run(scenario())
    assert (with_mail.steps, with_timer.steps, with_late_mail.steps) == ([], [(0.0, [1])], [])


def test_nothing_is_kept_of_who_was_removed_until_its_time_would_have_come() -> None:
    """An election holds all of its pods, and may have asked to be woken in an hour."""

    async def scenario() -> None:
        stage, stepper = Stage(), Stepper(wakes_after_s=[3600.0])
        seat, kept = stage.seat(stepper), weakref.ref(stepper)
        del stepper
        stage.post(seat, 1)
        await asyncio.sleep(1)
        stage.post(seat, 2)
        stage.dispatcher.remove(seat)
        assert (kept(), seat.mailbox.depth) == (None, 0)

    run(scenario())


def test_after_closing_mail_is_of_no_use() -> None:
    stepper = Stepper()

    async def scenario() -> None:
        stage = Stage()
        stage.dispatcher.close()
        stage.post(stage.seat(stepper), 1)
        await asyncio.sleep(60)

    run(scenario())
    assert stepper.steps == []


def test_after_closing_nobody_is_stepped() -> None:
    with_mail, with_timer, later = Stepper(), Stepper(wakes_after_s=[5.0]), Stepper()

    async def scenario() -> None:
        stage = Stage()
        stage.post(stage.seat(with_timer), 1)
        await asyncio.sleep(1)
        stage.post(stage.seat(with_mail), 1)
        stage.dispatcher.close()
        stage.post(stage.seat(later), 1)
        await asyncio.sleep(60)

    run(scenario())
    assert (with_mail.steps, with_timer.steps, later.steps) == ([], [(0.0, [1])], [])


_pauses = st.lists(st.integers(0, 40).map(lambda tenths: tenths / 10), max_size=6)


@given(st.lists(_pauses, min_size=1, max_size=8))
def test_everybody_is_woken_exactly_when_they_asked_for(pauses: list[list[float]]) -> None:
    steppers = [Stepper(wakes_after_s=list(one)) for one in pauses]

    async def scenario() -> None:
        stage = Stage()
        for number, stepper in enumerate(steppers):
            stage.post(stage.seat(stepper, str(number)), number)
        await asyncio.sleep(60)

    run(scenario())
    for number, (stepper, asked) in enumerate(zip(steppers, pauses, strict=True)):
        times = [round(sum(asked[:count]), 6) for count in range(len(asked) + 1)]
        assert [at_s for at_s, _ in stepper.steps] == times
        assert [mail for _, mail in stepper.steps] == [[number]] + [[]] * len(asked)


def test_timers_are_overdue_only_when_nobody_looks_at_them() -> None:
    """Not when the process was halted for a while: a request that comes then is answered after they have rung."""

    async def scenario() -> list[float]:
        stage = Stage()
        overdue = [stage.dispatcher.overdue_s()]
        stage.post(stage.seat(Stepper(wakes_after_s=[5.0, 5.0, 5.0])), 1)
        await asyncio.sleep(1)
        work_for(60)
        for _ in range(2):
            await asyncio.sleep(0)
        overdue.append(stage.dispatcher.overdue_s())
        await asyncio.sleep(1)
        alarm = stage.dispatcher._alarm
        assert alarm is not None
        alarm.cancel()
        await asyncio.sleep(44)
        return [*overdue, stage.dispatcher.overdue_s()]

    assert run(scenario()) == [0.0, 0.0, 40.0]
