"""How to reach NATS."""

from __future__ import annotations

from dataclasses import dataclass

CONNECT_TIMEOUT_S = 2.0
PING_INTERVAL_S = 2.0
PINGS_UNANSWERED_MAX = 2
RECONNECT_WAIT_MIN_S = 0.1
RECONNECT_WAIT_MAX_S = 2.0


@dataclass(frozen=True, slots=True)
class NatsSettings:
    """Where NATS is and how long to wait for it."""

    urls: tuple[str, ...]
    """The servers to start with, such as nats://nats.example:4222; more are learnt from the cluster."""

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
    """The wait before the second round of attempts, in seconds; it doubles with every further one."""

    reconnect_wait_max_s: float = RECONNECT_WAIT_MAX_S
    """The longest wait between two rounds of attempts, in seconds; each is shortened by up to a half at random."""

    def __post_init__(self) -> None:
        if not self.urls or not all(self.urls):
            raise ValueError("At least one NATS URL is needed, and none may be empty.")
        if not 0 < self.reconnect_wait_min_s <= self.reconnect_wait_max_s:
            raise ValueError("The shortest reconnect wait must be above 0 s and not above the longest one.")
        if min(self.connect_timeout_s, self.ping_interval_s, self.pings_unanswered_max) <= 0:
            raise ValueError("Timeouts, intervals and the number of unanswered pings must be above 0.")
