"""An election whose step took long rests, so that it does not take the event loop from all others."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from tenure.runtime.dispatcher import LONGEST_REST_S, SHORT_STEP_S
from unit.stage import Stage, Stepper
from unit.virtual_time import run, work_for


def test_who_takes_long_rests_longer_while_others_are_stepped_at_once() -> None:
    """A step that began at 0 s ended at 0.04 s; it rests for four times as long."""
    slow, quick = Stepper(on_step=partial(work_for, 0.04)), Stepper()

    async def scenario() -> None:
        stage = Stage()
        slow_seat, quick_seat = stage.seat(slow, "slow"), stage.seat(quick, "quick")
        stage.post(slow_seat, 1)
        for number in (2, 3):
            await asyncio.sleep(0.06)
            stage.post(slow_seat, number)
            stage.post(quick_seat, number)
        await asyncio.sleep(60)

    run(scenario())
    assert slow.steps == [(0.0, [1]), (0.2, [2, 3])]
    assert [mail for _, mail in quick.steps] == [[2], [3]]
    assert [at_s for at_s, _ in quick.steps] == pytest.approx([0.06, 0.12], abs=0.05)


@pytest.mark.parametrize(
    ("wakes_after_s", "woken_s"), [(0.1, 0.2), (5.0, 5.0)], ids=["while it rests", "after its rest"]
)
def test_who_rests_is_woken_after_its_rest(wakes_after_s: float, woken_s: float) -> None:
    stepper = Stepper(wakes_after_s=[wakes_after_s], on_step=partial(work_for, 0.04))

    async def scenario() -> None:
        stage = Stage()
        stage.post(stage.seat(stepper), 1)
        await asyncio.sleep(60)

    run(scenario())
    assert stepper.steps == [(0.0, [1]), (woken_s, [])]


def test_mail_does_not_make_who_rests_forget_when_it_wanted_to_be_woken() -> None:
    stepper = Stepper(wakes_after_s=[10.0, 10.0], on_step=partial(work_for, 0.04))

    async def scenario() -> None:
        stage = Stage()
        seat = stage.seat(stepper)
        stage.post(seat, 1)
        await asyncio.sleep(0.1)
        stage.post(seat, 2)
        await asyncio.sleep(60)

    run(scenario())
    assert stepper.steps == [(0.0, [1]), (0.2, [2]), (10.2, [])]


def test_g5_a_process_that_was_halted_in_the_middle_of_a_step_goes_on_at_once() -> None:
    stepper = Stepper(wakes_after_s=[1.0], on_step=partial(work_for, 60.0))

    async def scenario() -> None:
        stage = Stage()
        stage.post(stage.seat(stepper), 1)
        await asyncio.sleep(100)

    run(scenario())
    assert stepper.steps[:2] == [(0.0, [1]), (60.0 + LONGEST_REST_S, [])]


def test_a_short_step_needs_no_rest() -> None:
    stepper = Stepper(on_step=partial(work_for, 0.9 * SHORT_STEP_S))

    async def scenario() -> None:
        stage = Stage()
        seat = stage.seat(stepper)
        for number in range(3):
            stage.post(seat, number)
            await asyncio.sleep(0)
        await asyncio.sleep(60)

    run(scenario())
    assert [mail for _, mail in stepper.steps] == [[0], [1], [2]]
    assert stepper.steps[-1][0] < 0.01
