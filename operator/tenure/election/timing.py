"""How long a lease lasts, and how often and until when its holder renews it.

A lease must outlive the moment at which its holder stops calling itself leader, and the holder must have more
than one attempt before that moment:

    duration > renew deadline ≥ 2 × renew interval,   duration ≥ 3 × renew interval,   renew interval ≥ 1 s

The distance from deadline to duration is the tolerance for a difference in clock *rate* between the holder and
those who wait; a difference in clock *time* does not matter, since nobody compares wall clocks. The distance from
interval to deadline is the time that NATS may be away without a change of leader: a three-server cluster that loses
its stream leader answers nothing for up to 9 s, so a deadline of 1.2 × interval + 9 s or more lives through that.
The default, 15/13/3, does.

Whole seconds throughout: the Kubernetes API writes durations as integers that say so in their name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

DURATION_DEFAULT_S = 15
DURATION_MIN_S = 3
DURATION_MAX_S = 3600

# Of a default lease of 15 s the deadline is 13 s and the interval 3 s; every other lease keeps these proportions.
_DEADLINE_PARTS = 13
_INTERVAL_PARTS = 3
_DURATION_PARTS = 15

# The same sentences as in the CRD, which refuses a bad lease before the operator sees it (a test compares the two).
DURATION_ABOVE_DEADLINE = (
    "durationSeconds (15 when left out) must be greater than renewDeadlineSeconds: "
    "raise durationSeconds or lower renewDeadlineSeconds"
)
DEADLINE_TWO_INTERVALS = (
    "renewDeadlineSeconds must be at least 2 times renewIntervalSeconds: "
    "raise renewDeadlineSeconds or lower renewIntervalSeconds"
)
DURATION_THREE_INTERVALS = (
    "durationSeconds (15 when left out) must be at least 3 times renewIntervalSeconds: "
    "raise durationSeconds or lower renewIntervalSeconds"
)


@dataclass(frozen=True, slots=True)
class Timing:
    """The timing of one lease, in whole seconds; an instance always keeps the rule of this module.

    `duration_s` (3 … 3600): others respect the holder for so long after they last saw it renew.
    `renew_deadline_s` (2 … 3599): the holder stops calling itself leader when its last successful renewal was *sent*
    so long ago.
    `renew_interval_s` (1 … 1200): the holder renews so often.
    """

    duration_s: int
    renew_deadline_s: int
    renew_interval_s: int

    def __post_init__(self) -> None:
        """Raise ValueError with one sentence for each broken rule, joined by "; "."""
        broken = _broken_rules(self.duration_s, self.renew_deadline_s, self.renew_interval_s)
        if broken:
            raise ValueError("; ".join(broken))

    @classmethod
    def derive(
        cls,
        duration_s: int | None = None,
        renew_deadline_s: int | None = None,
        renew_interval_s: int | None = None,
    ) -> Self:
        """Complete a timing of which any part may be left out (None).

        A duration that is left out is 15 s. A deadline and an interval that are left out are 13/15 and 3/15 of the
        duration, rounded down, moved only as far as what is given demands: the deadline up to twice a given interval,
        the interval down to half of a given deadline.

        Raises ValueError, with one sentence for each broken rule, exactly when the parts that are given break a rule
        among themselves (with 15 s in the place of a duration that is left out).
        """
        duration = DURATION_DEFAULT_S if duration_s is None else duration_s
        broken = _broken_rules(duration, renew_deadline_s, renew_interval_s)
        if broken:
            raise ValueError("; ".join(broken))

        if renew_interval_s is None:
            renew_interval_s = duration * _INTERVAL_PARTS // _DURATION_PARTS
            if renew_deadline_s is not None:
                renew_interval_s = min(renew_interval_s, renew_deadline_s // 2)
            renew_interval_s = max(1, renew_interval_s)
        if renew_deadline_s is None:
            renew_deadline_s = max(2 * renew_interval_s, duration * _DEADLINE_PARTS // _DURATION_PARTS)
        return cls(duration, renew_deadline_s, renew_interval_s)


def _broken_rules(duration_s: int, renew_deadline_s: int | None, renew_interval_s: int | None) -> list[str]:
    """Return a sentence for each rule that the given parts break; a rule over a part that is None is not broken."""
    broken = []
    if not DURATION_MIN_S <= duration_s <= DURATION_MAX_S:
        broken.append(f"durationSeconds must be from {DURATION_MIN_S} to {DURATION_MAX_S}, not {duration_s}")
    if renew_deadline_s is not None and renew_deadline_s < 2:
        broken.append(f"renewDeadlineSeconds must be at least 2, not {renew_deadline_s}")
    if renew_interval_s is not None and renew_interval_s < 1:
        broken.append(f"renewIntervalSeconds must be at least 1, not {renew_interval_s}")
    if broken:
        return broken  # The rules below would only repeat it in other words.

    if renew_deadline_s is not None and duration_s <= renew_deadline_s:
        broken.append(DURATION_ABOVE_DEADLINE)
    if renew_deadline_s is not None and renew_interval_s is not None and renew_deadline_s < 2 * renew_interval_s:
        broken.append(DEADLINE_TWO_INTERVALS)
    if renew_interval_s is not None and duration_s < 3 * renew_interval_s:
        broken.append(DURATION_THREE_INTERVALS)
    return broken
