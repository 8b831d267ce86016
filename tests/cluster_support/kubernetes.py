"""A client for the tests: JSON in, JSON out, a connection for each request, so that nothing outlives a restart."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Generator
from typing import Any
from urllib.parse import urlencode

from environment import Environment
from environment.ports import LOOPBACK

Object = dict[str, Any]

MANAGER = "test"
FORGER = "forger"
"""Who writes labels that only the operator should write: the watchers leave what is his out of account."""

_TIMEOUT_S = 10.0
_WATCH_SILENCE_S = 90.0  # the API server's bookmarks come once a minute


class Refused(Exception):
    """The API server answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Kubernetes:
    """Requests to the API server as its administrator. While the server is away, they raise OSError."""

    def __init__(self, environment: Environment) -> None:
        api = environment.control_plane.api
        self._port = api.port
        self._tls = ssl.create_default_context(cafile=api.authority)
        self._tls.load_cert_chain(api.client.certificate, api.client.key)

    def get(self, path: str, **query: str) -> Any:
        """Return an object or a list."""
        return self._request("GET", path, query=query)

    def find(self, path: str) -> Any | None:
        """Return an object, or None when there is none."""
        try:
            return self.get(path)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def create(self, path: str, body: Object) -> Any:
        """Create an object and return it."""
        return self._request("POST", path, body=body)

    def patch(self, path: str, body: Object, *, manager: str = MANAGER, dry_run: bool = False) -> Any:
        """Apply a JSON Merge Patch in the name of `manager`, or only try it, and return the object."""
        query = {"fieldManager": manager, **({"dryRun": "All"} if dry_run else {})}
        return self._request("PATCH", path, query=query, body=body, content="application/merge-patch+json")

    def delete(self, path: str) -> None:
        """Delete an object; it need not be there."""
        try:
            self._request("DELETE", path)
        except Refused as refused:
            if refused.status != 404:
                raise

    def watch(self, path: str, resource_version: str) -> Generator[tuple[str, Object], None, None]:
        """Yield type and object of each event after a resourceVersion, until the server ends the watch.

        Raises Refused with status 410 when the server does not know any more what happened since.
        """
        query = {"watch": "1", "resourceVersion": resource_version, "allowWatchBookmarks": "true"}
        connection = self._connect(_WATCH_SILENCE_S)
        try:
            connection.request("GET", f"{path}?{urlencode(query)}", headers={"Accept": "application/json"})
            answer = connection.getresponse()
            if answer.status != 200:
                raise _refusal(answer.status, answer.read())
            for line in answer:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise Refused(event["object"].get("code", 500), event["object"].get("message", ""))
                yield event["type"], event["object"]
        except (http.client.HTTPException, ValueError) as error:
            raise ConnectionError(f"The watch of {path} was cut: {error!r}") from error
        finally:
            connection.close()

    def _request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: object = None,
        content: str = "application/json",
    ) -> Any:
        connection = self._connect(_TIMEOUT_S)
        try:
            headers = {"Content-Type": content, "Accept": "application/json"}
            url = f"{path}?{urlencode(query)}" if query else path
            connection.request(method, url, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise _refusal(answer.status, text)
        return json.loads(text)

    def _connect(self, timeout_s: float) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(LOOPBACK, self._port, timeout=timeout_s, context=self._tls)


def _refusal(status: int, text: bytes) -> Refused:
    try:
        return Refused(status, json.loads(text).get("message", ""))
    except (ValueError, AttributeError):
        return Refused(status, text.decode(errors="replace"))


def pods_path(namespace: str, *name: str) -> str:
    """Return the path of a namespace's pods, or of one of them."""
    return "/".join(["/api/v1/namespaces", namespace, "pods", *name])


def elections_path(namespace: str, *name: str) -> str:
    """Return the path of a namespace's elections, or of one of them."""
    return "/".join(["/apis/tenure.dev/v1alpha1/namespaces", namespace, "leaderelections", *name])


def slices_path(namespace: str) -> str:
    """Return the path of a namespace's EndpointSlices."""
    return f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"


def statefulsets_path(namespace: str, *name: str) -> str:
    """Return the path of a namespace's StatefulSets, or of one of them."""
    return "/".join(["/apis/apps/v1/namespaces", namespace, "statefulsets", *name])
