"""Log lines: a constant message and the facts beside it, as text for a terminal and as JSON for a collector."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from typing import Any, NoReturn

import pytest

from tenure.log import JsonFormatter, LogFormat, TextFormatter, configure, facts_of


def _record(message: str = "Labels written", level: int = logging.INFO, *args: Any, **facts: Any) -> logging.LogRecord:
    logger = logging.getLogger("tenure.test")
    return logger.makeRecord(logger.name, level, "file.py", 1, message, args, None, "function", facts)


def _failed() -> logging.LogRecord:
    record = _record("A step failed", logging.ERROR)
    try:
        _raise()
    except RuntimeError:
        record.exc_info = sys.exc_info()
    return record


def _raise() -> NoReturn:
    raise RuntimeError("a defect")


def test_facts_are_what_was_passed_beside_the_message() -> None:
    record = _record(election="shop/web", term=7)
    record.__dict__.update({"k8s_ref": {}, "k8s_skip": True, "settings": object(), "_private": 1, "taskName": "t"})

    assert facts_of(record) == {"election": "shop/web", "term": 7}


def test_json_has_the_facts_each_under_its_own_name() -> None:
    record = _record("%s are written", logging.INFO, "Labels", election="shop/web", term=7, role=None)
    record.created = 1704067200.25

    line = JsonFormatter().format(record)

    assert json.loads(line) == {
        "time": "2024-01-01T00:00:00.250+00:00",
        "level": "info",
        "logger": "tenure.test",
        "message": "Labels are written",
        "election": "shop/web",
        "term": 7,
        "role": None,
    }
    assert "\n" not in line


def test_json_has_the_traceback_in_the_same_line_and_what_json_does_not_know_as_text() -> None:
    record = _failed()
    record.__dict__["cause"] = ValueError("why not")
    line = JsonFormatter().format(record)

    assert json.loads(line)["cause"] == "why not"
    assert json.loads(line)["traceback"].endswith("RuntimeError: a defect")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({}, "Labels written"),
        ({"election": "shop/web", "term": 7}, "Labels written election=shop/web term=7"),
        ({"error": "no answer in time"}, 'Labels written error="no answer in time"'),
        ({"namespaces": ""}, 'Labels written namespaces=""'),
        ({"role": None}, "Labels written role=None"),
    ],
)
def test_text_has_the_facts_behind_the_message(facts: dict[str, Any], line: str) -> None:
    text = TextFormatter(colour=False).format(_record(**facts))

    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d\d\d INFO    " + re.escape(line), text)


def test_text_has_the_traceback_below() -> None:
    line, *traceback = TextFormatter(colour=False).format(_failed()).splitlines()

    assert line.endswith("ERROR   A step failed")
    assert (traceback[0], traceback[-1]) == ("Traceback (most recent call last):", "RuntimeError: a defect")


@pytest.mark.parametrize(
    ("level", "colour"),
    [(logging.DEBUG, ""), (logging.INFO, ""), (logging.WARNING, "33"), (logging.ERROR, "31"), (logging.CRITICAL, "31")],
)
def test_what_is_wrong_is_coloured_on_a_terminal_and_nowhere_else(level: int, colour: str) -> None:
    coloured = TextFormatter(colour=True).format(_record(level=level))
    plain = TextFormatter(colour=False).format(_record(level=level))

    assert "\x1b" not in plain
    assert coloured.startswith(f"\x1b[{colour}m") if colour else "\x1b" not in coloured
    assert coloured.endswith("\x1b[0m") is bool(colour)


class _Stream(io.StringIO):
    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize(
    ("log_format", "is_terminal", "shape"),
    [
        ("auto", True, "coloured"),
        ("auto", False, "json"),
        ("text", True, "coloured"),
        ("text", False, "plain"),
        ("json", True, "json"),
        ("json", False, "json"),
    ],
)
def test_the_shape_of_a_line(
    monkeypatch: pytest.MonkeyPatch, log_format: LogFormat, is_terminal: bool, shape: str
) -> None:
    stream = _Stream(is_terminal=is_terminal)
    monkeypatch.setattr(sys, "stderr", stream)

    configure("info", log_format)
    logging.getLogger("tenure.runtime").warning("Waiting", extra={"election": "shop/web"})

    line = stream.getvalue()
    assert line.count("\n") == 1
    assert line.startswith("{") is (shape == "json")
    assert ("\x1b" in line) is (shape == "coloured")
    assert ('"election": "shop/web"' if shape == "json" else "election=shop/web") in line


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("debug", ["debug of ours", "info of ours", "warning of ours", "warning of others"]),
        ("info", ["info of ours", "warning of ours", "warning of others"]),
        ("warning", ["warning of ours", "warning of others"]),
        ("error", ["warning of others"]),
    ],
)
def test_the_level_is_that_of_our_own_lines(monkeypatch: pytest.MonkeyPatch, level: str, shown: list[str]) -> None:
    stream = _Stream(is_terminal=False)
    monkeypatch.setattr(sys, "stderr", stream)

    configure(level, "json")
    for logger, whose in ((logging.getLogger("tenure.nats"), "ours"), (logging.getLogger("kopf"), "others")):
        for each in ("debug", "info", "warning"):
            logger.log(logging.getLevelName(each.upper()), "%s of %s", each, whose)

    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == shown


def test_kopfs_failed_attempts_are_short_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = _Stream(is_terminal=False)
    monkeypatch.setattr(sys, "stderr", stream)

    configure("info", "json")
    try:
        _raise()
    except RuntimeError:
        logging.getLogger("kopf.watching").exception("Request attempt failed: %s", "x" * 1000)
        logging.getLogger("tenure.process").exception("A step failed")

    kopfs, ours = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (kopfs["level"], kopfs["message"][:24], len(kopfs["message"])) == (
        "warning",
        "Kopf: Request attempt fa",
        306,
    )
    assert "traceback" not in kopfs
    assert (ours["level"], "traceback" in ours) == ("error", True)


def test_what_libraries_say_below_a_warning_is_not_shown_whatever_was_set_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = _Stream(is_terminal=False)
    monkeypatch.setattr(sys, "stderr", stream)
    logging.getLogger().setLevel(logging.DEBUG)

    configure("debug", "json")
    logging.getLogger("aiohttp").info("Something that only aiohttp wants to know")
    logging.getLogger("kubernetes").warning("Something that only kubernetes finds strange")

    assert stream.getvalue() == ""


def test_configuring_twice_writes_each_line_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = _Stream(is_terminal=False)
    monkeypatch.setattr(sys, "stderr", stream)

    configure("info", "json")
    configure("info", "json")
    logging.getLogger("tenure").info("Tenure starts")

    assert stream.getvalue().count("Tenure starts") == 1
