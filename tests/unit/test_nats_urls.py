"""What of a NATS URL is shown, and how the login of one is used for another."""

from __future__ import annotations

import pytest

from tenure.nats.client import redact, with_login_of


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("nats://nats.example:4222", "nats://nats.example:4222"),
        ("nats://anna:secret@nats.example:4222", "nats://nats.example:4222"),
        ("nats://token@nats.example", "nats://nats.example"),
        ("tls://anna:p%40ss@[::1]:4222", "tls://[::1]:4222"),
        ("anna:secret@nats.example", "nats://nats.example"),
        ("anna:s@cr@et@nats.example", "nats://nats.example"),
        ("nats.example:4222", "nats://nats.example:4222"),
        ("nats://nats.example:4222/path?token=secret", "nats://nats.example:4222"),
    ],
)
def test_secrets_are_not_shown(url: str, shown: str) -> None:
    assert redact(url) == shown


def test_a_server_that_the_cluster_announced_gets_the_login_of_the_one_that_announced_it() -> None:
    assert with_login_of("nats://anna:secret@a.example", "nats://10.0.0.7:4222") == "nats://anna:secret@10.0.0.7:4222"
    assert with_login_of("a.example", "nats://10.0.0.7:4222") == "nats://10.0.0.7:4222"
