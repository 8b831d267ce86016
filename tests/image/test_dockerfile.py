"""What the Dockerfile says, as far as it can be judged without building it."""

from __future__ import annotations

import json
import re
import tomllib

from image.dockerfile import ROOT, read_stages
from tenure import __version__

_ARGUMENTS, (_BUILD, _IMAGE) = read_stages()
_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_both_stages_have_the_same_base_which_can_be_exchanged() -> None:
    """The interpreter in /opt/tenure is a link to the base's."""
    assert _ARGUMENTS == {"PYTHON_IMAGE": "python:3.13-slim"}
    assert _BUILD.base == _IMAGE.base == "${PYTHON_IMAGE}"


def test_the_user_is_a_number_that_is_not_roots_and_stays_so() -> None:
    assert _IMAGE.all("USER") == ["65532:65532"]
    after = [keyword for keyword, _ in _IMAGE.instructions[_IMAGE.instructions.index(("USER", "65532:65532")) + 1 :]]
    assert not {"COPY", "RUN"} & set(after)


def test_the_image_gets_nothing_but_the_environment_that_was_built() -> None:
    assert _IMAGE.all("COPY") == ["--from=build /opt/tenure /opt/tenure"]
    assert _IMAGE.all("ADD") == _BUILD.all("ADD") == []


def test_no_installer_is_left() -> None:
    (only,) = _IMAGE.all("RUN")

    assert re.search(r"pip .*uninstall .*\bpip\b", only)
    assert "ensurepip" in only
    assert any("venv --without-pip /opt/tenure" in command for command in _BUILD.all("RUN"))


def test_what_is_fetched_is_pinned_by_hashes_and_nothing_is_compiled() -> None:
    installs = [command for command in _BUILD.all("RUN") if re.search(r"\bpip\b.* (install|wheel) ", command)]
    fetching = [command for command in installs if "--no-index" not in command]

    assert len(installs) == 4
    assert [re.findall(r"--requirement (\S+)", command) for command in fetching] == [
        ["requirements/build.txt"],
        ["requirements/run.txt"],
    ]
    for command in fetching:
        assert "--require-hashes --no-deps --only-binary :all:" in command


def test_the_operator_is_started_without_a_shell_and_isolated_from_where_it_starts() -> None:
    (entry,), (command,) = _IMAGE.all("ENTRYPOINT"), _IMAGE.all("CMD")

    assert json.loads(entry) == ["/opt/tenure/bin/python", "-I", "-m", "tenure"]
    assert json.loads(command) == ["run"]


def test_the_labels_are_those_of_the_project() -> None:
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in _IMAGE.pairs("LABEL").items()}

    assert labels == {
        "title": _PROJECT["name"],
        "description": _PROJECT["description"],
        "licenses": _PROJECT["license"],
        "version": __version__,
        "revision": "${REVISION}",
        "base.name": "${PYTHON_IMAGE}",
    }


def test_the_builder_is_sent_what_is_copied_and_nothing_else() -> None:
    ignored, *exceptions = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")
    ]
    copied = {source for rest in _BUILD.all("COPY") for source in rest.split()[:-1]}

    assert ignored == "*"
    assert {line.removeprefix("!") for line in exceptions if line.startswith("!")} == copied
    assert "**/__pycache__" in exceptions
