"""`kubectl tenure` as people call it: by kubectl, against a real API server, with a real operator at work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster_support import Operator, Scene
from environment import Environment

_BIN = Path(sys.executable).parent
_TIMEOUT_S = 30.0

Run = Callable[..., subprocess.CompletedProcess[str]]


def _environment(environment: Environment, **variables: str) -> dict[str, str]:
    path = f"{_BIN}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "KUBECONFIG": str(environment.kubeconfig), **variables}


@pytest.fixture
def tenure(environment: Environment) -> Run:
    """Runs `kubectl tenure` with these arguments to its end."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [environment.kubectl_binary, "tenure", *arguments],
            env=_environment(environment, **variables),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )

    return run


def _table(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def _failure(done: subprocess.CompletedProcess[str]) -> str:
    """What it says went wrong: one line, and nothing else."""
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    return line.removeprefix("kubectl tenure: ")


def test_people_see_who_leads_who_may_and_who_did(everywhere: Operator, scene: Scene, tenure: Run) -> None:
    scene.run_pods(3)
    scene.elect()
    first = scene.wait_for_leader()
    scene.delete_pod(first)
    second = scene.wait_for_leader(after=1)
    here = ("-n", scene.namespace)
    scene.wait(lambda: len(scene.followers()) == 2 and all(pod.ready for pod in scene.pods), "all three are back")

    listed = _table(tenure("status", *here).stdout)
    shown = json.loads(tenure("status", "web", *here, "-o", "json").stdout)
    terms = _table(tenure("history", "web", *here).stdout)

    assert listed[0] == ["NAME", "LEADER", "TERM", "SINCE", "ELIGIBLE", "READY", "REASON"]
    assert [*listed[1][:3], *listed[1][4:]] == ["web", second.name, "2", "3/3", "True", "Ready"]
    assert (shown["leader"], shown["term"]) == (second.name, 2)
    assert [(one["pod"], one["role"], one["eligible"]) for one in shown["candidates"]] == [
        (pod.name, "leader" if pod.name == second.name else "follower", True) for pod in scene.pods
    ]
    assert shown["next"] == first.name
    assert [(row[0], row[1], row[-1]) for row in terms[1:]] == [
        ("2", second.name, "-"),
        ("1", first.name, "PodTerminating"),
    ]


def test_a_watch_shows_what_is_there_and_each_change_until_ctrl_c(
    everywhere: Operator, scene: Scene, environment: Environment
) -> None:
    scene.run_pods(2)
    scene.elect()
    first = scene.wait_for_leader()
    command = [str(environment.kubectl_binary), "tenure", "watch", "-n", scene.namespace, "-o", "json"]
    with subprocess.Popen(command, env=_environment(environment), stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None
        there = json.loads(watch.stdout.readline())
        scene.delete_pod(first)
        change = json.loads(watch.stdout.readline())
        while change["election"]["term"] < 2:
            change = json.loads(watch.stdout.readline())
        watch.send_signal(signal.SIGINT)
        ended = watch.wait(_TIMEOUT_S)

    assert (there["type"], there["election"]["leader"]) == ("ADDED", first.name)
    assert (change["type"], change["election"]["term"]) == ("MODIFIED", 2)
    assert ended in (-signal.SIGINT, 128 + signal.SIGINT)


def test_an_election_is_suspended_and_resumed(everywhere: Operator, scene: Scene, tenure: Run) -> None:
    scene.run_pods(1)
    scene.elect()
    scene.wait_for_leader()
    here = ("web", "-n", scene.namespace)

    assert tenure("suspend", *here).stdout == "leaderelection.tenure.dev/web suspended\n"
    scene.wait_for_condition("Suspended", "True (Suspended)")
    assert tenure("suspend", *here).stdout == "leaderelection.tenure.dev/web was already suspended\n"
    assert tenure("resume", *here).stdout == "leaderelection.tenure.dev/web resumed\n"
    scene.wait_for_condition("Suspended", "False (Active)")

    managers = [one["manager"] for one in scene.election().body["metadata"]["managedFields"]]
    assert not any(manager.startswith("kubectl") for manager in managers)


def test_what_is_not_there_or_not_allowed_is_said_in_a_sentence_and_by_the_exit_status(
    scene: Scene, environment: Environment, tenure: Run
) -> None:
    scene.elect()
    here = ("-n", scene.namespace)
    nobody = environment.service_account_kubeconfig(scene.namespace, "default")

    unknown = tenure("status", "wep", *here)
    forbidden = tenure("suspend", "web", *here, "--kubeconfig", str(nobody))

    assert _failure(unknown) == f"There is no election wep in the namespace {scene.namespace}. Did you mean web?"
    assert "does not allow this: leaderelections.tenure.dev" in _failure(forbidden)
    assert [unknown.returncode, forbidden.returncode] == [3, 4]


def test_kubectl_completes_commands_and_names(scene: Scene, environment: Environment) -> None:
    scene.elect("web")

    def complete(*words: str) -> list[Any]:
        command = [str(environment.kubectl_binary), "__complete", "tenure", *words]
        done = subprocess.run(
            command, env=_environment(environment), capture_output=True, text=True, timeout=_TIMEOUT_S
        )
        return [line.split("\t")[0] for line in done.stdout.splitlines()]

    assert complete("s") == ["status", "suspend", ":4"]
    assert complete("status", "-n", scene.namespace, "w") == ["web", ":4"]
