"""`kubectl tenure` as people call it: by kubectl, against a real API server, with a real operator at work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cluster_support import Operator, Scene
from cluster_support.manifests import leader_election
from environment import Environment
from tenure.plugin.cli import main

_BIN = Path(sys.executable).parent
_TIMEOUT_S = 30.0

Run = Callable[..., Result]


def _environment(environment: Environment) -> dict[str, str]:
    path = f"{_BIN}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "KUBECONFIG": str(environment.kubeconfig)}


def _kubectl(environment: Environment, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run kubectl, which finds the plugin on the PATH."""
    return subprocess.run(
        [str(environment.kubectl_binary), *arguments],
        env=_environment(environment),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def tenure(environment: Environment) -> Run:
    """Runs a command of the plugin in this process, which has imported already what takes a second each time.

    It does so in a thread, where an event loop disturbs no other.
    """

    def run(command: str, *arguments: str) -> Result:
        line = [command, "--kubeconfig", str(environment.kubeconfig), *arguments]
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(CliRunner().invoke, main, line).result(_TIMEOUT_S)

    return run


def _table(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def _failure(done: Result) -> str:
    """What it says went wrong: one line, and nothing else."""
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    return line.removeprefix("kubectl tenure: ")


def test_people_see_who_leads_who_may_and_who_did(
    everywhere: Operator, scene: Scene, environment: Environment, tenure: Run
) -> None:
    scene.run_pods(3)
    scene.elect()
    first = scene.wait_for_leader()
    scene.delete_pod(first)
    second = scene.wait_for_leader(after=1)
    here = ("-n", scene.namespace)
    scene.wait(lambda: len(scene.followers()) == 2 and all(pod.ready for pod in scene.pods), "all three are back")

    listed = _table(_kubectl(environment, "tenure", "status", *here).stdout)
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


def test_a_switchover_is_asked_for_and_followed_to_its_end(everywhere: Operator, scene: Scene, tenure: Run) -> None:
    scene.run_pods(3)
    scene.elect()
    leader = scene.wait_for_leader()
    target = scene.followers()[0]
    here = ("web", "-n", scene.namespace)

    done = tenure("switchover", *here, "--to", target.name, "--wait")
    refused = tenure("switchover", *here, "--to", target.name, "--wait")

    assert (done.stderr, done.exit_code) == ("", 0)
    assert done.stdout.splitlines()[1] == f"Succeeded: {target.name} leads."
    assert scene.wait_for_leader(after=1, but=leader).name == target.name
    assert (refused.stderr, refused.exit_code) == (f"kubectl tenure: Refused: {target.name} leads already.\n", 1)
    fields = scene.election().body["metadata"]["managedFields"]
    [manager] = [one["manager"] for one in fields if "f:switchover" in one["fieldsV1"].get("f:spec", {})]
    assert manager == "tenure-plugin"


def test_a_switchover_outlives_manifests_that_are_applied_again_without_it(
    everywhere: Operator, scene: Scene, environment: Environment, tenure: Run
) -> None:
    """By kubectl as it is, and as other tools for GitOps do it: on the API server, in another name."""

    def apply(delay_s: int, *flags: str) -> None:
        manifest = leader_election("web", {"matchLabels": {"app": "web"}}, failoverDelaySeconds=delay_s)
        environment.kubectl("apply", "-n", scene.namespace, *flags, "-f", "-", input=json.dumps(manifest))
        scene.wait(
            lambda: scene.election().body["spec"]["failoverDelaySeconds"] == delay_s and scene.election().observed,
            "the manifest is observed",
        )

    scene.run_pods(3)
    apply(1)
    scene.wait_for_leader()
    tenure("switchover", "web", "-n", scene.namespace, "--to", "web-2", "--wait")
    leader = scene.wait_for_leader(after=1)
    asked, answered = scene.election().body["spec"]["switchover"], scene.election().status["switchover"]

    for delay_s, flags in ((2, ()), (3, ("--server-side", "--field-manager=gitops", "--force-conflicts"))):
        apply(delay_s, *flags)
        election = scene.election()
        assert election.body["spec"]["switchover"] == asked
        assert election.status["switchover"] == answered
        assert (election.holder, election.term, leader.name) == (leader.identity, 2, "web-2")


def test_a_switchover_that_waits_is_the_only_one_and_can_be_taken_back(
    everywhere: Operator, scene: Scene, tenure: Run
) -> None:
    scene.run_pods(2)
    scene.elect()
    scene.wait_for_leader()
    here = ("web", "-n", scene.namespace)

    planned = tenure("switchover", *here, "--at", "+1h")
    scene.wait(lambda: "switchover" in scene.election().body["status"], "the operator has seen it")
    second = tenure("switchover", *here)
    taken_back = tenure("switchover", *here, "--cancel", "--wait")

    asked_id = planned.stdout.split()[2]
    assert f"The switchover {asked_id} of web still waits, not before" in second.stderr
    assert taken_back.stdout.splitlines() == [
        f"leaderelection.tenure.dev/web switchover {asked_id} taken back",
        "Cancelled: spec.switchover was taken away before it was made.",
    ]
    assert [planned.exit_code, second.exit_code, taken_back.exit_code] == [0, 1, 0]
    assert "switchover" not in scene.election().body["spec"]


def test_a_switchover_that_no_operator_has_seen_is_taken_back(everywhere: Operator, scene: Scene, tenure: Run) -> None:
    scene.run_pods(2)
    scene.elect()
    scene.wait_for_leader()
    here = ("web", "-n", scene.namespace)

    everywhere.pause()
    asked = tenure("switchover", *here, "--at", "+1h")
    late = tenure("switchover", *here, "--cancel", "--wait", "--timeout", "1")
    everywhere.resume()
    asked_again = tenure("switchover", *here, "--at", "+1h")
    taken_back = tenure("switchover", *here, "--cancel", "--wait")

    assert [asked.stderr, asked_again.stderr] == ["", ""]
    assert "no operator has told what became of it" in late.stderr
    assert "Cancelled" in taken_back.output
    assert (late.exit_code, taken_back.exit_code) == (6, 0)


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
    assert [unknown.exit_code, forbidden.exit_code] == [3, 4]


def test_kubectl_completes_commands_and_names(scene: Scene, environment: Environment) -> None:
    scene.elect("web")

    def complete(*words: str) -> list[Any]:
        done = _kubectl(environment, "__complete", "tenure", *words)
        return [line.split("\t")[0] for line in done.stdout.splitlines()]

    assert complete("s") == ["status", "suspend", "switchover", ":4"]
    assert complete("status", "-n", scene.namespace, "w") == ["web", ":4"]


# ---------------------------------------------------------------------------------------------------------- the doctor


@pytest.fixture
def in_a_pod(everywhere: Operator, scene: Scene, environment: Environment) -> str:
    """The operator is in a pod, with the labels and the port of the chart, and an account that may do nothing."""
    labels = {"app": "tenure", "app.kubernetes.io/name": "tenure", "app.kubernetes.io/component": "operator"}
    port = {"name": "http", "containerPort": 8080}
    body = {
        "metadata": {"name": "tenure-0", "labels": labels},
        "spec": {"containers": [{"name": "operator", "image": "none", "ports": [port]}]},
    }
    scene.kubernetes.create(f"/api/v1/namespaces/{scene.namespace}/pods", body)
    scene.wait(lambda: scene.pod("tenure-0").ready, "the operator's pod is Ready")
    address = scene.pod("tenure-0").body["status"]["podIP"]
    environment.control_plane.pod_network.place(address, 8080, program=int(everywhere.listens_on.rpartition(":")[2]))
    return f"{scene.namespace}/tenure-0"


def _findings(done: Result) -> dict[tuple[str, str], str]:
    """What is said, by level and subject."""
    assert done.stderr == ""
    found: dict[tuple[str, str], str] = {}
    for one in json.loads(done.stdout)["findings"]:
        key = (one["level"], one["subject"])
        found[key] = f"{found.get(key, '')} {one['said']}".lstrip()
    return found


def test_the_doctor_sees_nats_through_the_operator_and_finds_what_is_wrong(
    in_a_pod: str, scene: Scene, tenure: Run
) -> None:
    scene.run_pods(2)
    scene.elect()
    leader = scene.wait_for_leader()
    scene.elect("lonely", selector={"matchLabels": {"app": "nothing"}})
    scene.wait_for_condition("LeaderElected", "False (NoCandidates)", election="lonely")
    scene.elect("late", suspend=True)
    scene.wait_for_condition("Suspended", "True (Suspended)", election="late")
    follower = scene.followers()[0]
    scene.forge(follower, {"term.tenure.dev/late": "99", "role.tenure.dev/gone": "leader"})
    here = ("-n", scene.namespace, "-o", "json")

    done = tenure("doctor", "--operator-namespace", scene.namespace, *here)
    shown = json.loads(tenure("status", "web", *here).stdout)

    found = _findings(done)
    assert done.exit_code == 1
    assert "with all fields" in found["ok", "CRD"]
    assert "2.15" in found["ok", f"NATS, by {in_a_pod}"]
    assert "bucket common with 1 replica(s) in file storage" in found["ok", f"NATS, by {in_a_pod}"]
    assert "patch pods in all namespaces" in found["problem", f"account {scene.namespace}/default"]
    assert found["ok", f"election {scene.namespace}/web"] == f"{leader.name} leads, term 1."
    assert found["problem", f"election {scene.namespace}/lonely"] == "No pod matches its selector."
    assert "suspended" in found["warning", f"election {scene.namespace}/late"]
    forged = found["problem", f"pod {scene.namespace}/{follower.name}"]
    assert "term label of late is 99, and the present term is 0" in forged
    assert "there is no election gone" in forged
    assert 0 <= shown["lease"]["renewedSecondsAgo"] < shown["lease"]["durationSeconds"]
