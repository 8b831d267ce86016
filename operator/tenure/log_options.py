"""The options of the log, which every command takes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from tenure import log
from tenure.nats_options import option

_OPTIONS = (
    option(
        "--log-level", type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False), default="info"
    ),
    option(
        "--log-format",
        type=click.Choice(["auto", "text", "json"]),
        default="auto",
        help="auto: text on a terminal, JSON elsewhere.",
    ),
)


def log_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options; the log is as they say when it begins."""

    @functools.wraps(command)
    def with_log(*, log_level: str, log_format: log.LogFormat, **others: Any) -> None:
        log.configure(log_level, log_format)
        command(**others)

    for add in reversed(_OPTIONS):
        with_log = add(with_log)
    return with_log
