"""Brings docs/reference.md up to date: `python -m reference`."""

from __future__ import annotations

from reference import CRD, PAGE, render


def main() -> None:
    """Write the page, and say whether it is another one."""
    content = render(CRD.read_text())
    if not PAGE.exists() or PAGE.read_text() != content:
        PAGE.write_text(content)
        print(f"Written: docs/{PAGE.name}")


if __name__ == "__main__":
    main()
