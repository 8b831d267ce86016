"""What `kubectl tenure` says of a command line, a kubeconfig or a server that will not do."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from environment.ports import LOOPBACK, free_ports
from tenure.election.slate import Obstacle
from tenure.kubernetes.access import NoConfiguration
from tenure.kubernetes.errors import ApiUnavailable, Conflict, Invalid, NotFound, NotServed, Refused
from tenure.plugin.cli import main
from tenure.plugin.running import carry_out
from tenure.plugin.target import ExitStatus, Failure


def _call(*arguments: str, kubeconfig: Path | str = "nowhere") -> Result:
    return CliRunner().invoke(main, arguments, env={"KUBECONFIG": str(kubeconfig), "KUBERNETES_SERVICE_HOST": None})


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    """It leads to a port on which nobody listens."""
    server = f"https://{LOOPBACK}:{free_ports(1)[0]}"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": {"token": "secret"}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "current-context": "here",
    }
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    return path


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["status", "web", "-A"], "--all-namespaces goes neither with a NAME nor with --namespace."),
        (["watch", "-A", "-n", "shop"], "--all-namespaces goes neither with a NAME nor with --namespace."),
        (["history"], "Missing argument 'NAME'."),
        (["statu"], "No such command 'statu'. Did you mean 'status'?"),
        (["switchover", "web", "--to", "web-1", "--cancel"], "--cancel goes neither with --to nor with --at."),
        (["switchover", "web", "--at", "soon"], "'soon' is no time; write for instance 2026-11-24T21:00:00Z or +30m"),
        (["switchover", "web", "--at", "2020-01-01T00:00:00Z"], "'2020-01-01T00:00:00Z' is in the past"),
        (["switchover", "web", "--at", "2126-01-01T00:00:00"], "is no time; write for instance"),
        (["status", "-o", "wide"], "Invalid value for '-o' / '--output': 'wide' is not one of"),
    ],
)
def test_a_command_line_that_makes_no_sense_ends_with_2(arguments: list[str], sentence: str) -> None:
    result = _call(*arguments)

    assert sentence in result.stderr
    assert (result.stdout, result.exit_code) == ("", 2)


def test_without_a_kubeconfig_it_says_where_it_looked(tmp_path: Path) -> None:
    result = _call("status", kubeconfig=tmp_path / "none")

    assert result.stderr == (
        f"kubectl tenure: No Kubernetes configuration in {tmp_path / 'none'}: there is no such file. "
        "Set KUBECONFIG or --kubeconfig to a file that `kubectl` accepts.\n"
    )
    assert (result.stdout, result.exit_code) == ("", 5)


@pytest.mark.parametrize("name", ["none", "."])
def test_a_kubeconfig_that_is_named_and_is_no_file_ends_as_without_one(tmp_path: Path, name: str) -> None:
    result = _call("status", "--kubeconfig", str(tmp_path / name))

    assert result.stderr.startswith(f"kubectl tenure: No Kubernetes configuration in {tmp_path / name}: ")
    assert (result.stdout, result.exit_code) == ("", 5)


def test_a_context_that_is_not_there_is_named(kubeconfig: Path) -> None:
    result = _call("status", "--context", "there", kubeconfig=kubeconfig)

    assert "Expected object with name there" in result.stderr
    assert result.stderr.endswith("and --context to one of its contexts.\n")
    assert (result.stdout, result.exit_code) == ("", 5)


@pytest.mark.parametrize(
    "command", [["status"], ["status", "web"], ["watch"], ["history", "web"], ["suspend", "web"], ["switchover", "web"]]
)
def test_a_server_that_is_away_is_a_sentence_and_5(kubeconfig: Path, command: list[str]) -> None:
    result = _call(*command, kubeconfig=kubeconfig)

    [line] = result.stderr.splitlines()
    assert line.startswith("kubectl tenure: The API server does not answer: GET /apis/tenure.dev/v1alpha1/")
    assert (result.stdout, result.exit_code) == ("", 5)


@pytest.mark.parametrize(
    ("error", "sentence", "status"),
    [
        (Failure("It is so."), "It is so.", 1),
        (NoConfiguration("There is none."), "There is none.", 5),
        (ApiUnavailable("GET /x: 503 busy"), "The API server does not answer: GET /x: 503 busy.", 5),
        (
            Refused("GET /x: 403 no", said="You may not."),
            "The API server does not allow this: You may not. Ask for a role that does.",
            4,
        ),
        (NotFound("GET /x: 404 gone", said="It is gone"), "The API server refuses this: It is gone.", 3),
        (
            NotServed("GET /x: 404 page", said="404 page not found\n"),
            "The API server does not serve this: 404 page not found.",
            3,
        ),
        (Conflict("x", said="It changed"), "Somebody else has changed it meanwhile: It changed. Try again.", 1),
        (Invalid("x", said="spec.x: too long"), "The API server refuses this: spec.x: too long.", 1),
    ],
)
def test_every_failure_is_one_sentence_and_an_exit_status(
    error: Exception, sentence: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fail() -> ExitStatus:
        raise error

    with pytest.raises(SystemExit) as ended:
        carry_out(fail())

    assert (capsys.readouterr(), ended.value.code) == (("", f"kubectl tenure: {sentence}\n"), status)


def test_who_waits_is_told_for_what(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API server takes the connection and says nothing."""
    monkeypatch.setattr("tenure.plugin.cluster.PATIENCE_S", 0.0)
    monkeypatch.setattr("tenure.kubernetes.client.CHUNK_TIMEOUT_S", 0.5)
    port = int(json.loads(kubeconfig.read_text())["clusters"][0]["cluster"]["server"].rpartition(":")[2])

    with socket.create_server((LOOPBACK, port)):
        result = _call("status", kubeconfig=kubeconfig)

    waiting, failed = result.stderr.splitlines()
    assert waiting == "Waiting for the API server …"
    assert failed.endswith("no answer in time.")
    assert (result.stdout, result.exit_code) == ("", 5)


def test_help_imports_nothing_that_takes_its_time() -> None:
    program = (
        "import sys; from tenure.plugin.cli import main; main(['status', '--help'], standalone_mode=False);"
        "sys.exit(str(sorted({'kubernetes', 'aiohttp', 'rich', 'yaml', 'asyncio', 'kopf', 'nats'} & set(sys.modules))))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert done.stderr == "[]\n"


def test_the_document_has_every_command_exit_status_and_obstacle() -> None:
    text = (Path(__file__).parents[2] / "docs" / "kubectl-tenure.md").read_text()
    statuses = {int(status) for status in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}

    assert statuses == {*ExitStatus, 2, 130}
    assert [name for name in main.commands if f"$ kubectl tenure {name}" not in text] == []
    # A pod that has finished is no candidate, and is not shown.
    assert [name for name in set(Obstacle) - {Obstacle.FINISHED} if f"`{name}`" not in text] == []
