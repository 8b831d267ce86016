"""How an answer comes out: a table for people, JSON or YAML for programs."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from enum import Enum
from typing import Any

import click
import yaml
from rich.console import Console, Group, RenderableType

from tenure.election.clock import rfc3339
from tenure.plugin.target import Format

UNBOUNDED = 10_000
"""Columns of what is no terminal: nothing is wrapped or cut there."""


def as_json(value: Any, name: str = "") -> Any:
    """Return a view as JSON: names in camelCase, Unix times as RFC 3339, what is absent as null."""
    if dataclasses.is_dataclass(value):
        items = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {_key(key): as_json(item, key) for key, item in items}
    if isinstance(value, tuple | list):
        return [as_json(item) for item in value]
    if isinstance(value, Enum):
        return value.value  # YAML's library knows plain strings only.
    if isinstance(value, float) and _is_time(name):
        return f"{rfc3339(value)[:19]}Z"
    return value


def _is_time(name: str) -> bool:
    return name == "at_s" or name.endswith("_at_s")


def _key(name: str) -> str:
    """Return the name without its unit for a time, and with the unit in full for a number of seconds."""
    if _is_time(name):
        name = name.removesuffix("_s")
    elif name.endswith("_s"):
        name = f"{name}econds"
    first, *rest = name.replace("_s_ago", "_seconds_ago").split("_")
    return first + "".join(word.capitalize() for word in rest)


def say(content: Any, output: Format, *tables: RenderableType) -> None:
    """Print `content` as JSON or YAML, or in its place the tables."""
    match output:
        case "json":
            click.echo(json.dumps(content, indent=2))
        case "yaml":
            click.echo(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), nl=False)
        case "table":
            click.echo(render(Group(*tables)))


def render(what: RenderableType, *, width: int | None = None) -> str:
    """Return text of at most `width` columns, those of the terminal when it is left out, with colours only there."""
    is_terminal = sys.stdout.isatty()
    console = Console(
        width=width if width is not None else None if is_terminal else UNBOUNDED,
        color_system=None if os.environ.get("NO_COLOR") else "auto",  # which is none where there is no terminal
        markup=False,
        highlight=False,
        emoji=False,
    )
    with console.capture() as captured:
        console.print(what)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())
