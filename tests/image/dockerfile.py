"""The Dockerfile, read as far as its tests need it: its stages, and the instructions of each."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Stage:
    """A base, the stage's name if it has one, and its instructions: the keyword and the rest of the line."""

    base: str
    name: str | None
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, keyword: str) -> list[str]:
        """Return what follows each instruction of this kind."""
        return [rest for this, rest in self.instructions if this == keyword]

    def pairs(self, keyword: str) -> dict[str, str]:
        """Return the KEY=VALUE pairs of ENV or LABEL."""
        return dict(pair.split("=", 1) for rest in self.all(keyword) for pair in shlex.split(rest))


def read_stages() -> tuple[dict[str, str], list[Stage]]:
    """Return the arguments before the first stage with their defaults, and the stages."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for line in re.sub(r"\s*\\\n\s*", " ", text).splitlines():
        keyword, _, rest = line.partition(" ")
        if keyword == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(base, name or None))
        elif stages and keyword:
            stages[-1].instructions.append((keyword, rest))
        elif keyword == "ARG":
            argument, _, default = rest.partition("=")
            arguments[argument] = default
    return arguments, stages
