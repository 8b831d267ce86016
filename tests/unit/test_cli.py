"""The command line: its help, its options and their environment variables, and what it says of wrong ones."""

from __future__ import annotations

import os
import re
import runpy
import signal
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
from click.testing import CliRunner, Result

from tenure import __version__, cli, cli_run, log
from tenure.election.resource import RecordName
from tenure.kubernetes.access import NoConfiguration
from tenure.nats.bucket import BucketRefused, BucketSettings
from tenure.nats.login import CredentialsLogin
from tenure.nats.settings import NatsSettings, TlsSettings
from tenure.process import OperatorFailed
from tenure.settings import Settings


class Told(NamedTuple):
    """What the operator is told."""

    settings: Settings = Settings()
    nats: NatsSettings = NatsSettings(("nats://nats:4222",))
    bucket: BucketSettings = BucketSettings()
    kubeconfig: str | None = None
    listen: tuple[str, int] = ("0.0.0.0", 8080)


class _Started:
    """In the place of the operator: notes what it was told."""

    told: list[Told]
    logs: list[tuple[str, str]]
    error: Exception | None = None

    def __init__(
        self,
        settings: Settings,
        *,
        nats: NatsSettings,
        bucket: BucketSettings,
        kubeconfig: str | None,
        listen: tuple[str, int],
    ) -> None:
        self.told.append(Told(settings, nats, bucket, kubeconfig, listen))

    async def run(self) -> None:
        if self.error is not None:
            raise self.error


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> type[_Started]:
    """Lets nothing start, leaves the logs alone, and hides the variables of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("TENURE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(_Started, "told", [], raising=False)
    monkeypatch.setattr(_Started, "logs", [], raising=False)
    monkeypatch.setattr(_Started, "error", None)
    monkeypatch.setattr(cli_run, "OperatorProcess", _Started)
    monkeypatch.setattr(log, "configure", lambda level, log_format: _Started.logs.append((level, log_format)))
    monkeypatch.setattr("tenure.cli_run.asyncio.run", _run_to_its_end)
    return _Started


def _run_to_its_end(coroutine: Any) -> None:
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("nothing here waits")


def _invoke(*arguments: str, **variables: str) -> Result:
    return CliRunner().invoke(cli.main, arguments, env=variables, prog_name="tenure")


_URL = ("--nats-url", "nats://nats:4222")


@pytest.mark.parametrize("arguments", [["--help"], ["-h"]])
def test_the_help_says_what_it_is_and_which_commands_there_are(arguments: list[str]) -> None:
    result = _invoke(*arguments)

    assert result.exit_code == 0
    assert "Leader election for Kubernetes workloads, with leases in NATS." in result.output
    assert cli.COMMANDS.keys() <= {line.split()[0] for line in result.output.splitlines() if line.strip()}


def test_the_version() -> None:
    result = _invoke("--version")

    assert (result.exit_code, result.output) == (0, f"tenure {__version__}\n")


def test_the_help_of_run_explains_every_option() -> None:
    result = _invoke("run", "--help")

    assert result.exit_code == 0
    assert "Run the operator until SIGTERM or Ctrl-C." in result.output
    for option in _options():
        assert re.search(rf"(?<![\w-]){option.opts[0]}(?![\w-])", result.output), option.opts[0]
        assert f"TENURE_{option.opts[0][2:].replace('-', '_').upper()}" in " ".join(result.output.split())
        assert option.help or isinstance(option.type, click.Choice), f"{option.name} has no help"


@pytest.fixture
def default_sigterm() -> Iterator[None]:
    """SIGTERM as a new process finds it, and afterwards as it was."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


def test_python_m_tenure_is_the_same_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], default_sigterm: None
) -> None:
    monkeypatch.setattr(sys, "argv", ["tenure", "--version"])

    with pytest.raises(SystemExit) as end:
        runpy.run_module("tenure", run_name="__main__")

    assert (end.value.code, capsys.readouterr().out) == (0, f"tenure {__version__}\n")


def test_sigterm_is_heard_before_the_slow_imports(monkeypatch: pytest.MonkeyPatch, default_sigterm: None) -> None:
    """Process 1 of a container never hears a signal that it has no handler for."""
    heard = []

    class Slow(types.ModuleType):
        @property
        def main(self) -> Callable[..., None]:
            heard.append(callable(signal.getsignal(signal.SIGTERM)))
            return lambda **_: None

    monkeypatch.setitem(sys.modules, "tenure.cli", Slow("tenure.cli"))

    runpy.run_module("tenure", run_name="__main__")

    assert heard == [True]


def test_what_is_not_said_has_a_default(started: type[_Started]) -> None:
    result = _invoke("run", *_URL)

    assert (result.exit_code, result.output) == (0, "")
    assert started.told == [Told()]
    assert started.logs == [("info", "auto")]


def test_every_option_is_taken(started: type[_Started], tmp_path: Path) -> None:
    kubeconfig = tmp_path / "config"
    kubeconfig.touch()

    arguments = (
        "--nats-url=nats://a --nats-url=nats://b --nats-tls-ca=ca --nats-tls-cert=cert --nats-tls-key=key "
        "--nats-tls-first --nats-credentials=creds --bucket=leases --bucket-replicas=3 --bucket-storage=memory "
        "--election-interval=0.5 --namespace=shop "
        "--namespace=office --pod-selector=app=web --allow-record=aether-leader-election/leader "
        "--listen=127.0.0.1:9000 --log-level=DEBUG --log-format=json "
        f"--kubeconfig={kubeconfig} --release=tenure --operator-namespace=tools --operator-lease-duration=8"
    )
    result = _invoke("run", *arguments.split())

    assert (result.exit_code, result.output) == (0, "")
    tls = TlsSettings(Path("ca"), Path("cert"), Path("key"), handshake_first=True)
    told = Told(
        Settings(
            poll_interval_s=0.5,
            namespaces=("shop", "office"),
            pod_selector="app=web",
            release="tenure",
            operator_namespace="tools",
            operator_lease_duration_s=8,
            allowed_records=(RecordName("aether-leader-election", "leader"),),
        ),
        NatsSettings(("nats://a", "nats://b"), tls, CredentialsLogin(Path("creds"))),
        BucketSettings("leases", replicas=3, storage="memory"),
        str(kubeconfig),
        ("127.0.0.1", 9000),
    )
    assert started.told == [told]
    assert started.logs == [("debug", "json")]


def _options() -> list[click.Option]:
    return [option for option in cli_run.run.params if isinstance(option, click.Option)]


_VALUES = {
    "--nats-url": ("nats://a nats://b", ["--nats-url=nats://a", "--nats-url=nats://b"]),
    "--nats-tls-ca": ("ca.crt", ["--nats-tls-ca=ca.crt"]),
    "--nats-tls-cert": ("tls.crt", ["--nats-tls-cert=tls.crt"]),
    "--nats-tls-key": ("tls.key", ["--nats-tls-key=tls.key"]),
    "--nats-tls-first": ("true", ["--nats-tls-first"]),
    "--nats-credentials": ("nats.creds", ["--nats-credentials=nats.creds"]),
    "--nats-nkey": ("nats.nk", ["--nats-nkey=nats.nk"]),
    "--nats-user": ("anna", ["--nats-user=anna"]),
    "--nats-password-file": ("password", ["--nats-password-file=password"]),
    "--nats-token-file": ("token", ["--nats-token-file=token"]),
    "--bucket": ("leases", ["--bucket=leases"]),
    "--bucket-replicas": ("3", ["--bucket-replicas=3"]),
    "--bucket-storage": ("memory", ["--bucket-storage=memory"]),
    "--election-interval": ("0.5", ["--election-interval=0.5"]),
    "--namespace": ("shop office", ["--namespace=shop", "--namespace=office"]),
    "--leave-cordoned-nodes": ("true", ["--leave-cordoned-nodes"]),
    "--pod-selector": ("app=web", ["--pod-selector=app=web"]),
    "--allow-record": ("aether/leader leases/a.b", ["--allow-record=aether/leader", "--allow-record=leases/a.b"]),
    "--endpoint-slices": ("true", ["--endpoint-slices"]),
    "--listen": (":9000", ["--listen=:9000"]),
    "--kubeconfig": (__file__, [f"--kubeconfig={__file__}"]),
    "--release": ("tenure", ["--release=tenure"]),
    "--operator-namespace": ("tools", ["--operator-namespace=tools"]),
    "--operator-lease-duration": ("8", ["--operator-lease-duration=8"]),
    "--log-level": ("warning", ["--log-level=warning"]),
    "--log-format": ("text", ["--log-format=text"]),
}


_NEEDED_BESIDE = {
    "--nats-url": (),
    "--nats-tls-cert": (*_URL, "--nats-tls-key=tls.key"),
    "--nats-tls-key": (*_URL, "--nats-tls-cert=tls.crt"),
    "--nats-tls-first": ("--nats-url=tls://nats",),
    "--nats-user": (*_URL, "--nats-password-file=password"),
    "--release": (*_URL, "--operator-namespace=shop"),
    "--nats-password-file": (*_URL, "--nats-user=anna"),
}


def test_no_option_is_forgotten_here() -> None:
    assert _VALUES.keys() == {option.opts[0] for option in _options()}


@pytest.mark.parametrize("option", sorted(_VALUES))
def test_every_option_is_an_environment_variable_as_well(started: type[_Started], option: str) -> None:
    value, arguments = _VALUES[option]
    others = _NEEDED_BESIDE.get(option, _URL)

    by_option = _invoke("run", *others, *arguments)
    by_variable = _invoke("run", *others, **{"TENURE_" + option[2:].replace("-", "_").upper(): value})

    assert (by_option.exit_code, by_variable.exit_code) == (0, 0)
    assert started.told[0] == started.told[1]
    assert started.logs[0] == started.logs[1]
    assert (started.told[1], started.logs[1]) != (Told(), ("info", "auto"))


@pytest.mark.parametrize(
    "selector",
    [
        "app=web",
        "app==web",
        "app!=web",
        "app",
        "!app",
        "app=",
        "a.b/c-d_e=f",
        "tier in (a, b)",
        "x notin (y),app=web, !z",
    ],
)
def test_a_pod_selector_is_written_as_for_kubectl(started: type[_Started], selector: str) -> None:
    assert _invoke("run", *_URL, "--pod-selector", selector).exit_code == 0
    assert started.told[0].settings.pod_selector == selector


@pytest.mark.parametrize(
    ("value", "listen"),
    [
        ("0.0.0.0:8080", ("0.0.0.0", 8080)),
        (":8080", ("0.0.0.0", 8080)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::]:8080", ("::", 8080)),
        ("[::1]:65535", ("::1", 65535)),
        ("localhost:80", ("localhost", 80)),
    ],
)
def test_where_to_listen(started: type[_Started], value: str, listen: tuple[str, int]) -> None:
    _invoke("run", *_URL, "--listen", value)

    assert started.told[0].listen == listen


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing option '--nats-url'"),
        ([*_URL, "--listen=8080"], "'8080' is not an address and a port; write for instance 127.0.0.1:8080"),
        ([*_URL, "--listen=localhost:http"], "'localhost:http' is not an address and a port"),
        ([*_URL, "--listen=:65536"], "':65536' is not an address and a port"),
        ([*_URL, "--election-interval=0"], "0.0 is not in the range 0.1<=x<=3600"),
        ([*_URL, "--election-interval=nan"], "'nan' is not a number of seconds"),
        ([*_URL, "--election-interval=soon"], "'soon' is not a valid float"),
        ([*_URL, "--kubeconfig=/does/not/exist"], "File '/does/not/exist' does not exist"),
        ([*_URL, "--log-level=loud"], "'loud' is not one of 'debug', 'info', 'warning', 'error'"),
        ([*_URL, "--log-format=xml"], "'xml' is not one of 'auto', 'text', 'json'"),
        (
            [*_URL, "--bucket=my bucket"],
            "Invalid value for '--bucket': 'my bucket' is not valid: use letters, digits, '-' and '_'",
        ),
        ([*_URL, "--bucket="], "Invalid value for '--bucket'"),
        ([*_URL, "--bucket-replicas=2"], "'2' is not one of '1', '3', '5'"),
        ([*_URL, "--bucket-storage=tape"], "'tape' is not one of 'file', 'memory'"),
        ([*_URL, "--namespace=Shop"], "'Shop' is not valid: use a namespace's name, such as shop"),
        ([*_URL, "--namespace=shop,office"], "'shop,office' is not valid"),
        ([*_URL, "--pod-selector=app is web"], "'app is web' is not a label key"),
        ([*_URL, "--allow-record=leader"], "'leader' is no bucket and key"),
        ([*_URL, "--allow-record=bucket/a..b"], "write for instance aether-leader-election/leader"),
        ([*_URL, "--allow-record=leases/_operator.u.r"], "keys that begin with _ are the operator's own"),
        ([*_URL, "--pod-selector=app=my web"], "Write for instance app=web or 'tier in (a, b)'"),
        ([*_URL, "--release=Tenure", "--operator-namespace=tools"], "'Tenure' is not valid: use small letters"),
        ([*_URL, "--release=tenure"], "--release needs --operator-namespace outside of a pod"),
        ([*_URL, "--operator-lease-duration=2"], "2 is not in the range 3<=x<=60"),
        ([*_URL, "--frequency=3"], "No such option '--frequency'"),
        ([*_URL, "web"], "Got unexpected extra argument (web)"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_starts(started: type[_Started], arguments: list[str], message: str) -> None:
    result = _invoke("run", *arguments)

    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert started.told == []


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (NoConfiguration("There is no kubeconfig."), "tenure: There is no kubeconfig.\n"),
        (BucketRefused("The bucket has a history of 1."), "tenure: The bucket has a history of 1.\n"),
        (OperatorFailed("Kopf has stopped watching."), "tenure: Kopf has stopped watching.\n"),
        (OSError(98, "Address already in use"), "tenure: [Errno 98] Address already in use\n"),
    ],
)
def test_what_only_a_person_can_mend_ends_it_with_a_sentence(
    started: type[_Started], error: Exception, line: str
) -> None:
    started.error = error

    result = _invoke("run", *_URL)

    assert (result.exit_code, result.stdout, result.stderr) == (1, "", line)


@pytest.mark.parametrize("identity", ["", "_", "web-0_", "_0b1c"])
def test_an_identity_of_which_a_part_is_missing_is_refused(identity: str) -> None:
    """All pods whose variables are not set would have the same one."""
    result = _invoke("campaign", *_URL, "--election=shop/web", "--identity", identity, "--", "true")

    assert result.exit_code == 2
    assert "a part of it is empty. In a pod, pass its name and UID on as variables" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--election=shop/web"], "Nothing would happen: give a COMMAND after --, a hook, or --listen."),
        (["--election=shop/web", "--lease-duration=2", "--", "true"], "2 is not in the range 3<=x<=3600"),
        (["--election=web", "--", "true"], "name the namespace and the election, such as shop/web"),
        (["--", "true"], "Missing option '--election'"),
    ],
)
def test_what_is_wrong_with_a_campaign_is_said(arguments: list[str], message: str) -> None:
    result = _invoke("campaign", *_URL, *arguments)

    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
