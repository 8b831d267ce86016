"""The API server's road to pods. kwok's pods have addresses and no machines: a test says which program stands there."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from environment.ports import LOOPBACK

_CHUNK = 65536
_MAX_HEAD = 4096
_TIMEOUT_S = 10.0
_CONNECT = re.compile(rb"CONNECT (\S+) HTTP/1\.1\r\n")


class PodNetwork:
    """An HTTP proxy through which the API server connects to pods, and which knows the programs in their places.

    It listens on a Unix socket, whose path must be short, so it is in no test's folder. (With a proxy on a port and
    without TLS, the API server 1.37 does not start.)
    """

    def __init__(self) -> None:
        self._socket = Path(tempfile.gettempdir()) / f"tenure-{secrets.token_hex(8)}"
        self._programs: dict[str, int] = {}
        self._listener: socket.socket | None = None

    def write_config(self, path: Path) -> Path:
        """Write what `--egress-selector-config-file` of an API server names."""
        proxy = {"proxyProtocol": "HTTPConnect", "transport": {"uds": {"udsName": str(self._socket)}}}
        config = {
            "apiVersion": "apiserver.k8s.io/v1beta1",
            "kind": "EgressSelectorConfiguration",
            "egressSelections": [{"name": "cluster", "connection": proxy}],
        }
        path.write_text(json.dumps(config))
        return path

    def place(self, address: str, port: int, *, program: int) -> None:
        """From now on the program that listens on this port of loopback answers at a pod's address and port."""
        self._programs[f"{address}:{port}"] = program
        if self._listener is None:
            self._listener = socket.create_server(str(self._socket), family=socket.AF_UNIX)
            _start(self._listen, self._listener)

    def close(self) -> None:
        """Listen no more."""
        if self._listener is not None:
            self._listener.close()
            self._socket.unlink(missing_ok=True)

    def _listen(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                _start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(_TIMEOUT_S)
            head = b""
            while b"\r\n\r\n" not in head and len(head) < _MAX_HEAD:
                head += client.recv(_CHUNK)
            asked = _CONNECT.match(head)
            program = self._programs.get(asked[1].decode()) if asked is not None else None
            if program is None:
                client.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
                return
            with socket.create_connection((LOOPBACK, program), timeout=_TIMEOUT_S) as target:
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                back = _start(_carry, target, client)
                _carry(client, target)
                back.join()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def _start(work: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=work, args=arguments, daemon=True, name="pod network")
    thread.start()
    return thread
