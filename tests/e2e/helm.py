"""The chart as a release."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

from environment import EnvironmentFailed

CHART = Path(__file__).parents[2] / "charts" / "tenure"
RELEASE = "tenure"
_TIMEOUT_S = 180


class Helm:
    """Runs one helm for one release in one namespace."""

    def __init__(self, binary: Path, kubeconfig: Path, namespace: str, folder: Path) -> None:
        self._command = [str(binary), f"--kubeconfig={kubeconfig}", f"--namespace={namespace}"]
        self._values = folder / "values.yaml"
        homes = ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")
        self._environ = {**os.environ, **{home: str(folder / home.lower()) for home in homes}}

    def install(self, values: dict[str, Any]) -> None:
        """Install the chart, or upgrade the release to other values, and wait until its pods are Ready."""
        self._values.write_text(yaml.safe_dump(values))
        self(
            "upgrade",
            "--install",
            RELEASE,
            str(CHART),
            f"--values={self._values}",
            "--wait",
            f"--timeout={_TIMEOUT_S}s",
        )

    def test(self) -> None:
        """Run the chart's own test."""
        self("test", RELEASE, f"--timeout={_TIMEOUT_S}s")

    def uninstall(self) -> None:
        """Take the release away, if it is there."""
        self("uninstall", RELEASE, "--ignore-not-found", "--wait", f"--timeout={_TIMEOUT_S}s")

    def __call__(self, *arguments: str) -> str:
        """Run helm, and return what it printed. A failure raises EnvironmentFailed with what it complained of."""
        try:
            # A session of its own: Ctrl-C is for the test, which then ends its programs itself.
            done = subprocess.run(
                [*self._command, *arguments], env=self._environ, capture_output=True, text=True,
                timeout=_TIMEOUT_S + 10, check=False, start_new_session=True,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise EnvironmentFailed(f"`helm {arguments[0]}` took longer than {_TIMEOUT_S + 10} seconds.") from None
        if done.returncode != 0:
            raise EnvironmentFailed(f"`helm {arguments[0]}` failed: {done.stderr.strip()}")
        return done.stdout
