"""The options of the NATS connection: what a command takes, and which of them exclude or need each other."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from tenure.nats.login import CredentialsLogin, Login, NkeyLogin, PasswordLogin, TokenLogin
from tenure.nats.server import parse_server
from tenure.nats.settings import NatsSettings, TlsSettings

option = functools.partial(click.option, show_envvar=True)


class NatsUrl(click.ParamType[str]):
    """The URL of a NATS server. What is wrong with one is said without showing it: it may hold a password."""

    name = "url"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, or fail with what is wrong with it."""
        try:
            parse_server(str(value))
        except ValueError as error:
            self.fail(f"{error}. Write for instance nats://nats.example:4222", param, ctx)
        return str(value)


class File(click.ParamType[Path]):
    """A file that is read later, and again and again: it need not be there yet."""

    name = "file"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        if not str(value):
            self.fail("the path is empty", param, ctx)
        return Path(str(value))


_OPTIONS = (
    option(
        "--nats-url",
        "nats_urls",
        multiple=True,
        required=True,
        envvar="TENURE_NATS_URL",
        type=NatsUrl(),
        metavar="URL",
        help="A NATS server with JetStream, such as nats://nats:4222, or tls://nats:4222 for TLS. Repeat it for more "
        "servers of one cluster (in the variable: separated by spaces).",
    ),
    option("--nats-tls-ca", type=File(), help="The CAs that may sign the servers' certificates (PEM)."),
    option("--nats-tls-cert", type=File(), help="The client certificate (PEM), for servers that ask for one."),
    option("--nats-tls-key", type=File(), help="The key of the client certificate (PEM)."),
    option("--nats-tls-first", is_flag=True, help="Begin with TLS, for servers with handshake_first."),
    option("--nats-credentials", type=File(), help="A credentials file: a user's JWT and nkey seed."),
    option("--nats-nkey", type=File(), help="A file with a user's nkey seed."),
    option("--nats-user", metavar="TEXT", help="A user who has a password."),
    option("--nats-password-file", type=File(), help="A file with the user's password."),
    option("--nats-token-file", type=File(), help="A file with a token."),
)


def nats_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options, which it gets as one argument, `nats`."""

    @functools.wraps(command)
    def with_settings(  # noqa: PLR0913 - one for each option
        *,
        nats_urls: tuple[str, ...],
        nats_tls_ca: Path | None,
        nats_tls_cert: Path | None,
        nats_tls_key: Path | None,
        nats_tls_first: bool,
        nats_credentials: Path | None,
        nats_nkey: Path | None,
        nats_user: str | None,
        nats_password_file: Path | None,
        nats_token_file: Path | None,
        **others: Any,
    ) -> None:
        _check_pair("--nats-tls-cert", nats_tls_cert, "--nats-tls-key", nats_tls_key)
        _check_pair("--nats-user", nats_user, "--nats-password-file", nats_password_file)
        tls = TlsSettings(nats_tls_ca, nats_tls_cert, nats_tls_key, handshake_first=nats_tls_first)
        _check_tls(nats_urls, tls)
        logins: list[Login] = []
        if nats_credentials is not None:
            logins.append(CredentialsLogin(nats_credentials))
        if nats_nkey is not None:
            logins.append(NkeyLogin(nats_nkey))
        if nats_user is not None and nats_password_file is not None:
            logins.append(PasswordLogin(nats_user, nats_password_file))
        if nats_token_file is not None:
            logins.append(TokenLogin(nats_token_file))
        _check_logins(nats_urls, logins)
        command(nats=NatsSettings(nats_urls, tls, logins[0] if logins else None), **others)

    for add in reversed(_OPTIONS):
        with_settings = add(with_settings)
    return with_settings


def _check_pair(one: str, first: object, other: str, second: object) -> None:
    for given, wanted, value, missing in ((one, other, first, second), (other, one, second, first)):
        if value is not None and missing is None:
            raise click.UsageError(f"{given} needs {wanted} beside it: set both, or neither.")


def _check_tls(urls: Sequence[str], tls: TlsSettings) -> None:
    servers = [parse_server(url) for url in urls]
    if tls.handshake_first and not tls.options and not all(server.asks_for_tls for server in servers):
        raise click.UsageError("--nats-tls-first needs TLS: write tls:// in --nats-url, or set --nats-tls-ca.")


def _check_logins(urls: Sequence[str], logins: Sequence[Login]) -> None:
    in_urls = [login for url in urls if (login := parse_server(url).login) is not None]
    named = [login.options for login in [*in_urls[:1], *logins]]
    if len(named) > 1:
        raise click.UsageError(f"{named[0]} and {named[1]} are two logins: leave one of them out.")
