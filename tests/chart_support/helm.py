"""Helm, as a command: against the API server of the environment, or for itself."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from environment.binaries import helm_binary

Object = dict[str, Any]

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "tenure"
NATS_URL = "nats://nats.nats:4222"

_TIMEOUT_S = 60.0


class HelmFailed(Exception):
    """Helm ended with an error; the text is what it said."""


class Manifest:
    """The objects that the chart made."""

    def __init__(self, text: str) -> None:
        self.objects: list[Object] = [body for body in yaml.load_all(text, yaml.CSafeLoader) if body]

    def __iter__(self) -> Iterator[Object]:
        return iter(self.objects)

    def all(self, kind: str) -> list[Object]:
        """The objects of a kind."""
        return [body for body in self.objects if body["kind"] == kind]

    def one(self, kind: str, name: str | None = None) -> Object:
        """The only object of a kind, or of a kind and a name."""
        found = [body for body in self.all(kind) if name is None or body["metadata"]["name"] == name]
        assert len(found) == 1, f"{len(found)} of the kind {kind}"
        return found[0]


class Helm:
    """Runs Helm with a home of its own, in `folder`. `kubeconfig` is only needed for what asks an API server."""

    def __init__(self, folder: Path, *, kubeconfig: Path | None = None) -> None:
        self._binary = helm_binary()
        homes = {f"HELM_{kind}_HOME": str(folder / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
        # What the user has set for Helm must not reach it, nor a kubeconfig of the user's.
        others = {name: value for name, value in os.environ.items() if not name.startswith("HELM_")}
        self._env = {**others, **homes, "KUBECONFIG": str(kubeconfig or folder / "none")}

    def run(self, *arguments: str, input: str | None = None) -> str:
        """Run Helm and return what it printed. Raises HelmFailed."""
        done = subprocess.run(
            [str(self._binary), *arguments],
            input=input, capture_output=True, text=True, timeout=_TIMEOUT_S, env=self._env, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise HelmFailed(done.stderr.strip())
        return done.stdout

    def template(
        self, *arguments: str, values: Mapping[str, Any] | None = None, name: str = "tenure", namespace: str = "system"
    ) -> Manifest:
        """Render the chart without an API server. The NATS URL is set unless `values` do."""
        values = {"nats": {"url": NATS_URL}} if values is None else values
        return Manifest(self.apply("template", name, namespace, values, *arguments))

    def apply(self, verb: str, name: str, namespace: str, values: Mapping[str, Any], *arguments: str) -> str:
        """Run one of Helm's commands that take a release, the chart and values. Raises HelmFailed."""
        command = [verb, name, str(CHART), "--namespace", namespace, "--values", "-", *arguments]
        return self.run(*command, input=json.dumps(values))  # JSON is YAML
