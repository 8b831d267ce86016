"""Where the programs of the control plane are taken from: nothing is built here."""

from __future__ import annotations

from pathlib import Path

import pytest

from environment.binaries import control_plane_binaries
from environment.go_build import GoBuild
from environment.waiting import EnvironmentFailed

_PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl", "kwok")


@pytest.fixture(autouse=True)
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a build would return."""
    built = tmp_path / "built"
    monkeypatch.setattr(GoBuild, "find_or_build", lambda _: built)
    return built


@pytest.fixture
def assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that KUBEBUILDER_ASSETS names, relative to the present one, with all programs."""
    folder = tmp_path / "assets"
    folder.mkdir()
    for name in _PROGRAMS:
        (folder / name).touch(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", "assets")
    return folder


def test_the_folder_that_is_named_is_used_from_wherever_its_programs_are_started(
    assets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binaries = control_plane_binaries()
    monkeypatch.chdir("/")

    assert [binaries[name] for name in _PROGRAMS] == [assets / name for name in _PROGRAMS]


def test_what_the_folder_that_is_named_lacks_is_said_and_not_built(assets: Path) -> None:
    (assets / "kwok").unlink()
    (assets / "etcd").chmod(0o644)

    with pytest.raises(EnvironmentFailed, match=r"^KUBEBUILDER_ASSETS names assets, which lacks etcd, kwok\.$"):
        control_plane_binaries()


@pytest.mark.parametrize("value", [None, ""])
def test_where_no_folder_is_named_the_programs_are_built(
    monkeypatch: pytest.MonkeyPatch, built: Path, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    else:
        monkeypatch.setenv("KUBEBUILDER_ASSETS", value)

    assert control_plane_binaries()["kubectl"] == built / "kubectl"
