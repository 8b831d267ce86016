"""Log lines: a constant message and the facts beside it, as text for a terminal or as JSON for a collector."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

LogFormat = Literal["auto", "text", "json"]

_STANDARD = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_COLOURS = {logging.WARNING: "\x1b[33m", logging.ERROR: "\x1b[31m", logging.CRITICAL: "\x1b[31m"}
_PLAIN = "\x1b[0m"


class TextFormatter(logging.Formatter):
    """Time, level, message, then `key=value` for each fact; coloured by level where `colour` says so."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and a traceback under it where there is one."""
        time = datetime.fromtimestamp(record.created).strftime("%H:%M:%S.%f")[:-3]  # noqa: DTZ006 - local, for a person
        facts = "".join(f" {name}={_text(value)}" for name, value in facts_of(record).items())
        line = f"{time} {record.levelname:<7} {record.getMessage()}{facts}"
        if self._colour and record.levelno in _COLOURS:
            line = f"{_COLOURS[record.levelno]}{line}{_PLAIN}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and each fact under its own name."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **facts_of(record),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


def facts_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return what was passed as `extra`; Kopf's own annotations are left out."""
    return {
        name: value
        for name, value in record.__dict__.items()
        if name not in _STANDARD and not name.startswith(("_", "k8s_", "settings"))
    }


class _KopfFilter(logging.Filter):
    """Kopf calls each attempt at a request that fails an error, with the whole answer: a short warning is enough."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass, shortened."""
        if record.name.startswith("kopf") and record.levelno == logging.ERROR:
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.msg, record.args = f"Kopf: {record.getMessage()[:300]}", ()
            record.exc_info = None
        return True


def configure(level: str, log_format: LogFormat) -> None:
    """Send all logs to stderr. `auto` is text on a terminal and JSON elsewhere."""
    on_terminal = sys.stderr.isatty()
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_KopfFilter())
    if log_format == "json" or (log_format == "auto" and not on_terminal):
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(TextFormatter(colour=on_terminal))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("kubernetes").setLevel(logging.ERROR)
    # It warns of how nats-py takes the end of a TLS connection, each time a server restarts.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    logging.getLogger("tenure").setLevel(level.upper())


def _text(value: Any) -> str:
    text = str(value)
    return json.dumps(text) if " " in text or not text else text
