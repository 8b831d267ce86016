"""Programs built from source with Go, once for each content of what they are built from, into the user's cache."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from environment.progress import Progress
from environment.waiting import EnvironmentFailed, wait_until

_MODULES = Path(__file__).parent / "binaries"
_LOCK_TIMEOUT_S = 3600.0  # longer than a build takes on a slow machine


@dataclass(frozen=True)
class GoBuild:
    """The programs that one go.mod below binaries/ names as its tools.

    Each set has a go.mod of its own, since their dependencies exclude each other. `what` is said in sentences, `takes`
    after "Building … from source: ". `ldflags` and `tags` are what `go build` calls so. `built_as` has the names that
    Go gives to programs that are to have another one.
    """

    folder: str
    programs: Sequence[str]
    what: str
    takes: str
    ldflags: str = ""
    tags: str = ""
    built_as: Mapping[str, str] = field(default_factory=dict)
    instead: str = ""

    @property
    def module(self) -> Path:
        """The folder of go.mod and go.sum."""
        return _MODULES / self.folder

    def find_or_build(self) -> Path:
        """Return the folder that holds the programs. Raises EnvironmentFailed."""
        digest = hashlib.sha256("\0".join(self._flags).encode())
        for file in sorted(self.module.glob("*.*")):  # go.mod and go.sum, and what is written here itself
            digest.update(file.read_bytes())
        folder = _cache() / digest.hexdigest()[:16]
        if not folder.exists():
            with exclusively(folder.with_suffix(".lock"), f"another process is building {self.what}"):
                if not folder.exists():
                    self._build(folder)
        return folder

    @property
    def _flags(self) -> list[str]:
        tags = ["-tags", self.tags] if self.tags else []
        return ["-mod=readonly", "-trimpath", *tags, "-ldflags", f"-s -w {self.ldflags}".strip()]

    def _build(self, folder: Path) -> None:
        """Build next to `folder`, then rename: whoever sees the folder sees all of it."""
        self._check_go()
        progress = Progress()
        progress.say(f"Building {self.what} from source: {self.takes}, seconds when Go's cache is warm.")
        partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
        try:
            # There is no deadline: a slow machine is no failure, and the progress shows that it goes on.
            # -v prints each package's name as its compilation starts.
            command = ["go", "build", "-v", *self._flags, "-o", f"{partial}{os.sep}", "tool"]
            build = subprocess.Popen(
                command, cwd=self.module, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            try:
                lines = progress.follow(build, "building")
            except BaseException:
                build.terminate()
                build.wait(10)
                raise
            if build.returncode != 0:
                raise EnvironmentFailed("\n".join(["`go build` failed. Its last lines:", *lines[-15:]]))
            for name, built_as in self.built_as.items():
                (partial / built_as).rename(partial / name)
            partial.chmod(0o755)
            partial.rename(folder)
            progress.say(f"Built {', '.join(self.programs)} in {progress.elapsed_s:.0f} s: {folder}")
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _check_go(self) -> None:
        needed = required_line(self.module, r"go ((\d+)\.(\d+))")
        sentence = f"Go {needed[1]} or later is needed to build {self.what}{self.instead}"
        try:
            # In the module's folder, where a Go since 1.21 fetches the version that go.mod asks for, if it may.
            command = ["go", "env", "GOVERSION"]
            found = subprocess.run(command, cwd=self.module, capture_output=True, text=True, timeout=300, check=False)
        except FileNotFoundError:
            raise EnvironmentFailed(f"{sentence}: there is no `go` on the PATH.") from None
        except subprocess.TimeoutExpired:
            raise EnvironmentFailed(f"{sentence}: `go env GOVERSION` did not answer within 300 seconds.") from None
        version = re.match(r"go(\d+)\.(\d+)", found.stdout)
        if found.returncode != 0 or version is None:
            raise EnvironmentFailed(f"{sentence}: {found.stderr.strip() or found.stdout.strip()}")
        if (int(version[1]), int(version[2])) < (int(needed[2]), int(needed[3])):
            raise EnvironmentFailed(f"{sentence}: this is {found.stdout.strip()}.")


def required_line(module: Path | str, pattern: str) -> re.Match[str]:
    """Return the match of a line of a set's go.mod; it must have one."""
    found = re.search(rf"^\s*{pattern}", (_MODULES / module / "go.mod").read_text(), re.MULTILINE)
    assert found is not None, f"{module}/go.mod has no line like {pattern}"
    return found


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
