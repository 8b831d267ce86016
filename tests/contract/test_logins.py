"""Each way to log in: taken, refused with a sentence that names the option, and read again. Needs a nats-server."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from contract.harness import assert_calm, connected, eventually, fast, refusal
from environment import NatsServer
from environment.nats_accounts import NatsAccount, Nkey
from tenure.nats.login import CredentialsLogin, Login, NkeyLogin, PasswordLogin, TokenLogin


@dataclass(frozen=True)
class Way:
    """One way to log in. `make` makes a new secret: what a server has to be told, and the text of our file."""

    login: Callable[[Path], Login]
    make: Callable[[], tuple[dict[str, Any], str]]
    named: str


def _make_password() -> tuple[dict[str, Any], str]:
    password = f"pass word/{secrets.token_hex(8)}@ü"
    return {"authorization": {"user": "anna", "password": password}}, f"{password}\n"


def _make_token() -> tuple[dict[str, Any], str]:
    token = secrets.token_hex(8)
    return {"authorization": {"token": token}}, f"{token}\n"


def _make_nkey() -> tuple[dict[str, Any], str]:
    user = Nkey()
    return {"authorization": {"users": [{"nkey": user.public}]}}, f"{user.seed}\n"


def _make_credentials() -> tuple[dict[str, Any], str]:
    account = NatsAccount()
    return account.server_config, account.credentials()


WAYS = {
    "password": Way(lambda file: PasswordLogin("anna", file), _make_password, "--nats-user with --nats-password-file"),
    "token": Way(TokenLogin, _make_token, "--nats-token-file"),
    "nkey": Way(NkeyLogin, _make_nkey, "--nats-nkey"),
    "credentials": Way(CredentialsLogin, _make_credentials, "--nats-credentials"),
}


def assert_no_secret_was_logged(caplog: pytest.LogCaptureFixture, *texts: str) -> None:
    """No line of these texts but headings stands in the log."""
    lines = [line for text in texts for line in text.splitlines() if line and not line.startswith("-----")]
    assert [line for line in lines if line in caplog.text] == []


@pytest.mark.parametrize("name", WAYS)
async def test_a_login_is_taken_and_when_the_secret_changes_the_file_is_read_again_until_it_is_right(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level(logging.DEBUG)
    way = WAYS[name]
    config, secret = way.make()
    next_config, next_secret = way.make()
    file = tmp_path / "file"
    with NatsServer(tmp_path, config=config) as server:
        settings = fast(server.url, login=way.login(file))
        assert (await refusal(settings, caplog)).endswith(f": {file} does not exist")
        file.write_text(secret)
        async with connected(settings) as connection:
            server.config = next_config
            await asyncio.to_thread(server.restart)
            await eventually(lambda: f"{server.url} refuses {way.named} (Authorization Violation)" in caplog.text)
            file.unlink()
            await eventually(lambda: f"{file} does not exist" in caplog.text)
            assert connection.connection == 0

            file.write_text(next_secret)
            await eventually(lambda: connection.connection == 2)
    assert_calm(caplog)
    assert_no_secret_was_logged(caplog, secret, next_secret)


async def test_a_token_that_ends_is_replaced_by_the_one_in_the_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The server sends us away when its time is over. A file that was not replaced yet is said to have expired."""
    account = NatsAccount()
    file = tmp_path / "user.creds"
    with NatsServer(tmp_path, config=account.server_config) as server:
        file.write_text(account.credentials(valid_for_s=1))
        async with connected(fast(server.url, login=CredentialsLogin(file))) as connection:
            await eventually(lambda: f"{server.url} refuses --nats-credentials, which expired at 20" in caplog.text)
            assert "The connection to NATS is lost: user authentication expired" in caplog.text
            assert connection.connection == 0

            file.write_text(account.credentials())
            await eventually(lambda: connection.connection > 1)
    assert_calm(caplog)


async def test_a_server_that_asks_for_a_login_is_said_to_do_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config, _ = _make_token()
    with NatsServer(tmp_path, config=config) as server:
        said = await refusal(fast(server.url), caplog)

    assert said == (
        f"{server.url} asks for a login, such as --nats-credentials, --nats-nkey, --nats-user or --nats-token-file "
        "(Authorization Violation)"
    )


async def test_a_login_in_a_url_is_taken_or_refused_without_showing_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = {"authorization": {"user": "anna", "password": "p@ss:w%r/secret"}}
    with NatsServer(tmp_path, config=config) as server:
        async with connected(fast(server.url.replace("//", "//anna:p%40ss%3Aw%25r%2Fsecret@"))):
            pass
        said = await refusal(fast(server.url.replace("//", "//anna:other-secret@")), caplog)

    assert said == f"{server.url} refuses the login in --nats-url (Authorization Violation)"
    assert_calm(caplog)


async def test_a_server_that_is_dead_or_refuses_us_keeps_nobody_from_the_next_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And when none is left, each of them is named with its own reason."""
    (config, secret), (other_config, _) = _make_token(), _make_token()
    file = tmp_path / "token"
    file.write_text(secret)
    with (
        NatsServer(tmp_path / "other", config=other_config) as other,
        NatsServer(tmp_path, config=config) as server,
    ):
        settings = fast("nats://127.0.0.1:1", other.url, server.url, login=TokenLogin(file))
        async with connected(settings):
            pass
        server.kill()
        said = await refusal(settings, caplog)

    assert sorted(said.split("; ")) == sorted(
        [
            "nats://127.0.0.1:1 cannot be reached ([Errno 111] Connect call failed ('127.0.0.1', 1))",
            f"{other.url} refuses --nats-token-file (Authorization Violation)",
            f"{server.url} cannot be reached ([Errno 111] Connect call failed ('127.0.0.1', {server.port}))",
        ]
    )
    assert_no_secret_was_logged(caplog, secret)
