"""A stand-in for the road to the API server: it lets everything pass, holds requests back, or answers them with 503."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from enum import Enum, auto
from pathlib import Path
from typing import Self

from environment import ControlPlane
from environment.ports import LOOPBACK, free_ports

_POLL_S = 0.05
_HEAD_START_S = 0.3
"""The API server drops a request whose client has gone: so long it does not hear of that."""

_CHUNK = 65536
_BODY = json.dumps(
    {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": "the server is currently unable to handle the request",
        "reason": "ServiceUnavailable",
        "code": 503,
    }
).encode()
_ANSWER = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(_BODY),
    _BODY,
)


class _Mode(Enum):
    PASS = auto()
    HOLD = auto()
    REFUSE = auto()


class Front:
    """Listens in the API server's name. An operator whose kubeconfig leads here meets it alone: others see no change.

    The bytes pass as they are, TLS and all. Only while it answers 503 does it speak for the API server itself.
    """

    def __init__(self, control_plane: ControlPlane, folder: Path) -> None:
        self._behind = control_plane.api.port
        certificates = control_plane.folder / "certificates"
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificates / "kube-apiserver.crt", certificates / "kube-apiserver.key")
        port = free_ports(1)[0]
        config = json.loads(control_plane.kubeconfig.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://{LOOPBACK}:{port}"
        self.kubeconfig = folder / f"kubeconfig-{port}"
        self.kubeconfig.write_text(json.dumps(config))
        self.refused = 0
        """How many requests were answered with 503."""
        self.held = 0
        """How many are held back now."""
        self._mode = _Mode.PASS
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server((LOOPBACK, port))
        self._start(self._listen)

    def let_pass(self) -> None:
        """Let requests through, and those first that were held back, however long ago their clients gave them up."""
        self._mode = _Mode.PASS

    def hold(self) -> None:
        """Hold back what clients send, on every connection; what the API server sends still arrives."""
        self._mode = _Mode.HOLD

    def refuse(self) -> None:
        """Cut all connections, and answer every request with 503."""
        self._mode = _Mode.REFUSE
        self._cut()

    def close(self) -> None:
        """Cut all connections and listen no more."""
        self._listener.close()
        self._cut()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        if self._mode is _Mode.REFUSE:
            self._answer(client)
            return
        try:
            server = socket.create_connection((LOOPBACK, self._behind))
        except OSError:
            client.close()
            return
        with client, server:
            with self._lock:
                self._open |= {client, server}
            back = self._start(self._carry, server, client)
            self._carry(client, server, held=True)
            back.join()
            with self._lock:
                self._open -= {client, server}

    def _carry(self, source: socket.socket, target: socket.socket, *, held: bool = False) -> None:
        with contextlib.suppress(OSError):  # One of the two ends is gone.
            while data := source.recv(_CHUNK):
                if held and self._mode is _Mode.HOLD:
                    self.held += 1
                    data += self._await_release(source)
                    target.sendall(data)
                    time.sleep(_HEAD_START_S)
                    self.held -= 1
                else:
                    target.sendall(data)
        _shut(source)
        _shut(target)

    def _await_release(self, source: socket.socket) -> bytes:
        """Return what belongs to the request that is held back, but not the news that the client has gone."""
        time.sleep(_POLL_S)
        rest = source.recv(_CHUNK, socket.MSG_DONTWAIT) if select.select([source], [], [], 0)[0] else b""
        while self._mode is _Mode.HOLD:
            time.sleep(_POLL_S)
        return rest

    def _answer(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), self._tls.wrap_socket(client, server_side=True) as speaking:
            speaking.settimeout(1.0)
            speaking.recv(_CHUNK)
            self.refused += 1
            speaking.sendall(_ANSWER)
            speaking.unwrap()

    def _cut(self) -> None:
        with self._lock:
            for one in self._open:
                _shut(one)

    def _start(self, work: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True, name=f"front {work.__name__}")
        thread.start()
        return thread


def _shut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
