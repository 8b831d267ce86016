"""`make demo` as a user runs it: on a cluster of its own, on one of theirs, and interrupted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from environment import Environment, EnvironmentFailed, wait_until

_TESTS = Path(__file__).parents[1]
_DEADLINE_S = 100.0

pytestmark = pytest.mark.usefixtures("nobody", "demo_of_its_own")

_HAND_OVER = (
    r" 0 ms  (web-\d) is marked as deleted\n"
    r"(?s:.*?) ms  the status says: term 2, (web-\d) leads\n"
    # Where the pod does not drain, it may be gone before it could be stamped.
    r"(?s:.*?) ms  \1 (?:has the labels role follower, term 2|is gone)\n"
    r"(?s:.*?) ms  \2 has the labels role leader, term 2\n"
    r"(?s:.*?) ms  web-leader routes to \2 \(10\.244\.\d+\.\d+\)\n"
    r"(?s:.*)"
    r"NAME +LEADER +TERM +CANDIDATES +READY +AGE\nweb +\2 +2 +3 +True +\d+s\n"
    r"(?s:.*)never two leaders, never two endpoints"
)


@pytest.fixture(scope="module")
def demo_of_its_own(
    environment: Environment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The demo on a cluster of its own. It plays while the other tests do, and is looked at when they are done."""
    folder = tmp_path_factory.mktemp("demo")
    with _demo(folder, TMPDIR=str(folder)) as demo:
        yield demo


@pytest.fixture
def user(environment: Environment, tmp_path: Path) -> dict[str, str]:
    """The environment variables of a user with kubectl, a cluster and a NATS server."""
    return {
        "CONTEXT": "tenure-test",
        "KUBECONFIG": str(environment.kubeconfig),
        "TENURE_NATS_URL": environment.nats_url,
        "PATH": f"{environment.kubectl_binary.parent}{os.pathsep}{os.environ['PATH']}",
        "TMPDIR": str(tmp_path),
    }


@contextmanager
def _demo(tmp_path: Path, **environ: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Start the demo, and yield it with the file that its output goes to."""
    printed = tmp_path / "printed"
    inherited = {name: value for name, value in os.environ.items() if name not in ("CONTEXT", "DEMO_HOLD")}
    with printed.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "demo"], cwd=_TESTS, env={**inherited, **environ}, stdout=file, stderr=file
        )
    try:
        yield process, printed
    finally:
        process.kill()
        process.wait()


def _await(printed: Path, text: str) -> None:
    wait_until(lambda: text in printed.read_text(), f"the demo prints {text!r}", timeout_s=_DEADLINE_S, every_s=0.1)


def _is_left(folder: Path) -> list[str]:
    """Folders of the demo under `folder`, and processes that were started with a file there."""
    folders = [str(path) for path in folder.glob("tenure-demo-*")]
    commands = [file.read_bytes() for file in Path("/proc").glob("[0-9]*/cmdline") if file.exists()]
    marker = f"{folder}/tenure-demo-"
    return folders + [text for command in commands if marker in (text := command.decode(errors="replace"))]


def test_on_a_cluster_of_the_users_it_holds_and_then_takes_away_what_it_made(
    environment: Environment, user: dict[str, str], tmp_path: Path
) -> None:
    """With CONTEXT and DEMO_HOLD it stays until Ctrl-C; then its namespace, bucket and processes are gone."""
    with _demo(tmp_path, **user, DEMO_HOLD="1") as (process, printed):
        _await(printed, "stays up until Ctrl-C")
        assert "web" in environment.kubectl("get", "leaderelections", "-n", "tenure-demo")
        process.send_signal(signal.SIGINT)
        assert process.wait(_DEADLINE_S) == 0, printed.read_text()

    assert re.search(_HAND_OVER, printed.read_text()), printed.read_text()
    assert environment.kubectl("get", "namespace", "tenure-demo", "--ignore-not-found") == ""
    assert [*environment.folder.glob("nats-server-store/**/KV_tenure-demo-*")] == []
    assert _is_left(tmp_path) == []


def test_an_interrupted_demo_takes_away_what_it_made(
    environment: Environment, user: dict[str, str], tmp_path: Path
) -> None:
    """Ctrl-C in the middle ends it as a shell expects, and without its namespace."""
    with _demo(tmp_path, **user) as (process, printed):
        _await(printed, "Started the operator")
        process.send_signal(signal.SIGINT)
        assert process.wait(_DEADLINE_S) == 128 + signal.SIGINT, printed.read_text()

    assert "Interrupted" in printed.read_text()
    assert environment.kubectl("get", "namespace", "tenure-demo", "--ignore-not-found") == ""
    assert _is_left(tmp_path) == []


def test_a_pod_that_pretends_to_lead_is_found(environment: Environment, user: dict[str, str], tmp_path: Path) -> None:
    """A leader label that Tenure did not write makes the demo end with status 2, and say where it was."""

    def forge() -> bool:
        try:
            labels = "role.tenure.dev/web=leader"
            return bool(
                environment.kubectl("label", "pods", "-l", "app=web", labels, "--overwrite", "-n", "tenure-demo")
            )
        except EnvironmentFailed:
            return False  # A pod that is named in the list may have no labels yet, or others by now.

    with _demo(tmp_path, **user) as (process, printed):
        _await(printed, "Started the operator")
        wait_until(forge, "there are pods with labels", timeout_s=_DEADLINE_S)
        assert process.wait(_DEADLINE_S) == 2, printed.read_text()

    assert re.search(r"At resourceVersion \d+ web-\d carries the leader label for term", printed.read_text())
    assert "What is claimed did not hold" in printed.read_text()


def test_a_namespace_that_it_did_not_make_is_left_alone(
    environment: Environment, user: dict[str, str], tmp_path: Path
) -> None:
    """The demo says that the namespace is there, does nothing, and does not delete it."""
    environment.kubectl("create", "namespace", "tenure-demo")
    try:
        with _demo(tmp_path, **user) as (process, printed):
            assert process.wait(_DEADLINE_S) == 1, printed.read_text()

        assert "There is a namespace tenure-demo already" in printed.read_text()
        assert "Active" in environment.kubectl("get", "namespace", "tenure-demo")
    finally:
        environment.kubectl("delete", "namespace", "tenure-demo", "--wait=false")


def test_the_demo_ends_by_itself_and_leaves_nothing(demo_of_its_own: tuple[subprocess.Popen[bytes], Path]) -> None:
    """From nothing to the verdict, on a cluster of its own: status 0, the hand-over in its order, all of it ended."""
    process, printed = demo_of_its_own
    assert process.wait(_DEADLINE_S) == 0, printed.read_text()

    assert re.search(_HAND_OVER, printed.read_text()), printed.read_text()
    assert "\033" not in printed.read_text()
    assert _is_left(printed.parent) == []
