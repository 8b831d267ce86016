"""What opens a connection: whom we trust, and who we are, as the files say it at this moment."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from tenure.nats.files import FileUnusable, read_file
from tenure.nats.login import Credential
from tenure.nats.server import Server
from tenure.nats.settings import NatsSettings, TlsSettings


@dataclass(frozen=True, slots=True)
class Access:
    """The way in to one server."""

    tls: ssl.SSLContext | None
    """None: TLS is only spoken if the server asks for it, and then with whom the system trusts."""

    credential: Credential


def read_access(settings: NatsSettings, server: Server) -> Access:
    """Read all files that are needed to get in to `server`. Raises FileUnusable."""
    wants_tls = server.asks_for_tls or bool(settings.tls.options)
    login = server.login or settings.login
    return Access(
        tls=build_context(settings.tls) if wants_tls else None,
        credential=login.read() if login is not None else Credential(),
    )


def build_context(tls: TlsSettings) -> ssl.SSLContext:
    """Return the TLS context for these files, as they are now. Raises FileUnusable."""
    if tls.ca_file is None:
        context = ssl.create_default_context()
    else:
        text = _read_pem("--nats-tls-ca", tls.ca_file, "CERTIFICATE")
        try:
            context = ssl.create_default_context(cadata=text)
        except ssl.SSLError:
            raise FileUnusable("--nats-tls-ca", tls.ca_file, "has a damaged certificate") from None
    if tls.certificate_file is not None and tls.key_file is not None:
        _read_pem("--nats-tls-cert", tls.certificate_file, "CERTIFICATE")
        _read_pem("--nats-tls-key", tls.key_file, "PRIVATE KEY")
        try:
            # Without a password of ours, OpenSSL would ask for one on the terminal.
            context.load_cert_chain(tls.certificate_file, tls.key_file, password="")
        except OSError:  # ssl.SSLError is one
            reason = f"does not belong to {tls.certificate_file} (--nats-tls-cert), is damaged, or has a password"
            raise FileUnusable("--nats-tls-key", tls.key_file, reason) from None
    return context


def _read_pem(option: str, path: Path, kind: str) -> str:
    """Return the text of a file that has something of this kind in it, in PEM."""
    text = read_file(option, path)
    # Looked at here, because an empty text would stand for all CAs that the system trusts.
    if f"{kind}-----" not in text:
        raise FileUnusable(option, path, f"has no {kind.lower()} in PEM")
    return text
