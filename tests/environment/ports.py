"""Free TCP ports on loopback."""

from __future__ import annotations

import contextlib
import random
import socket

LOOPBACK = "127.0.0.1"

# Below the ports that Linux (32768 and up) and macOS (49152 and up) hand to outgoing connections. A server that is
# stopped for a moment keeps its port: a client that redials it could otherwise be given that very port as its own end.
_CHOICE = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that nothing listened on a moment ago.

    They are held all at once while they are chosen, so the same call never returns one twice.
    """
    ports: list[int] = []
    chance = random.SystemRandom()  # Processes that test beside each other must not draw the same.
    with contextlib.ExitStack() as held:
        for port in chance.sample(_CHOICE, k=len(_CHOICE)):
            if len(ports) == count:
                break
            candidate = held.enter_context(socket.socket())
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind((LOOPBACK, port))
            except OSError:
                continue
            ports.append(port)
    if len(ports) < count:
        raise OSError(f"There are not {count} free ports from {_CHOICE.start} to {_CHOICE.stop - 1} on {LOOPBACK}.")
    return ports
