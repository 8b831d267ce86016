"""The moment of a decision: the two readings of time that it may use, and what the process may do then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tenure.election.mandate import Mandate

# In UTC, all of them, but without saying so: to take that off and put it on again takes a third of the time.
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
_FIRST = datetime(1, 1, 1)  # noqa: DTZ001
_LAST = datetime(9999, 12, 31, 23, 59, 59)  # noqa: DTZ001

_A_MOMENT_S = 0.001
"""So that an alarm never rings for a time that has not quite come."""


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment, read from both clocks.

    `monotonic_s` never jumps and goes on during suspend; every guarantee rests on it. `wall_s` is Unix time, for what
    people and other programs read, and for what they wrote: from when on a candidate may be chosen. `mandate` is part
    of the moment because it ends with a deadline: a process that was halted finds, when it goes on, that it may do no
    more what it was about to.
    """

    monotonic_s: float
    wall_s: float
    mandate: Mandate = Mandate.ACT

    def monotonic_of(self, wall_s: float) -> float:
        """The monotonic time at which it will be this Unix time, as far as can be told now, at least a moment ahead."""
        return self.monotonic_s + max(wall_s - self.wall_s, 0.0) + _A_MOMENT_S


def rfc3339(wall_s: float) -> str:
    """Return Unix seconds as RFC 3339 in UTC with microseconds; times outside the years 1 to 9999 are clipped."""
    try:
        moment = _EPOCH + timedelta(seconds=wall_s)
    except OverflowError:
        moment = _FIRST if wall_s < 0 else _LAST
    # Not strftime: its years before 1000 have no leading zeros everywhere.
    return f"{moment.isoformat(timespec='microseconds')}Z"


def from_rfc3339(text: str) -> float:
    """Return the Unix seconds of an RFC 3339 time with a zone. Raises ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return (moment.replace(tzinfo=None) - _EPOCH - (moment.utcoffset() or timedelta())).total_seconds()
