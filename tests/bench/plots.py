"""The plots of docs/performance.md: every single hand-over, and what grows with the number of elections."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.drawing import BLUE, FAINT, GREY, GRID, INK, ORANGE, Drawing, Scale, ticks
from bench.handover import DELETED, NOT_READY, PEER_ENDS, PEER_KILLED, SWITCHOVER, HandOvers
from bench.results import milliseconds, percentile
from bench.scale import Size

_WIDTH = 760.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 250.0, 24.0, 46.0, 40.0
_ROW = 44.0
_SPREAD = 26.0
_DECADES_S = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)

_PANEL_WIDTH, _PANEL_HEIGHT, _GAP = 220.0, 150.0, 40.0


def hand_overs(measured: HandOvers) -> str:
    """Return a row of dots for each cause, one for each run, on a logarithmic scale of time."""
    rows = [("floor", measured.floor_s, GREY)]
    rows += [(f"Tenure, {cause}", measured.series[cause].label_s, BLUE) for cause in (DELETED, NOT_READY, SWITCHOVER)]
    rows += [(cause, measured.series[cause].label_s, ORANGE) for cause in (PEER_ENDS, PEER_KILLED)]
    bottom = _TOP + _ROW * len(rows)
    drawing = Drawing(_WIDTH, bottom + _BOTTOM, "Hand-overs: time until the new leader's label is in the API")
    x = Scale(_DECADES_S[0], _DECADES_S[-1], _LEFT, _WIDTH - _RIGHT, log=True)
    drawing.text(16, 24, "Until the new leader's label is in the API: each run, and the median", bold=True)
    for decade_s in _DECADES_S:
        drawing.line([(x(decade_s), _TOP), (x(decade_s), bottom)], GRID)
        words = f"{decade_s:g} s" if decade_s >= 1 else f"{decade_s * 1000:g} ms"
        drawing.text(x(decade_s), bottom + 18, words, colour=FAINT, anchor="middle")
    for number, (cause, runs_s, colour) in enumerate(rows):
        middle = _TOP + _ROW * (number + 0.5)
        drawing.text(_LEFT - 14, middle + 4, cause, anchor="end")
        for index, run_s in enumerate(runs_s):
            # Runs beside each other, in their order, from the row's upper edge to its lower one.
            y = middle + _SPREAD * ((index + 0.5) / len(runs_s) - 0.5)
            drawing.dot(x(max(run_s, _DECADES_S[0])), y, colour, radius=2.2, opacity=0.5)
        median_s = percentile(runs_s, 50)
        drawing.line([(x(median_s), middle - 17), (x(median_s), middle + 17)], INK, width=1.5)
        drawing.text(x(median_s), middle - 19, milliseconds(median_s), anchor="middle")
    return str(drawing)


def growth(sizes: Sequence[Size]) -> str:
    """Return panels, one for each thing that grows, over the number of elections; of each size what was measured."""
    panels: list[tuple[str, str, Callable[[Size], float | None]]] = [
        ("Until all are led", "s", lambda size: size.started_s),
        ("Memory of the operator", "MB", lambda size: size.resident_mb),
        ("Its processor time at rest", "% of a core", _percent_at_rest),
    ]
    width = _GAP + (_PANEL_WIDTH + _GAP) * len(panels)
    drawing = Drawing(width, _PANEL_HEIGHT + 110, "What grows with the number of elections")
    for number, (title, unit, value) in enumerate(panels):
        left = _GAP + (_PANEL_WIDTH + _GAP) * number
        points = [(size.elections, measured) for size in sizes if (measured := value(size)) is not None]
        if points:
            _panel(drawing, left, f"{title}, {unit}", points)
    return str(drawing)


def _percent_at_rest(size: Size) -> float | None:
    return 100 * size.rest.cores["operator"] if size.rest.cores else None


def _panel(drawing: Drawing, left: float, title: str, points: Sequence[tuple[int, float]]) -> None:
    top, bottom, right = 52.0, 52.0 + _PANEL_HEIGHT, left + _PANEL_WIDTH
    steps = ticks(max(value for _, value in points))
    x = Scale(0, max(elections for elections, _ in points), left, right - 8)
    y = Scale(0, steps[-1], bottom, top)
    drawing.text(left, 26, title, bold=True)
    for step in steps:
        drawing.line([(left, y(step)), (right, y(step))], GRID)
        drawing.text(left - 6, y(step) + 4, f"{step:g}", colour=FAINT, anchor="end")
    drawing.line([(x(elections), y(value)) for elections, value in points], BLUE, width=2)
    for elections, value in points:
        drawing.dot(x(elections), y(value), BLUE, radius=3.5)
    last, value = points[-1]
    drawing.text(x(last), y(value) - 8, f"{value:.3g}", anchor="end")
    for step in ticks(last, about=2):
        if step <= last:
            drawing.text(x(step), bottom + 18, f"{step:,.0f}", colour=FAINT, anchor="middle")
    drawing.text((left + right) / 2, bottom + 38, "elections of 3 pods", colour=FAINT, anchor="middle")
