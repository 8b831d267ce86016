"""What all suites share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def outer_event_loop() -> Iterator[None]:
    """A loop for pytest-asyncio to come back to. It makes one itself where there is none, and never closes it."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture(autouse=True)
def the_log_of_the_next_test() -> Iterator[None]:
    """A command that runs in a test sets the log up: the next test has it as it was."""
    loggers = [logging.getLogger(name) for name in (None, "tenure", "kubernetes", "asyncio")]
    before = [(logger.level, logger.handlers[:]) for logger in loggers]
    yield
    for logger, (level, handlers) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.handlers[:] = handlers
