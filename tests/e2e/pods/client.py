"""A client that calls the Service all the time, each time on a new connection, and prints what came of each call.

It begins a call every EVERY_S, whether or not the ones before have ended. Every line is JSON: `run` tells one start of
this program from the next, `call` counts its calls, `at` is when the call began (Unix seconds), `took` how long it
lasted, `port` the client's own. Then either `uid`, the pod that answered, or `error`.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

_EVERY_S = 0.05
_TIMEOUT_S = 1.0
_RUN = uuid.uuid4().hex[:8]


def main() -> None:
    """Call for ever."""
    # Resolved once: what is looked at is the Service, not the DNS.
    address = _resolve(os.environ["SERVICE"])
    with ThreadPoolExecutor(max_workers=round(2 * _TIMEOUT_S / _EVERY_S)) as pool:
        due_s = time.monotonic()
        for number in itertools.count(1):
            pool.submit(_call, address, number)
            due_s = max(due_s + _EVERY_S, time.monotonic())  # what was missed is not made up for
            time.sleep(max(0.0, due_s - time.monotonic()))


def _resolve(service: str) -> str:
    while True:
        try:
            return socket.gethostbyname(service)
        except OSError:
            time.sleep(_EVERY_S)


def _call(address: str, number: int) -> None:
    at_s, began_s, port = time.time(), time.monotonic(), 0
    with socket.socket() as connection:
        connection.settimeout(_TIMEOUT_S)
        try:
            try:
                connection.connect((address, 80))
            finally:
                port = connection.getsockname()[1]
            outcome = {"uid": _ask(connection)}
        except (OSError, ValueError, http.client.HTTPException) as error:
            outcome = {"error": type(error).__name__}
    took_s = time.monotonic() - began_s
    said = {"run": _RUN, "call": number, "at": round(at_s, 4), "took": round(took_s, 4), "port": port, **outcome}
    print(f"{json.dumps(said)}\n", end="", flush=True)


def _ask(connection: socket.socket) -> str:
    client = http.client.HTTPConnection("web")
    client.sock = connection
    client.request("GET", "/", headers={"Connection": "close"})
    return str(json.loads(client.getresponse().read())["uid"])


if __name__ == "__main__":
    main()
