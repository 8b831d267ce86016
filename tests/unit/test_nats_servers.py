"""What a NATS URL means, what of it is shown, and what is known of a server that another one announced."""

from __future__ import annotations

import pytest

from tenure.nats.login import UrlLogin
from tenure.nats.server import parse_server
from tenure.nats.settings import NatsSettings


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("nats://nats.example:4222", "nats://nats.example:4222"),
        ("nats.example:4333", "nats://nats.example:4333"),
        ("nats.example", "nats://nats.example:4222"),
        ("tls://nats.example/", "tls://nats.example:4222"),
        ("nats://anna:secret@nats.example:4222", "nats://nats.example:4222"),
        ("nats://secret@nats.example", "nats://nats.example:4222"),
        ("tls://anna:secr%40et@[::1]:4222", "tls://[::1]:4222"),
        ("anna:secret@nats.example", "nats://nats.example:4222"),
        ("anna:s@cr@secret@nats.example", "nats://nats.example:4222"),
    ],
)
def test_secrets_are_not_shown(url: str, shown: str) -> None:
    server = parse_server(url)

    assert str(server) == shown
    assert "secr" not in repr(server)
    assert "secr" not in repr(NatsSettings((url,)))


@pytest.mark.parametrize(
    ("url", "user", "password"),
    [
        ("nats://anna:secret@nats.example", "anna", "secret"),
        ("nats://an%40na:p%40ss%3Aw%25r%2Fd@nats.example", "an@na", "p@ss:w%r/d"),
        ("nats://anna:@nats.example", "anna", ""),
        ("nats://token@nats.example", "token", None),
    ],
)
def test_a_login_in_a_url_is_read_as_in_any_url(url: str, user: str, password: str | None) -> None:
    assert parse_server(url).login == UrlLogin(user, password)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "ends with a host"),
        ("nats://", "ends with a host"),
        ("nats://:4222", "ends with a host"),
        ("nats://anna:secret", "the host or the port makes no sense"),
        ("nats://anna:secret@nats.example:port", "the host or the port makes no sense"),
        ("nats://anna:secret@nats.example:65536", "the host or the port makes no sense"),
        ("nats://[::1", "the host or the port makes no sense"),
        ("http://anna:secret@nats.example", "begins with nats:// or tls://"),
        ("wss://secret@nats.example", "begins with nats:// or tls://"),
        ("nats://anna:se/secret@nats.example", "the host or the port makes no sense"),
        ("nats://an/na:secret@nats.example", "a / in a password is written as %2F"),
        ("nats://nats.example?token=secret", "ends with a host and a port"),
        ("nats://nats.example#secret", "ends with a host and a port"),
        ("nats://a.example,nats://secret@b.example", "repeat the option for more servers"),
        ("nats://a.example nats://secret@b.example", "repeat the option for more servers"),
    ],
)
def test_what_is_wrong_with_a_url_is_said_without_it(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as complaint:
        parse_server(url)

    assert "secret" not in str(complaint.value)
    assert "anna" not in str(complaint.value)


def test_a_server_that_was_announced_gets_scheme_and_login_of_the_one_that_announced_it() -> None:
    server = parse_server("tls://anna:secret@a.example").announced("b.example", 4333)

    assert str(server) == "tls://b.example:4333"
    assert server.login == UrlLogin("anna", "secret")
    assert server.certificate_host == "b.example"


def test_where_only_the_address_of_a_server_was_announced_its_certificate_is_to_have_the_name_that_we_know() -> None:
    first = parse_server("tls://nats.example").announced("10.0.0.7", 4222)
    second = first.announced("fd00::8", 4222)

    assert (first.certificate_host, second.certificate_host) == ("nats.example", "nats.example")
    assert (str(first), str(second)) == ("tls://10.0.0.7:4222", "tls://[fd00::8]:4222")
    assert parse_server("tls://10.0.0.6").announced("10.0.0.7", 4222).certificate_host == "10.0.0.7"
