"""Keys, tokens and credentials files of NATS, as the tools `nk` and `nsc` make them.

In NATS' decentralised authentication an operator signs accounts, an account signs users, and a server that trusts the
operator needs no list of users. A token is a JWT, of NATS' own algorithm and with nkeys as its parties.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import time
from collections.abc import Mapping
from typing import Any

from nacl.signing import SigningKey

PUBLISH = (
    "$KV.leases.>",
    "$JS.API.STREAM.INFO.KV_leases",
    "$JS.API.STREAM.CREATE.KV_leases",  # unless somebody else makes the bucket
    "$JS.API.STREAM.MSG.GET.KV_leases",
    "$JS.API.CONSUMER.CREATE.KV_leases.*.$KV.leases.>",
    "$JS.API.CONSUMER.DELETE.KV_leases.*",
    "$JS.FC.KV_leases.>",
)
"""What an operator with the bucket `leases` has to be permitted to publish, as the documentation lists it."""

CANDIDATE_PUBLISH = (
    "$KV.leases.shop.web",
    "$JS.API.STREAM.INFO.KV_leases",
    "$JS.API.STREAM.MSG.GET.KV_leases",
    "$JS.API.CONSUMER.CREATE.KV_leases.*.$KV.leases.shop.web",
    "$JS.API.CONSUMER.DELETE.KV_leases.*",
    "$JS.FC.KV_leases.>",
)
"""The same of a candidate for the key `shop.web` in a bucket that is there."""

SUBSCRIBE = ("_INBOX.>",)
"""What both have to be permitted to subscribe to."""

_SEED = 18 << 3
_KINDS = {"operator": 14 << 3, "account": 0, "user": 20 << 3}
_LIMITS = ("subs", "data", "payload", "imports", "exports", "conn", "leaf")
_STORAGE_LIMITS = ("mem_storage", "disk_storage", "streams", "consumer")
_UNLIMITED = dict.fromkeys((*_LIMITS, *_STORAGE_LIMITS), -1)
_numbers = itertools.count(1)


class Nkey:
    """One pair of keys: of a user, if nothing else is said."""

    def __init__(self, kind: str = "user") -> None:
        self.kind = kind
        self._prefix = _KINDS[kind]
        self._key = SigningKey.generate()

    @property
    def public(self) -> str:
        """The public key, as a server's configuration takes it."""
        return _encode(bytes([self._prefix]) + bytes(self._key.verify_key))

    @property
    def seed(self) -> str:
        """The private key, which is the secret."""
        return _encode(bytes([_SEED | self._prefix >> 5, (self._prefix & 31) << 3]) + bytes(self._key))

    def sign(self, subject: Nkey, claims: Mapping[str, Any], *, valid_for_s: int | None = None) -> str:
        """Return a token in which this key says `claims` of `subject`."""
        now_s = int(time.time())
        body = {
            "jti": str(next(_numbers)),
            "iat": now_s,
            "iss": self.public,
            "name": "test",
            "sub": subject.public,
            "nats": {"type": subject.kind, "version": 2, **claims},
            **({"exp": now_s + valid_for_s} if valid_for_s is not None else {}),
        }
        text = f"{_encode_json({'typ': 'JWT', 'alg': 'ed25519-nkey'})}.{_encode_json(body)}"
        return f"{text}.{_encode_url(self._key.sign(text.encode()).signature)}"


class NatsAccount:
    """One account with JetStream, of an operator of its own. Its users may do what their permissions allow."""

    def __init__(self) -> None:
        self._account = Nkey("account")
        operator, system = Nkey("operator"), Nkey("account")
        limits = {"limits": {**_UNLIMITED, "wildcards": True}}
        self.server_config = {
            "operator": operator.sign(operator, {}),
            "system_account": system.public,
            "resolver": "MEMORY",
            "resolver_preload": {
                self._account.public: operator.sign(self._account, limits),
                system.public: operator.sign(system, {}),
            },
        }
        """What a server needs to know, for `NatsServer(config=…)`."""

    def credentials(self, *, valid_for_s: int | None = None, **permissions: Any) -> str:
        """Return the text of a credentials file, for a new user with permissions like `pub={"allow": […]}`."""
        user = Nkey()
        limits = {"subs": -1, "data": -1, "payload": -1}
        token = self._account.sign(user, {**limits, **permissions}, valid_for_s=valid_for_s)
        return (
            f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
        )


def _encode(raw: bytes) -> str:
    return base64.b32encode(raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")


def _encode_json(value: Mapping[str, Any]) -> str:
    return _encode_url(json.dumps(value, separators=(",", ":")).encode())


def _encode_url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
