"""When something wants to be decided again although nothing happens."""

from __future__ import annotations

FOREVER_S = float("inf")


class Alarm:
    """The earliest of the monotonic times that were set since it was last cleared."""

    __slots__ = ("at_s",)

    def __init__(self) -> None:
        self.at_s = FOREVER_S

    def clear(self) -> None:
        """Forget all times."""
        self.at_s = FOREVER_S

    def set(self, at_s: float) -> None:
        """Ring at this time at the latest."""
        if at_s < self.at_s:  # noqa: PLR1730 - `min` takes three times as long, and little is called as often
            self.at_s = at_s


class Backoff:
    """When something that failed may be tried again: at once after a success, then later and later, up to `max_s`.

    `failures` are those in a row, and `not_before_s` is the monotonic time of the next attempt. A failure that comes
    `calm_s` or more after that time is as good as the first.
    """

    __slots__ = ("_calm_s", "_first_s", "_max_s", "failures", "not_before_s")

    def __init__(self, first_s: float, max_s: float, *, calm_s: float = FOREVER_S) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._calm_s = calm_s
        self.failures = 0
        self.not_before_s = 0.0

    def failed(self, now_s: float, *, at_most_s: float = FOREVER_S) -> None:
        """Note a failure, after which the next attempt waits no longer than `at_most_s`."""
        if now_s >= self.not_before_s + self._calm_s:
            self.failures = 0
        self.not_before_s = now_s + min(self._first_s * 2 ** min(self.failures, 16), self._max_s, at_most_s)
        self.failures += 1

    def succeeded(self) -> None:
        """Note a success."""
        self.failures, self.not_before_s = 0, 0.0

    def may_try(self, now_s: float, *, wake: Alarm) -> bool:
        """Return whether another attempt may be made; if not, let `wake` ring when it may."""
        if now_s < self.not_before_s:
            wake.set(self.not_before_s)
            return False
        return True
