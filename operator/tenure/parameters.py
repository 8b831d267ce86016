"""What the options of the command line take, beyond plain texts and numbers."""

from __future__ import annotations

import math
import re
from typing import Any

import click

from tenure.election.resource import RecordName
from tenure.election.selector import parse_selector

_RECORD = re.compile(r"(?P<bucket>[A-Za-z0-9_-]+)/(?P<key>[-/_=A-Za-z0-9]+(\.[-/_=A-Za-z0-9]+)*)")

LISTEN = re.compile(r"(?P<address>.*):(?P<port>\d{1,5})")


class ListenAddress(click.ParamType[tuple[str, int]]):
    """An address and a port, as in `0.0.0.0:8080`, `[::]:8080` or `:8080` (all addresses)."""

    name = "address:port"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Return address and port."""
        if isinstance(value, tuple):
            return value
        match = LISTEN.fullmatch(str(value))
        if match is None or int(match["port"]) > 65535:
            self.fail(f"{value!r} is not an address and a port; write for instance 127.0.0.1:8080", param, ctx)
        return match["address"].strip("[]") or "0.0.0.0", int(match["port"])  # noqa: S104 - what ":8080" asks for


class Text(click.ParamType[str]):
    """A text of a certain form."""

    def __init__(self, name: str, pattern: str, rule: str) -> None:
        self.name = name
        self._pattern = re.compile(pattern)
        self._rule = rule

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, or fail with the rule."""
        if not self._pattern.fullmatch(str(value)):
            self.fail(f"{value!r} is not valid: {self._rule}", param, ctx)
        return str(value)


class PodSelector(click.ParamType[str]):
    """A label selector, as kubectl takes it."""

    name = "selector"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, or fail with what is wrong in it."""
        try:
            parse_selector(str(value))
        except ValueError as error:
            self.fail(f"{error}. Write for instance app=web or 'tier in (a, b)'", param, ctx)
        return str(value)


class Record(click.ParamType[RecordName]):
    """A lease record, by its bucket and its key."""

    name = "bucket/key"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> RecordName:
        """Return the record's name."""
        if isinstance(value, RecordName):
            return value
        match = _RECORD.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is no bucket and key; write for instance aether-leader-election/leader", param, ctx)
        if match["key"].startswith("_"):
            self.fail(f"{value!r} is not for elections: keys that begin with _ are the operator's own", param, ctx)
        return RecordName(match["bucket"], match["key"])


BUCKET = Text("bucket", r"[A-Za-z0-9_-]+", "use letters, digits, '-' and '_'")
RELEASE = Text(
    "release", r"[a-z0-9]([a-z0-9.-]{0,51}[a-z0-9])?", "use small letters, digits, '-' and '.', 53 characters at most"
)
ELECTION = Text(
    "election",
    r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?/[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?",
    "name the namespace and the election, such as shop/web",
)
IDENTITY = Text(
    "identity",
    r"[^_](.*[^_])?",
    "a part of it is empty. In a pod, pass its name and UID on as variables (fieldRef) and join them by '_'",
)
NAMESPACE = Text("namespace", r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "use a namespace's name, such as shop")


class Seconds(click.FloatRange):
    """A finite number of seconds in a range: no comparison holds a NaN back."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds."""
        seconds = float(super().convert(value, param, ctx))
        if not math.isfinite(seconds):
            self.fail(f"{value!r} is not a number of seconds", param, ctx)
        return seconds
