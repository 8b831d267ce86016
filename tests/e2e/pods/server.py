"""The web server that is elected: it answers with its pod's name and UID, and knows nothing of elections.

It is Ready until the file NOT_READY is there. After SIGTERM it goes on answering for a while, as a server that drains.
Its process id is in the file PID, for whoever wants to kill it.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_NOT_READY = Path("/tmp/not-ready")
_PID = Path("/tmp/pid")
_DRAINS_S = 2.0
_ANSWER = json.dumps({"pod": os.environ["POD_NAME"], "uid": os.environ["POD_UID"]}).encode()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # for clients that do not wait for each other


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        is_refused = self.path == "/ready" and _NOT_READY.exists()
        self.send_response(503 if is_refused else 200)
        self.send_header("Content-Length", str(len(_ANSWER)))
        self.end_headers()
        self.wfile.write(_ANSWER)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until SIGTERM."""
    _PID.write_text(str(os.getpid()))
    server = _Server(("", 8080), _Handler)
    drained = threading.Timer(_DRAINS_S, server.shutdown)
    signal.signal(signal.SIGTERM, lambda *_: drained.start())
    server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
