"""Free TCP ports on loopback."""

from __future__ import annotations

import itertools
import random
import socket

LOOPBACK = "127.0.0.1"

# Below the ports that Linux (32768 and up) and macOS (49152 and up) hand to outgoing connections. A server that is
# stopped for a moment keeps its port: a client that redials it could otherwise be given that very port as its own end.
_CHOICE = range(20_000, 32_000)


# Each process goes its own way round, from a place that others hardly ever stand at: a port that was found free, and is
# bound a moment later, is not given twice meanwhile. Drawn anew each time, one in some thousands would be.
_WAY = itertools.cycle(_CHOICE)
for _ in range(random.SystemRandom().randrange(len(_CHOICE))):
    next(_WAY)


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that nothing listened on a moment ago."""
    ports: list[int] = []
    for port in itertools.islice(_WAY, len(_CHOICE)):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind((LOOPBACK, port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    raise OSError(f"There are not {count} free ports from {_CHOICE.start} to {_CHOICE.stop - 1} on {LOOPBACK}.")
