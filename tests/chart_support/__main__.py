"""Brings what the chart repeats of other files up to date: `python -m chart_support`."""

from __future__ import annotations

from chart_support.copies import COPIES
from chart_support.helm import ROOT


def main() -> None:
    """Write what is not as it should be, and name it."""
    for path, made in COPIES.items():
        content = made()
        if not path.exists() or path.read_text() != content:
            path.write_text(content)
            print(f"Written: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
