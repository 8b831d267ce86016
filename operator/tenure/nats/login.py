"""Who we are to NATS, in each of the ways in which a server may ask."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from tenure.nats.files import FileUnusable, read_file, read_secret
from tenure.nats.nkey import Nkey

# The parts of a credentials file, as `nsc` writes it: a line of hyphens and words before and after each.
TOKEN = re.compile(r"-{3,} *BEGIN NATS USER JWT *-{3,}\s+(\S+)\s+-{3,} *END NATS USER JWT *-{3,}")
SEED = re.compile(r"-{3,} *BEGIN USER NKEY SEED *-{3,}\s+(\S+)\s+-{3,} *END USER NKEY SEED *-{3,}")


@dataclass(frozen=True, slots=True, repr=False)
class Credential:
    """What a login shows to one server."""

    options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of nats-py's `connect`."""

    public_nkey: str | None = None

    expires_at: datetime | None = None


class Login(Protocol):
    """One way to say who we are."""

    @property
    def options(self) -> str:
        """The options that it comes from, as a sentence names them."""

    def read(self) -> Credential:
        """Read the files, as they are now. Raises FileUnusable."""


@dataclass(frozen=True, slots=True)
class UrlLogin:
    """A user with a password, or a token, that stood in a URL."""

    user: str = field(repr=False)
    password: str | None = field(repr=False)
    options = "the login in --nats-url"

    def read(self) -> Credential:
        """See `Login.read`."""
        if self.password is None:
            return Credential({"token": self.user})
        return Credential({"user": self.user, "password": self.password})


@dataclass(frozen=True, slots=True)
class PasswordLogin:
    """A user with a password."""

    user: str
    password_file: Path
    options = "--nats-user with --nats-password-file"

    def read(self) -> Credential:
        """See `Login.read`."""
        return Credential({"user": self.user, "password": read_secret("--nats-password-file", self.password_file)})


@dataclass(frozen=True, slots=True)
class TokenLogin:
    """A token that all clients of a server share."""

    file: Path
    options = "--nats-token-file"

    def read(self) -> Credential:
        """See `Login.read`."""
        return Credential({"token": read_secret("--nats-token-file", self.file)})


@dataclass(frozen=True, slots=True)
class NkeyLogin:
    """A user that the server knows by a public key."""

    file: Path
    options = "--nats-nkey"

    def read(self) -> Credential:
        """See `Login.read`."""
        nkey = _read_nkey(self.options, self.file, read_secret(self.options, self.file))
        return Credential({"signature_cb": nkey.sign}, public_nkey=nkey.public)


@dataclass(frozen=True, slots=True)
class CredentialsLogin:
    """A user whom an account vouches for, in a token that the file has beside the user's nkey."""

    file: Path
    options = "--nats-credentials"

    def read(self) -> Credential:
        """See `Login.read`."""
        text = read_file(self.options, self.file)
        token, seed = TOKEN.search(text), SEED.search(text)
        if token is None or seed is None:
            raise FileUnusable(self.options, self.file, "is no credentials file, with a user's JWT and nkey seed")
        nkey = _read_nkey(self.options, self.file, seed[1])
        # nats-py has a reader of its own for these files, which never ends on one that has no JWT.
        options = {"user_jwt_cb": token[1].encode, "signature_cb": nkey.sign}
        return Credential(options, expires_at=_expiry(token[1]))


def _read_nkey(option: str, path: Path, seed: str) -> Nkey:
    try:
        return Nkey(seed)
    except ValueError as error:
        raise FileUnusable(option, path, f"holds {error}") from None


def _expiry(token: str) -> datetime | None:
    """Return when a JWT ends, None when it does not or when it is none: that is for the server to judge."""
    payload = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (binascii.Error, ValueError, TypeError, KeyError, OverflowError, OSError):
        return None
