"""One NATS server: where it is, and what its URL said besides."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from tenure.nats.login import UrlLogin

# Not ws and wss: nats-py's websocket cannot be dropped at once, so what it had not sent yet could arrive late.
SCHEMES = ("nats", "tls")
DEFAULT_PORT = 4222


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server is. Its text is fit for logs: it has no login."""

    scheme: str
    host: str
    port: int

    certificate_host: str
    """Whom its certificate has to name."""

    login: UrlLogin | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def asks_for_tls(self) -> bool:
        """Whether the URL itself says that the connection is to be encrypted."""
        return self.scheme == "tls"

    def announced(self, host: str, port: int) -> Server:
        """Return another server of the cluster, as this one has announced it.

        It takes the same login: servers announce none. And where only its address is known, its certificate is to be
        for the name by which this one was reached, since few certificates name addresses.
        """
        name = self.certificate_host if _is_address(host) and not _is_address(self.certificate_host) else host
        return Server(self.scheme, host, port, name, self.login)


def parse_server(url: str) -> Server:
    """Return the server of a URL such as `nats://user:password@nats.example:4222`; scheme and port can be left out.

    A login without a colon is a token. Special characters in it are written as %40 and so on, as in any URL. Raises
    ValueError saying what is wrong, and nothing of the URL, which may hold a secret.
    """
    if "," in url or any(character.isspace() for character in url):
        raise ValueError("a URL has no comma and no space: repeat the option for more servers")
    try:
        parts = urlsplit(url if "://" in url else f"nats://{url}")
        host, port, password = parts.hostname, parts.port, parts.password
    except ValueError:
        raise ValueError("the host or the port makes no sense") from None
    if parts.scheme not in SCHEMES:
        raise ValueError("a URL of NATS begins with nats:// or tls://")
    if not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("a URL of NATS ends with a host and a port; a / in a password is written as %2F")
    login = None
    if parts.username is not None:
        login = UrlLogin(unquote(parts.username), unquote(password) if password is not None else None)
    return Server(parts.scheme, host, port or DEFAULT_PORT, host, login)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
