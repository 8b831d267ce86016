"""Waiting for a condition, always with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable


class EnvironmentFailed(RuntimeError):
    """Something of the environment could not be built, started or reached. The message is a sentence for a person."""


def wait_until(condition: Callable[[], object], what: str, *, timeout_s: float = 10.0, every_s: float = 0.03) -> None:
    """Return once `condition()` is truthy; raise TimeoutError naming `what` when it is not within `timeout_s` seconds.

    The condition is tried at least once, and once more after the deadline, so that a slow machine gets a last look.
    """
    deadline_s = time.monotonic() + timeout_s
    while True:
        expired = time.monotonic() >= deadline_s
        if condition():
            return
        if expired:
            raise TimeoutError(f"Within {timeout_s:g} seconds, this did not become true: {what}.")
        time.sleep(every_s)
