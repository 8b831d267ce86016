"""The little of SVG that the plots need: scales, lines, dots and text. Nothing else here draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

INK, FAINT, GRID = "#1f2328", "#59636e", "#d8dee4"
BLUE, ORANGE, GREY = "#0969da", "#bc4c00", "#818b98"

_FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
_SIZE = 12


@dataclass(frozen=True)
class Scale:
    """From values between `low` and `high` to places between `start` and `end`; `log` takes their logarithms."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the place of a value, which may lie outside."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return self.start + (value - low) / (high - low) * (self.end - self.start)


def ticks(highest: float, *, about: int = 4) -> list[float]:
    """Return round numbers from 0 up to the first that is not below the highest."""
    assert highest > 0
    rough = highest / about
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(one * magnitude for one in (1, 2, 2.5, 5, 10) if one * magnitude >= rough)
    return [step * number for number in range(math.ceil(highest / step - 1e-9) + 1)]


class Drawing:
    """A picture on white, whatever the page's colour is."""

    def __init__(self, width: float, height: float, title: str) -> None:
        size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
        font = f'font-family="{_FONT}" font-size="{_SIZE}"'
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" {font}>',
            f"<title>{escape(title)}</title>",
            f'<rect width="{width:g}" height="{height:g}" rx="6" fill="#ffffff"/>',
        ]

    def line(self, points: Sequence[tuple[float, float]], colour: str, *, width: float = 1.0) -> None:
        """Connect points."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}"/>')

    def dot(self, x: float, y: float, colour: str, *, radius: float = 3.0, opacity: float = 1.0) -> None:
        """Draw a point."""
        self._parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{colour}" fill-opacity="{opacity:g}"/>'
        )

    def text(
        self, x: float, y: float, words: str, *, colour: str = INK, anchor: str = "start", bold: bool = False
    ) -> None:
        """Write words; `anchor` is what of them stands at x: `start`, `middle` or `end`."""
        weight = ' font-weight="600"' if bold else ""
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}"{weight}>{escape(words)}</text>'
        )

    def __str__(self) -> str:
        return "\n".join([*self._parts, "</svg>"]) + "\n"
