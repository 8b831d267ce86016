"""Kubectl, on one kubeconfig."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from environment import EnvironmentFailed

_TIMEOUT_S = 60.0


class Kubectl:
    """Runs one kubectl with one kubeconfig, or with the user's own files (None). Its cache stays out of their home."""

    def __init__(self, binary: Path, kubeconfig: Path | None, *, cache: Path) -> None:
        self.binary = binary
        self.kubeconfig = kubeconfig
        self._command = [str(binary), f"--cache-dir={cache}"]
        if kubeconfig is not None:
            self._command.append(f"--kubeconfig={kubeconfig}")
        self._environ = {**os.environ, "KUBERC": "off"}

    def __call__(self, *arguments: str, input: str | None = None, timeout_s: float = _TIMEOUT_S) -> str:
        """Run it, and return what it printed. A failure raises EnvironmentFailed with what it complained of."""
        try:
            # In a session of its own: Ctrl-C is for the demo, which then ends its programs itself.
            done = subprocess.run(
                [*self._command, *arguments],
                input=input, capture_output=True, text=True, timeout=timeout_s, check=False,
                env=self._environ, start_new_session=True,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise EnvironmentFailed(f"`{self._said(arguments)}` took longer than {timeout_s:g} seconds.") from None
        if done.returncode != 0:
            raise EnvironmentFailed(f"`{self._said(arguments)}` failed: {done.stderr.strip()}")
        return done.stdout

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start it, with a pipe for what it prints."""
        return subprocess.Popen(
            [*self._command, *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=self._environ, start_new_session=True,
        )  # fmt: skip

    @staticmethod
    def _said(arguments: tuple[str, ...]) -> str:
        return " ".join(("kubectl", *arguments))
