"""Faults that Kubernetes has no command for: whoever runs the test names shell commands for those that they can make.

A command finds what it is about in its environment: NODE, or NAMESPACE, POD and CONTAINER. Each fault has one command
that begins it and one that ends it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping

from environment import EnvironmentFailed

FAULTS = {
    "cut": ("E2E_CUT_NODE", "E2E_HEAL_NODE"),
    "power": ("E2E_POWER_OFF_NODE", "E2E_POWER_ON_NODE"),
    "freeze": ("E2E_FREEZE_CONTAINER", "E2E_THAW_CONTAINER"),
}
"""The variables with the commands that begin and end each fault."""

_TIMEOUT_S = 120.0


class Bed:
    """The faults that the machines below the cluster offer."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._commands: dict[str, tuple[str, str]] = {}
        for fault, (begin, end) in FAULTS.items():
            if (begin in environ) != (end in environ):
                raise EnvironmentFailed(f"{begin} and {end} belong together: set both, or neither.")
            if begin in environ:
                self._commands[fault] = (environ[begin], environ[end])

    def offers(self, fault: str) -> bool:
        """Whether there are commands for this fault."""
        return fault in self._commands

    @contextlib.contextmanager
    def inflict(self, fault: str, **what: str) -> Iterator[None]:
        """Have the fault while the context lasts. `what` becomes variables: node="a" is NODE=a."""
        begin, end = self._commands[fault]
        variables = {name.upper(): value for name, value in what.items()}
        _run(begin, variables)
        try:
            yield
        finally:
            _run(end, variables)


def _run(command: str, variables: dict[str, str]) -> None:
    try:
        # A session of its own: Ctrl-C is for the test, which then ends the fault.
        done = subprocess.run(
            command, shell=True, env={**os.environ, **variables}, timeout=_TIMEOUT_S, check=False,
            capture_output=True, text=True, start_new_session=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise EnvironmentFailed(f"`{command}` took longer than {_TIMEOUT_S:g} seconds ({variables}).") from None
    if done.returncode != 0:
        raise EnvironmentFailed(f"`{command}` failed ({variables}): {done.stderr.strip() or done.stdout.strip()}")
