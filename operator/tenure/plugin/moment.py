"""A time on the command line."""

from __future__ import annotations

import re
import time

import click

from tenure.election.clock import from_rfc3339

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Moment(click.ParamType[float]):
    """A time in the future: RFC 3339, or from now on, such as +30m. As Unix seconds."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the Unix seconds."""
        now_s = time.time()
        if later := re.fullmatch(r"\+(\d{1,6})([smhd])", str(value)):
            return now_s + int(later[1]) * _UNITS_S[later[2]]
        try:
            at_s = from_rfc3339(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time; write for instance 2026-11-24T21:00:00Z or +30m", param, ctx)
        if at_s < now_s:
            self.fail(f"{value!r} is in the past", param, ctx)
        return at_s
