"""What kubectl asks when somebody presses the tabulator: `kubectl_complete-tenure WORD…`, the last one unfinished."""

from __future__ import annotations

import asyncio
import sys

import click
from click.shell_completion import ShellComplete

from tenure.plugin.cli import main
from tenure.plugin.target import Target

NAMES_TIMEOUT_S = 2.0
"""How long somebody waits for names who has pressed the tabulator."""

NO_FILES = 4
"""Cobra's directive: what follows is no file."""


def run() -> None:
    """Print what may stand in the place of the last argument, a line each, and Cobra's directive."""
    *words, incomplete = sys.argv[1:] or [""]
    found = ShellComplete(main, {}, "kubectl tenure", "_TENURE_COMPLETE").get_completions(words, incomplete)
    for item in found:
        if item.type == "plain":
            click.echo(f"{item.value}\t{item.help}" if item.help else str(item.value))
    click.echo(f":{0 if any(item.type != 'plain' for item in found) else NO_FILES}")


def names_of_elections(target: Target) -> list[str]:
    """Return the names of the elections that are meant, none when they cannot be read in time."""
    from tenure.plugin.cluster import connect

    async def read() -> list[str]:
        async with asyncio.timeout(NAMES_TIMEOUT_S), connect(target) as cluster:
            return [body["metadata"]["name"] for body in await cluster.list_elections(cluster.namespace)]

    try:
        return asyncio.run(read())
    except Exception:  # noqa: BLE001 - whatever is wrong, the command itself will say it
        return []
