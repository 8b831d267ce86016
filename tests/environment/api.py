"""The few requests that the environment itself makes to its API server, without a client library."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from pathlib import Path
from typing import Any

from environment.certificates import KeyPair
from environment.ports import LOOPBACK
from environment.waiting import EnvironmentFailed

_REQUEST_TIMEOUT_S = 10.0


class Api:
    """An API server on loopback, spoken to with a client certificate."""

    def __init__(self, port: int, *, authority: Path, client: KeyPair) -> None:
        self.port = port
        self.authority = authority
        self.client = client
        self._tls = ssl.create_default_context(cafile=authority)
        self._tls.load_cert_chain(client.certificate, client.key)

    @property
    def url(self) -> str:
        """Where the API server answers."""
        return f"https://{LOOPBACK}:{self.port}"

    def request(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Return the status code and the decoded answer. Raises OSError while the server is not there."""
        connection = http.client.HTTPSConnection(LOOPBACK, self.port, timeout=_REQUEST_TIMEOUT_S, context=self._tls)
        try:
            headers = {"Content-Type": "application/json", "Accept": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()
        return answer.status, json.loads(text) if text.startswith(b"{") else text.decode()

    def create(self, path: str, body: dict[str, Any]) -> Any:
        """Create the object, or fail with the server's answer."""
        status, answer = self.request("POST", path, body)
        if status not in (200, 201):
            raise EnvironmentFailed(f"The API server refused a POST to {path} with {status}: {answer}")
        return answer

    def ready(self) -> bool:
        """Whether the server is there and says that it is ready."""
        try:
            return self.request("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def write_kubeconfig(self, path: Path, *, token: str | None = None, namespace: str = "default") -> Path:
        """Write a kubeconfig with this client's certificate, or with a bearer token instead of it."""
        user = {"token": token} if token else {
            "client-certificate-data": _base64(self.client.certificate),
            "client-key-data": _base64(self.client.key),
        }  # fmt: skip
        name = "tenure-test"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": name, "cluster": {"server": self.url, "certificate-authority-data": _base64(self.authority)}}
            ],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
            "current-context": name,
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(config, indent=2) + "\n")  # JSON is YAML
        return path


def _base64(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
