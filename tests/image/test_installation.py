"""The commands of the Dockerfile's first stage, run on this machine, and what comes of them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from image.dockerfile import ROOT, read_stages
from tenure import __version__

_, (_BUILD, _IMAGE) = read_stages()
_TIMEOUT_S = 600.0  # packages come over a network


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that was the root of the file system for each COPY and RUN of the first stage."""
    root = tmp_path_factory.mktemp("root")
    folder = root / _BUILD.all("WORKDIR")[0].lstrip("/")
    folder.mkdir()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environ |= _BUILD.pairs("ENV")
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"  # `python` is this one
    for keyword, rest in _BUILD.instructions:
        if keyword == "COPY":
            *names, target = rest.split()
            for name in names:
                _copy(ROOT / name, folder / target)
        elif keyword == "RUN":
            _run(_below(root, rest), folder, environ)
    return root


def test_the_wheel_holds_the_package_and_nothing_else(root: Path) -> None:
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "operator/tenure"]
    files = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    package = {name.removeprefix("operator/") for name in files if (ROOT / name).is_file()}
    about = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}
    (wheel,) = (root / "src" / "dist").iterdir()

    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()

    assert sorted(names) == sorted(package | {f"tenure-{__version__}.dist-info/{name}" for name in about})


def test_the_environment_has_the_pinned_packages_and_no_installer(root: Path) -> None:
    pins = re.findall(r"^(\S+)==(\S+)", (ROOT / "requirements" / "run.txt").read_text(), re.MULTILINE)
    program = (
        "import importlib.metadata as m, json; print(json.dumps([(d.name, d.version) for d in m.distributions()]))"
    )

    found = json.loads(_run([str(root / "opt/tenure/bin/python"), "-I", "-c", program], root))

    assert {(_normal(name), version) for name, version in found} == {*pins, ("tenure", __version__)}


@pytest.mark.parametrize(
    ("arguments", "said"), [(["--version"], f"tenure {__version__}\n"), (["run", "--help"], "Usage: tenure run ")]
)
def test_the_entry_point_runs_wherever_it_is_started(
    root: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    """Also where what lies about has the names of modules, and a variable points to it."""
    for name in ("operator", "tenure", "click"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('the wrong one')\n")
    (entry,) = _IMAGE.all("ENTRYPOINT")
    command = [_below(root, argument) for argument in json.loads(entry)]

    output = _run([*command, *arguments], tmp_path, {"PATH": os.defpath, "PYTHONPATH": str(tmp_path)})

    assert output.startswith(said)


def test_anybody_may_read_what_is_installed(root: Path) -> None:
    """The image runs as any user, none of whom owns the files."""
    unreadable = [
        path
        for path in (root / "opt" / "tenure").rglob("*")
        if not path.is_symlink() and ~path.stat().st_mode & (0o005 if path.is_dir() else 0o004)
    ]

    assert unreadable == []


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.mkdir(exist_ok=True)
        shutil.copy(source, target)


def _below(root: Path, command: str) -> str:
    """Put the root before each path of the image."""
    return re.sub(r"(?<!\S)/(?=opt/)", f"{root}/", command)


def _run(command: str | list[str], folder: Path, environ: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, shell=isinstance(command, str), cwd=folder, env=environ,
        capture_output=True, text=True, timeout=_TIMEOUT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
