"""The seeds of a commit: others for each, the same for all who look at it. And how one is replayed."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

FAULTS = 20
"""How many faults a world has, unless it is told otherwise."""

WITHOUT_GIT = "no commit"


def commit() -> str:
    """Return the commit that is checked out; always the same text where there is no git."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True)
    except OSError:
        return WITHOUT_GIT
    return done.stdout.strip() or WITHOUT_GIT


def seeds_of(name: str) -> Iterator[int]:
    """Yield the seeds that follow from a commit, without end."""
    for number in count():
        digest = hashlib.sha256(f"{name}/{number}".encode()).digest()
        yield int.from_bytes(digest[:4], "big")


def replay_command(seed: int, *, kind: str = "any", faults: int = FAULTS) -> str:
    """Return the command that runs just this world again and tells what happens in it."""
    world = "" if kind == "any" else f" --world {kind}"
    count = "" if faults == FAULTS else f" --faults {faults}"
    return f"PYTHONPATH=tests .venv/bin/python -m simulator --seed {seed}{world}{count} --trace"
