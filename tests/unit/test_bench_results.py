"""What the benchmark makes of what it measured: percentiles, tables and plots."""

from __future__ import annotations

import argparse
import asyncio
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from bench import __main__, plots
from bench.drawing import Scale, ticks
from bench.handover import DELETED, NOT_READY, HandOvers
from bench.rest import NOBODY, OURS, PEER, Rest
from bench.results import Results, late, percentile
from bench.scale import Loss, Size
from bench.usage import Usage
from demo.terminal import Terminal

_SVG = "{http://www.w3.org/2000/svg}"


def _hand_overs() -> HandOvers:
    measured = HandOvers(floor_s=[0.02, 0.02, 0.03])
    for cause, series in measured.series.items():
        first_s = 0.03 if cause == DELETED else 0.04 if cause == NOT_READY else 3.0
        series.label_s = [first_s, first_s, 2 * first_s]
        series.endpoint_s = [first_s + 0.01] * 3
    return measured


def _size(elections: int) -> Size:
    cores = {"operator": elections / 50_000, "etcd": 0.02}
    return Size(
        elections,
        started_s=elections / 100,
        start_cpu_s={"operator": elections / 100, "kube-apiserver": elections / 25},
        start_requests={"LIST pods": 7, "PATCH pods": 4 * elections - 7},
        resident_mb=80 + elections / 20,
        rest=Usage(cores),
        lateness={"0.01": 198.0, "0.1": 2.0, "+Inf": 0.0},
        losses=[Loss(100, 0.5, 0.9, [0.1] * 99 + [0.4], 12, {"0.01": 3.0, "+Inf": 0.0})],
    )


@pytest.mark.parametrize(("percent", "value"), [(1, 1), (50, 50), (95, 95), (99, 99), (100, 100)])
def test_a_percentile_is_a_value_that_was_measured(percent: float, value: float) -> None:
    assert percentile(list(range(100, 0, -1)), percent) == value


def test_lateness_is_told_by_the_bound_that_was_not_exceeded() -> None:
    lateness = {"0.01": 98.0, "0.1": 1.0, "1": 1.0, "+Inf": 0.0}

    assert [late(lateness, percent) for percent in (50, 98, 99, 100)] == ["10 ms", "10 ms", "100 ms", "1.0 s"]
    assert late({"0.01": 1.0, "+Inf": 1.0}, 100) == "more"
    assert late({}, 100) == "–"


def test_hand_overs_are_compared_with_the_floor_and_with_the_peer() -> None:
    text = str(Results(hand_overs=_hand_overs()))

    assert "| leader's pod deleted | 3 | 30 ms | 60 ms | 60 ms | 40 ms | 40 ms | 40 ms | 0 |" in text
    assert "| floor | 3 | 20 ms | 30 ms | 30 ms |" in text
    assert "Tenure, leader's pod deleted, to the label: p50 1.5 ×, p99 3.0 × the floor's p50." in text
    assert "Tenure, leader not Ready, to the label: p50 2.0 ×, p99 4.0 × the floor's p50." in text
    assert "client-go, leader's pod deleted: 100 × as long as Tenure, leader's pod deleted" in text
    assert "client-go, leader killed and not Ready: 75 × as long as Tenure, leader not Ready" in text


def test_the_cost_at_rest_is_that_of_all_windows_less_what_there_is_without_elections() -> None:
    windows = {
        NOBODY: [Usage({"etcd": 0.01}, {"GET leases": 1.0})],
        OURS: [
            Usage({"etcd": 0.01, "operator": 0.03}, {"GET leases": 2.0}),
            Usage({"etcd": 0.01, "operator": 0.05}, {}),
        ],
        PEER: [Usage({"etcd": 0.21, "peer": 0.2}, {"GET leases": 3.0, "PUT leases": 5.0})],
    }
    text = str(Results(rest=Rest(10, 60, windows)))

    assert "Tenure, less what there is without elections: 4.0% of a core, 0.0 requests a second (none)." in text
    assert "40.0% of a core, 7.0 requests a second (GET leases 2.0, PUT leases 5.0)." in text
    assert "client-go takes 10.0 × the processor time of Tenure" in text


def test_every_size_has_a_column_and_every_loss_a_row() -> None:
    text = str(Results(sizes=[_size(100), _size(1000)]))

    assert "|  | 100 | 1000 |" in text
    assert "| resident memory of the operator | 85 MB | 130 MB |" in text
    assert "| growth with the number of elections: the start | 1.00 × | 1.00 × |" in text
    assert "| 99 % of them late by at most | 10 ms | 10 ms |" in text
    assert text.count("| 500 ms | 900 ms | 100 ms | 100 ms | 12 | 10 ms |") == 2


def test_the_start_is_told_by_what_an_election_cost_each_process_and_by_its_requests() -> None:
    text = str(Results(sizes=[_size(100), _size(1000)]))

    assert "| processor time meanwhile for each election: operator | 10.0 ms, 20% | 10.0 ms, 20% |" in text
    assert "| processor time meanwhile for each election: kube-apiserver | 40.0 ms, 80% | 40.0 ms, 80% |" in text
    assert "| requests meanwhile for each election | 4.0 | 4.0 |" in text
    assert "| lists of pods meanwhile, each part of one | 7 | 7 |" in text


def test_a_size_that_failed_shows_what_was_measured_before() -> None:
    failed = Size(1000, started_s=20.0, start_cpu_s={"operator": 3.0}, resident_mb=130, failure="Nobody answered.")
    results = Results(sizes=[_size(100), failed])
    text = str(results)

    assert "| from the operator's start until all are led, labelled and in status | 1.0 s | 20.0 s |" in text
    assert "| processor time meanwhile for each election: operator | 10.0 ms, 20% | 3.0 ms, 100% |" in text
    assert "| growth with the number of elections: the start | 1.00 × | 2.00 × |" in text
    assert "| at rest: the operator, of a core | 0.2% | – |" in text
    assert "| all of them | 100 ms | – |" in text
    assert "* 1000 elections: the rest could not be measured. Nobody answered." in text
    assert results.as_json()["sizes"][1]["failure"] == "Nobody answered."
    assert len(ET.fromstring(plots.growth(results.sizes)).findall(f"{_SVG}circle")) == 2 + 2 + 1


def test_what_was_measured_of_a_size_outlives_its_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    async def lose_the_operator(_stage: Any, _terminal: Any, size: Size, **_: Any) -> None:
        size.started_s = 20.0
        raise ExceptionGroup("requests", [TimeoutError("Nobody answered.")])

    monkeypatch.setattr(__main__, "measure_size", lose_the_operator)
    results = Results()
    arguments = argparse.Namespace(sizes=[100], losses=[], size_window=1)
    stage: Any = None
    with pytest.raises(ExceptionGroup):
        asyncio.run(__main__._measure_sizes(stage, Terminal(), arguments, results, until_s=float("inf")))

    assert results.sizes == [Size(100, started_s=20.0, failure="Nobody answered.")]


def test_a_size_of_which_nothing_was_measured_is_shown_as_such() -> None:
    sizes = [Size(100, failure="Nobody answered.")]

    assert "| resident memory of the operator | – |" in str(Results(sizes=sizes))
    assert not ET.fromstring(plots.growth(sizes)).findall(f"{_SVG}circle")


def test_the_plot_of_hand_overs_has_a_dot_for_every_run() -> None:
    drawn = ET.fromstring(plots.hand_overs(_hand_overs()))

    assert len(drawn.findall(f"{_SVG}circle")) == 6 * 3


def test_the_plot_of_growth_has_a_point_for_every_size_in_each_panel() -> None:
    drawn = ET.fromstring(plots.growth([_size(100), _size(1000), _size(10_000)]))

    assert len(drawn.findall(f"{_SVG}circle")) == 3 * 3


@pytest.mark.parametrize(
    ("highest", "expected"), [(1, [0, 0.25, 0.5, 0.75, 1]), (180, [0, 50, 100, 150, 200]), (7, [0, 2, 4, 6, 8])]
)
def test_ticks_are_round_and_reach_the_highest_value(highest: float, expected: list[float]) -> None:
    assert ticks(highest) == expected


def test_decades_are_equally_far_from_each_other() -> None:
    place = Scale(0.01, 1, start=0, end=200, log=True)

    assert [round(place(value)) for value in (0.01, 0.1, 1)] == [0, 100, 200]
