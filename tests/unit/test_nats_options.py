"""The options of the NATS connection: how to get in, what contradicts what, and that no secret is shown."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from tenure import cli_run, nats
from tenure.nats.login import CredentialsLogin, Login, NkeyLogin, PasswordLogin, TokenLogin
from tenure.nats.settings import NatsSettings
from tenure.nats_options import nats_options

_URL = "--nats-url=nats://nats"


def _invoke(*arguments: str, **variables: str) -> tuple[Result, NatsSettings | None]:
    told: list[NatsSettings] = []

    @click.command(context_settings={"auto_envvar_prefix": "TENURE"})
    @nats_options
    def command(nats: NatsSettings) -> None:
        told.append(nats)

    result = CliRunner().invoke(command, arguments, env=variables)
    return result, told[0] if told else None


@pytest.mark.parametrize(
    ("arguments", "login"),
    [
        ([], None),
        (["--nats-credentials=nats.creds"], CredentialsLogin(Path("nats.creds"))),
        (["--nats-nkey=nats.nk"], NkeyLogin(Path("nats.nk"))),
        (["--nats-user=anna", "--nats-password-file=password"], PasswordLogin("anna", Path("password"))),
        (["--nats-token-file=token"], TokenLogin(Path("token"))),
    ],
)
def test_there_are_four_ways_to_log_in_and_files_need_not_be_there_yet(
    arguments: list[str], login: Login | None
) -> None:
    _, settings = _invoke(_URL, *arguments)

    assert settings is not None
    assert settings.login == login


def test_several_servers_may_have_logins_in_their_urls() -> None:
    _, settings = _invoke(TENURE_NATS_URL="nats://anna:a@one  nats://bert:b@two")

    assert settings is not None
    assert settings.urls == ("nats://anna:a@one", "nats://bert:b@two")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--nats-tls-cert=c"], "--nats-tls-cert needs --nats-tls-key beside it: set both, or neither."),
        (["--nats-tls-key=k"], "--nats-tls-key needs --nats-tls-cert beside it: set both, or neither."),
        (["--nats-user=anna"], "--nats-user needs --nats-password-file beside it: set both, or neither."),
        (["--nats-password-file=p"], "--nats-password-file needs --nats-user beside it: set both, or neither."),
        (["--nats-tls-first"], "--nats-tls-first needs TLS: write tls:// in --nats-url, or set --nats-tls-ca."),
        (
            ["--nats-credentials=c", "--nats-token-file=t"],
            "--nats-credentials and --nats-token-file are two logins: leave one of them out.",
        ),
        (
            ["--nats-nkey=n", "--nats-user=anna", "--nats-password-file=p"],
            "--nats-nkey and --nats-user with --nats-password-file are two logins: leave one of them out.",
        ),
        (
            ["--nats-url=nats://anna:secret@other", "--nats-nkey=n"],
            "the login in --nats-url and --nats-nkey are two logins: leave one of them out.",
        ),
        (["--nats-credentials="], "the path is empty"),
        (
            ["--nats-url="],
            "ends with a host and a port; a / in a password is written as %2F. Write for instance nats://",
        ),
        (["--nats-url=wss://nats"], "begins with nats:// or tls://. Write for instance nats://nats.example:4222"),
        (["--nats-url=nats://a nats://b"], "no comma and no space: repeat the option for more servers. Write for"),
    ],
)
def test_what_contradicts_or_lacks_something_is_refused_with_a_sentence_that_names_the_option(
    arguments: list[str], sentence: str
) -> None:
    result, settings = _invoke(_URL, *arguments)

    assert (result.exit_code, settings) == (2, None)
    assert sentence in " ".join(result.output.split())


@pytest.mark.parametrize(
    "url", ["nats://anna:s3cr3t", "http://anna:s3cr3t@nats", "nats://a,nats://s3cr3t@b", "::s3cr3t"]
)
def test_a_url_that_is_refused_is_not_shown(url: str) -> None:
    by_option, _ = _invoke(f"--nats-url={url}")
    by_variable, _ = _invoke(TENURE_NATS_URL=url)

    assert (by_option.exit_code, by_variable.exit_code) == (2, 2)
    assert "s3cr3t" not in by_option.output + by_variable.output


def test_every_option_that_a_sentence_names_exists() -> None:
    folder = Path(nats.__file__).parent
    sources = [*folder.glob("*.py"), folder.parent / "nats_options.py"]
    named = {name for source in sources for name in re.findall(r"--(?:nats|bucket)[a-z-]*", source.read_text())}

    assert named <= {name for option in cli_run.run.params for name in option.opts}
