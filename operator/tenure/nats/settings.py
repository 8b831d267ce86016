"""How to reach NATS."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tenure.nats.login import Login

CONNECT_TIMEOUT_S = 2.0
PING_INTERVAL_S = 2.0
PINGS_UNANSWERED_MAX = 2
RECONNECT_WAIT_MIN_S = 0.1
RECONNECT_WAIT_MAX_S = 2.0


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """How to speak TLS. Each file is PEM, and read again for each connection."""

    ca_file: Path | None = None
    """Who may have signed the servers' certificates; None is whom the system trusts."""

    certificate_file: Path | None = None
    """Our own certificate, for servers that ask for one; with `key_file` or not at all."""

    key_file: Path | None = None

    handshake_first: bool = False
    """TLS from the first byte on, for servers with `handshake_first`; others begin in the clear."""

    def __post_init__(self) -> None:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("A certificate needs its key, and a key its certificate.")

    @property
    def options(self) -> tuple[str, ...]:
        """The options by which TLS is asked for, whatever the URLs say."""
        files = {"--nats-tls-ca": self.ca_file, "--nats-tls-cert": self.certificate_file}
        return tuple(option for option, file in files.items() if file is not None)


@dataclass(frozen=True, slots=True)
class NatsSettings:
    """Where NATS is, how to get in, and how long to wait for it."""

    urls: tuple[str, ...] = field(repr=False)
    """The servers to start with, such as nats://nats.example:4222; more are learnt from the cluster."""

    tls: TlsSettings = TlsSettings()

    login: Login | None = None
    """Who we are, unless a URL says it."""

    client_name: str = "tenure"
    """What the server's own reports call this connection."""

    connect_timeout_s: float = CONNECT_TIMEOUT_S
    """The most that one attempt at one server may take, handshake and login included, in seconds."""

    ping_interval_s: float = PING_INTERVAL_S
    """The time between two pings, in seconds.

    A connection that is cut without a word is noticed between `pings_unanswered_max` and one more of these intervals
    after its last answer: 4 to 6 s by default, which leaves the default renew deadline of 13 s room to reconnect.
    """

    pings_unanswered_max: int = PINGS_UNANSWERED_MAX
    """How many pings may go unanswered before the connection is given up."""

    reconnect_wait_min_s: float = RECONNECT_WAIT_MIN_S
    """The wait before the second round of attempts, in seconds; it doubles with every further one.

    It goes on doubling until a connection has lasted for `reconnect_wait_max_s`.
    """

    reconnect_wait_max_s: float = RECONNECT_WAIT_MAX_S
    """The longest wait between two rounds of attempts, in seconds; each is shortened by up to a half at random."""

    def __post_init__(self) -> None:
        if not self.urls or not all(self.urls):
            raise ValueError("At least one NATS URL is needed, and none may be empty.")
        if not 0 < self.reconnect_wait_min_s <= self.reconnect_wait_max_s:
            raise ValueError("The shortest reconnect wait must be above 0 s and not above the longest one.")
        if min(self.connect_timeout_s, self.ping_interval_s, self.pings_unanswered_max) <= 0:
            raise ValueError("Timeouts, intervals and the number of unanswered pings must be above 0.")
