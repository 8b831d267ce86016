"""The examples: the API server takes their manifests, and their programs do in an election what they say.

Nothing runs in a pod here: each pod's program is started beside it, by the command and the variables of its manifest.
examples/web.yaml is what `make demo` plays.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster_support import MakeOperator, PodView, Scene
from environment import wait_until

_EXAMPLES = Path(__file__).parents[2] / "examples"


class _Program:
    """What runs in a pod."""

    def __init__(self, pod: PodView, folder: Path, *, nats_url: str, log: Path) -> None:
        container = pod.body["spec"]["containers"][0]
        fields = {"name": pod.name, "uid": pod.uid, "namespace": pod.body["metadata"]["namespace"]}
        variables = {one["name"]: _value(one, fields, nats_url) for one in container["env"]}
        # The image's entry point is `tenure`, and its Python has the library.
        arguments = container.get("command") or ["python", "-m", "tenure", *container["args"]]
        command = [_expand(argument, variables).replace("/app/", f"{folder}/") for argument in arguments]
        self.pod = pod
        self._log = log
        with log.open("wb") as output:
            self._child = subprocess.Popen(
                [sys.executable if command[0] == "python" else command[0], *command[1:]],
                env={"PATH": os.environ["PATH"], **variables},
                stdout=output,
                stderr=output,
            )

    @property
    def output(self) -> str:
        return self._log.read_text()

    def says(self, line: str) -> bool:
        return line in self.output.splitlines()

    def terminate(self) -> None:
        """Ask it to end, as Kubernetes does; it ends well."""
        self._child.terminate()
        assert self._child.wait(timeout=10) == 0, self.output

    def kill(self) -> None:
        self._child.kill()
        self._child.wait(timeout=5)


def _value(variable: dict[str, Any], fields: dict[str, str], nats_url: str) -> str:
    if "valueFrom" in variable:
        return fields[variable["valueFrom"]["fieldRef"]["fieldPath"].removeprefix("metadata.")]
    assert variable["value"] == "nats://nats.nats:4222"
    return nats_url


def _expand(text: str, variables: dict[str, str]) -> str:
    return re.sub(r"\$\((\w+)\)", lambda match: variables[match[1]], text)


@pytest.fixture
def programs() -> Iterator[list[_Program]]:
    programs: list[_Program] = []
    yield programs
    for program in programs:
        program.kill()


@pytest.mark.parametrize(("name", "line"), [("worker", "one step"), ("report", "a report")])
def test_one_replica_of_an_example_is_at_work_and_another_one_goes_on(
    name: str, line: str, scene: Scene, make_operator: MakeOperator, programs: list[_Program], tmp_path: Path
) -> None:
    make_operator(bucket="leader-elections").start()
    environment, folder = scene.environment, _EXAMPLES / name
    environment.kubectl("apply", "-n", scene.namespace, "-k", str(folder))
    scene.wait(lambda: sum(pod.ready for pod in scene.pods) == 2, "both replicas are Ready")
    programs += (
        _Program(pod, folder, nats_url=environment.nats_url, log=tmp_path / f"{pod.name}.log") for pod in scene.pods
    )

    leader = scene.wait_for_leader(name)
    first, second = sorted(programs, key=lambda program: program.pod.uid != leader.uid)
    wait_until(lambda: first.says(f"term 1: {line}"), "the leader is at work")
    assert second.output.count(line) == 0

    first.terminate()

    assert scene.wait_for_leader(name, but=leader).uid == second.pod.uid
    wait_until(lambda: second.says(f"term 2: {line}"), "the other one is at work")
