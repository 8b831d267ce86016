"""The seeds of a content: others for each change, the same for all who look at it. And how one is replayed."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

FAULTS = 20
"""How many faults a world has, unless it is told otherwise."""

WITHOUT_GIT = "no content"


def content() -> str:
    """Return the name by which git knows all that is committed; always the same text where there is no git.

    It is not the commit's: a merge that changes nothing must have the verdict of what it merges.
    """
    command = ["git", "rev-parse", "HEAD^{tree}"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True)
    except OSError:
        return WITHOUT_GIT
    return done.stdout.strip() or WITHOUT_GIT


def seeds_of(name: str) -> Iterator[int]:
    """Yield the seeds that follow from a content, without end."""
    for number in count():
        digest = hashlib.sha256(f"{name}/{number}".encode()).digest()
        yield int.from_bytes(digest[:4], "big")


def replay_command(seed: int, *, kind: str = "any", faults: int = FAULTS) -> str:
    """Return the command that runs just this world again and tells what happens in it."""
    world = "" if kind == "any" else f" --world {kind}"
    count = "" if faults == FAULTS else f" --faults {faults}"
    return f"PYTHONPATH=tests .venv/bin/python -m simulator --seed {seed}{world}{count} --trace"
