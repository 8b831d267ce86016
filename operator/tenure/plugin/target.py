"""What every command is told: which cluster, which namespace, and how to answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

Format = Literal["table", "json", "yaml"]


class ExitStatus(IntEnum):
    """How a command ended.

    Beside these there is click's own 2, for a command line that makes no sense, and 130, by which a shell names Ctrl-C.
    """

    DONE = 0
    WRONG = 1
    """What was asked for is refused or has failed, or the doctor has found something."""
    NOT_FOUND = 3
    FORBIDDEN = 4
    UNREACHABLE = 5
    TIMED_OUT = 6


class Failure(Exception):
    """A command cannot go on; the text is a sentence that says why and what to do."""

    def __init__(self, sentence: str, status: ExitStatus = ExitStatus.WRONG) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True)
class Target:
    """Where to look, as kubectl takes it. What is None is left to the kubeconfig."""

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None
