"""Why servers did not let us in: sentences with the option to look at, and without any secret."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

import nats.errors

from tenure.nats.access import Access
from tenure.nats.client import Unreachable, describe
from tenure.nats.files import FileUnusable
from tenure.nats.server import Server
from tenure.nats.settings import NatsSettings

# What is known is not said again within this time.
SAY_AGAIN_AFTER_S = 30.0

# X509_V_ERR_… of OpenSSL.
NOT_YET_VALID = 9
EXPIRED = 10
OTHER_NAME = 62
OTHER_ADDRESS = 64

# What a server writes when it does not know us, or not any more.
AUTHENTICATION = ("authorization", "authentication")


class Refusals:
    """What each server says or does instead of letting us in, since we were in last."""

    def __init__(self) -> None:
        self._latest: dict[Server, str] = {}
        self._said_at_s: dict[str, float] = {}

    def __str__(self) -> str:
        """All reasons, each once."""
        return "; ".join(sorted(set(self._latest.values()))) or "no attempt has come to its end"

    def note(self, server: Server, reason: str) -> None:
        """Take in the outcome of an attempt."""
        self._latest[server] = reason

    def forget(self) -> None:
        """We are in."""
        self._latest.clear()
        self._said_at_s.clear()

    def are_news(self, now_s: float) -> bool:
        """Whether they are to be said at `now_s`, as they will be then: not the same again within half a minute."""
        recently = {text: at_s for text, at_s in self._said_at_s.items() if now_s - at_s < SAY_AGAIN_AFTER_S}
        self._said_at_s = {str(self): now_s, **recently}
        return str(self) not in recently


def explain(error: Exception, server: Server, settings: NatsSettings, access: Access | None) -> str:
    """Return the sentence about one attempt, without its full stop. `access` is None if it could not be read."""
    if isinstance(error, FileUnusable):
        return str(error)
    if isinstance(error, Unreachable):
        return f"{server} cannot be reached ({error})"
    if isinstance(error, nats.errors.SecureConnWantedError):
        who_asks = "tls:// in --nats-url" if server.asks_for_tls else settings.tls.options[0]
        return f"{server} speaks no TLS, for which {who_asks} asks"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{server} has a certificate {_flaw(error, server, settings)}"
    reason = describe(error)
    if any(word in reason.lower() for word in AUTHENTICATION):
        return f"{server} {_refusal(server, settings, access)} ({reason})"
    if access is not None and access.tls is not None:
        return f"{server} did not let us in ({reason}): {_advice(error, settings)}"
    return f"{server} did not let us in ({reason})"


def _flaw(error: ssl.SSLCertVerificationError, server: Server, settings: NatsSettings) -> str:
    if error.verify_code == EXPIRED:
        return "that has expired: renew it"
    if error.verify_code == NOT_YET_VALID:
        return "that is not valid yet: compare the clocks"
    if error.verify_code in (OTHER_NAME, OTHER_ADDRESS):
        return f"for other names than {server.certificate_host}: use one of its names in --nats-url"
    trusted = "of this system" if settings.tls.ca_file is None else f"in {settings.tls.ca_file}"
    return f"that no CA {trusted} has signed ({error.verify_message}): name the one that has in --nats-tls-ca"


def _refusal(server: Server, settings: NatsSettings, access: Access | None) -> str:
    login = server.login or settings.login
    if login is None:
        if settings.tls.certificate_file is not None:
            return "asks for a login, and does not take the certificate of --nats-tls-cert for one"
        return "asks for a login, such as --nats-credentials, --nats-nkey, --nats-user or --nats-token-file"
    expires_at = access.credential.expires_at if access is not None else None
    if expires_at is not None and expires_at <= datetime.now(UTC):
        return f"refuses {login.options}, which expired at {expires_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"refuses {login.options}"


def _advice(error: Exception, settings: NatsSettings) -> str:
    """Name what is usually wrong when TLS was spoken, or was to be, and the other side ended it without a reason."""
    if isinstance(error, TimeoutError) or (isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER"):
        if settings.tls.handshake_first:
            return "if it has no handshake_first, leave out --nats-tls-first"
        return "if it has handshake_first, set --nats-tls-first"
    if settings.tls.certificate_file is None:
        return "if it asks for a client certificate, set --nats-tls-cert and --nats-tls-key"
    return "it may not trust the certificate of --nats-tls-cert"
