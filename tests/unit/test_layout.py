"""Rules about the project's files that no other tool checks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_LINES_MAX = 350


def _project_files() -> list[Path]:
    """All files of the project, committed or not yet, but nothing that is ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listing.split("\0") if name and (path := _ROOT / name).is_file()]


def test_operator_is_no_package() -> None:
    """An `operator` package would hide Python's own `operator` module, on which `collections` and `asyncio` rely."""
    assert (_ROOT / "operator" / "tenure" / "__init__.py").is_file()
    assert not (_ROOT / "operator" / "__init__.py").exists()


def test_tenure_is_imported_in_a_clean_interpreter_from_the_root() -> None:
    """Without `site`, which on a developer's machine imports `operator` early and so hides that it was replaced."""
    program = f"import sys; sys.path.append({str(_ROOT / 'operator')!r}); import collections, asyncio, tenure"

    done = subprocess.run([sys.executable, "-S", "-c", program], cwd=_ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_no_module_of_the_operator_is_long() -> None:
    lengths = {
        str(path.relative_to(_ROOT)): len(path.read_text().splitlines()) for path in (_ROOT / "operator").rglob("*.py")
    }

    assert {name: lines for name, lines in lengths.items() if lines > _LINES_MAX} == {}


def test_no_file_names_a_place_on_this_machine() -> None:
    names = "|".join(re.escape(str(place)) for place in (_ROOT, Path.home() / ".cache"))
    places = re.compile(rf"(?<![\w.-])(?:{names})(?![\w-])")

    assert [path for path in _project_files() if places.search(path.read_text(errors="replace"))] == []


@pytest.mark.parametrize(
    ("name", "at_least"), [("requirements/run.txt", 20), ("requirements/dev.txt", 20), ("requirements/build.txt", 4)]
)
def test_pins_have_hashes_and_name_no_registry(name: str, at_least: int) -> None:
    text = (_ROOT / name).read_text()
    pins = re.findall(r"^[a-z].*?(?=^[a-z]|\Z)", text, re.MULTILINE | re.DOTALL)

    assert len(pins) >= at_least
    assert [pin for pin in pins if not re.match(r"[a-z0-9-]+==", pin) or "--hash=sha256:" not in pin] == []
    assert re.findall(r"^.*(?:://|^--|@ ).*$", text, re.MULTILINE) == []
