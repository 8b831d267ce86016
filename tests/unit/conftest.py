"""How Hypothesis runs here: the same examples at every run, and no files left behind.

`pytest tests/unit --hypothesis-profile=search` looks for new examples instead, twenty times as many.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None, max_examples=100)
settings.register_profile("search", deadline=None, print_blob=True, max_examples=2000)


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile(config.getoption("hypothesis_profile", None) or "repeatable")
