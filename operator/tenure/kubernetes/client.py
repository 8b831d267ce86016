"""Requests to the Kubernetes API: JSON in, JSON out, one deadline each, and errors that say what happened.

`kubernetes.aio` brings configuration, TLS and tokens. Its generated methods are not used: they build a model object of
each answer (two to three times the cost of a patch), and their raw variants do not raise on an HTTP error.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from enum import Enum
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode
from weakref import WeakValueDictionary

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException

from tenure import __version__
from tenure.kubernetes.errors import ApiError, ApiUnavailable, error_of, json_object

REQUEST_TIMEOUT_S = 5.0
LIST_TIMEOUT_S = 60.0
CHUNK_TIMEOUT_S = 15.0

TURN_TIMEOUT_S = 900.0
"""How long a request waits for its turn. 10,000 elections that begin at once keep a busy API server for half of that;
those that gave up earlier would only ask again, and one that does so under way costs its connection."""

LOGIN_INTERVAL_S = 5.0
"""The time between two logins: an account that is locked out must not run its login command at every request."""

WATCH_TIMEOUT_S = 300
"""After so long the API server ends a watch, which goes on with the next one."""

CHUNK_SIZE = 500
"""Items of a list that are asked for at a time."""

FIELD_MANAGER = "tenure"
"""How managedFields and audit logs name what the operator wrote."""

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"  # of which JSON is a part


class Lane(Enum):
    """What a request waits for its turn with: what can wait must not hold up what cannot."""

    PROMPT = "reads, the status, and the labels and endpoints that make and unmake a leader"
    BULK = "the labels of followers, and events"
    START = "the status of elections that nobody has led yet, of which thousands may begin at once"
    DOUBT = "whether pods that a watch has lost are there still, of which there may be thousands at once"
    LIST = "lists, each of which may take a minute"


MAX_CONCURRENT_REQUESTS = {Lane.PROMPT: 32, Lane.BULK: 32, Lane.START: 8, Lane.DOUBT: 8, Lane.LIST: 4}
"""Requests on their way at a time: more would only queue in the API server's own fair queuing.

An election begins with one request of `START`, and its first leader takes seven more of the first two lanes. So of
thousands that begin at once those that have begun come to their end, while the others do not hold a lease yet."""


class KubernetesClient:
    """One pool of connections to one API server, with at most `MAX_CONCURRENT_REQUESTS` of each lane at a time.

    A request's deadline begins with its turn; the wait for that has one of its own.

    `log_in` returns the configuration anew when the API server does not know us any more (401): a token has run out, a
    command of the kubeconfig gives another one. It must end by itself. `field_manager` is in whose name it writes.
    """

    def __init__(
        self,
        configuration: Configuration,
        log_in: Callable[[], Awaitable[Configuration]],
        *,
        field_manager: str = FIELD_MANAGER,
    ) -> None:
        self._field_manager = field_manager
        self._client = _open(configuration)
        self._former: ApiClient | None = None
        self._log_in = log_in
        self._logging_in = asyncio.Lock()
        self._logged_in_at_s = float("-inf")
        self._lanes = {lane: asyncio.Semaphore(most) for lane, most in MAX_CONCURRENT_REQUESTS.items()}
        self._patches = WeakValueDictionary[tuple[str, Lane], asyncio.Lock]()
        """By path and lane, for as long as one is taken or waited for."""
        self._answered_at_s = float("-inf")

    @property
    def server(self) -> str:
        """The API server's address."""
        return str(self._client.configuration.host)

    async def close(self) -> None:
        """Close the connections."""
        for client in (self._client, self._former):
            if client is not None:
                await client.close()  # type: ignore[no-untyped-call]

    async def answers(self, *, within_s: float) -> bool:
        """Whether the API server answered any request in the last `within_s`, or does so now within that time."""
        if asyncio.get_running_loop().time() < self._answered_at_s + within_s:
            return True
        try:
            async with asyncio.timeout(within_s):
                await self.get("/version")
        except (ApiUnavailable, TimeoutError):
            return False
        except ApiError:
            pass  # It says no, and so it answers.
        return True

    async def get(
        self, path: str, lane: Lane = Lane.PROMPT, /, *, timeout_s: float = REQUEST_TIMEOUT_S, **query: str
    ) -> dict[str, Any]:
        """Return an object or a list. Raises ApiError."""
        return await self._request("GET", path, query=query, lane=lane, timeout_s=timeout_s)

    async def list_items(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Return all items of a list, which is asked for in parts. Raises ApiError."""
        items: list[dict[str, Any]] = []
        query = {"limit": str(CHUNK_SIZE), **query}
        while True:
            answer = await self._request("GET", path, query=query, lane=Lane.LIST, timeout_s=CHUNK_TIMEOUT_S)
            items += answer.get("items") or ()
            proceed = (answer.get("metadata") or {}).get("continue")
            if not proceed:
                return items
            query["continue"] = proceed

    async def watch(self, path: str, resource_version: str, **query: str) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the events after a resourceVersion, bookmarks among them, until the server ends the watch.

        Raises ApiError.
        """
        query |= {"watch": "1", "resourceVersion": resource_version, "allowWatchBookmarks": "true"}
        url = f"{path}?{urlencode({**query, 'timeoutSeconds': str(WATCH_TIMEOUT_S)})}"
        response = None
        try:
            response = await self._open_watch(url)
            if response.status == HTTPStatus.UNAUTHORIZED:
                response.response.close()
                await self._renew_login()
                response = await self._open_watch(url)
            if response.status != HTTPStatus.OK:
                raise error_of("GET", path, response.status, await response.read())
            rest = b""
            async for chunk in response.response.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield json.loads(line)
        except (TimeoutError, aiohttp.ClientError, OSError, ConfigException, ValueError) as error:
            raise ApiUnavailable(f"GET {path}: the watch was cut: {str(error) or 'no answer in time'}") from error
        finally:
            if response is not None:
                connection = response.response.connection
                if connection is not None and connection.transport is not None:
                    connection.transport.abort()  # A farewell by TLS would outlive whoever has heard enough.
                response.response.close()

    async def _open_watch(self, url: str) -> Any:
        return await self._call("GET", url, None, None, timeout_s=WATCH_TIMEOUT_S + REQUEST_TIMEOUT_S)

    async def list_metadata(self, path: str, **query: str) -> dict[str, Any]:
        """Return a list with nothing but the metadata of its items. Raises ApiError."""
        headers = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
        return await self._request("GET", path, query=query, headers=headers, lane=Lane.LIST, timeout_s=LIST_TIMEOUT_S)

    async def create(self, path: str, body: Mapping[str, Any], *, lane: Lane = Lane.BULK) -> dict[str, Any]:
        """Create an object. Raises ApiError."""
        return await self._request("POST", path, body=body, lane=lane)

    async def merge_patch(self, path: str, body: Mapping[str, Any], *, lane: Lane = Lane.PROMPT) -> dict[str, Any]:
        """Apply a JSON Merge Patch and return the object. Raises ApiError."""
        return await self._request("PATCH", path, body=body, lane=lane, headers={"Content-Type": MERGE_PATCH})

    async def apply(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Have an object contain these fields, and of those that we had set before no others, and return it.

        It is a server-side apply, and takes over what another field manager has set. Raises ApiError.
        """
        headers = {"Content-Type": APPLY_PATCH}
        return await self._request("PATCH", path, query={"force": "true"}, body=body, headers=headers)

    async def json_patch(self, path: str, operations: list[dict[str, Any]], *, lane: Lane) -> dict[str, Any]:
        """Apply a JSON Patch and return the object. Raises ApiError.

        Of patches of one object at once the API server lets one through and has all others try again until their time
        is up: hundreds of elections with the same pods would keep each other from them. So those of one lane come one
        after another.
        """
        turn = self._patches.setdefault((path, lane), asyncio.Lock())
        headers = {"Content-Type": JSON_PATCH}
        return await self._request("PATCH", path, body=operations, lane=lane, headers=headers, after=turn)

    async def delete(self, path: str, *, resource_version: str) -> dict[str, Any]:
        """Delete an object if it still has this version. Raises ApiError; Conflict for another version."""
        return await self._request("DELETE", path, body={"preconditions": {"resourceVersion": resource_version}})

    async def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
        lane: Lane = Lane.PROMPT,
        timeout_s: float = REQUEST_TIMEOUT_S,
        after: asyncio.Lock | None = None,
    ) -> dict[str, Any]:
        """Return what is answered. Its turn comes after those that share the lock, if it has one."""
        query = {**(query or {}), **({} if body is None else {"fieldManager": self._field_manager})}
        url = f"{path}?{urlencode(query)}" if query else path
        send = partial(self._send, method, url, body, headers, lane=lane, after=after, timeout_s=timeout_s)
        status, content = await send()
        if status == HTTPStatus.UNAUTHORIZED:
            await self._renew_login()
            status, content = await send()
        answer = json_object(content)
        if 200 <= status < 300:
            if answer is None:
                raise ApiUnavailable(f"{method} {path}: the answer is no JSON object")
            return answer
        raise error_of(method, path, status, content)

    async def _renew_login(self) -> None:
        """Log in again, unless that was done a moment ago. Raises ApiUnavailable when it cannot be done."""
        async with self._logging_in:
            if asyncio.get_running_loop().time() < self._logged_in_at_s + LOGIN_INTERVAL_S:
                return
            try:
                client = _open(await self._log_in())
            except Exception as error:
                raise ApiUnavailable(f"The login has run out and cannot be renewed: {error}") from error
            finally:
                # When it ended: those who have waited for it need not try what has just failed.
                self._logged_in_at_s = asyncio.get_running_loop().time()
            if self._former is not None:
                await self._former.close()  # type: ignore[no-untyped-call]
            # Requests of others may still be under way on the one that is replaced.
            self._former, self._client = self._client, client

    async def _send(
        self,
        method: str,
        path: str,
        body: Any,
        headers: dict[str, str] | None,
        *,
        lane: Lane,
        after: asyncio.Lock | None,
        timeout_s: float,
    ) -> tuple[int, bytes]:
        """Send one request in its turn and return status and content. Raises ApiUnavailable when there is no answer."""
        try:
            async with self._turn(lane, after), asyncio.timeout(timeout_s):
                status, content = await self._exchange(method, path, body, headers, timeout_s=timeout_s)
        except (TimeoutError, aiohttp.ClientError, OSError, ConfigException) as error:
            raise ApiUnavailable(f"{method} {path}: {str(error) or 'no answer in time'}") from error
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            self._answered_at_s = asyncio.get_running_loop().time()
        return status, content

    @asynccontextmanager
    async def _turn(self, lane: Lane, after: asyncio.Lock | None) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(TURN_TIMEOUT_S):
                if after is not None:
                    await stack.enter_async_context(after)
                await stack.enter_async_context(self._lanes[lane])
            yield

    async def _exchange(
        self, method: str, path: str, body: Any, headers: dict[str, str] | None, *, timeout_s: float
    ) -> tuple[int, bytes]:
        response = await self._call(method, path, body, headers, timeout_s=timeout_s)
        return response.status, await response.read()

    async def _call(
        self, method: str, path: str, body: Any, headers: dict[str, str] | None, *, timeout_s: float
    ) -> Any:
        _, url, all_headers, _, _ = await self._client.param_serialize(
            method,
            path,
            header_params={"Accept": "application/json", **(headers or {})},
            auth_settings=["BearerToken"],
        )
        return await self._client.call_api(method, url, all_headers, body, _request_timeout=timeout_s)


def _open(configuration: Configuration) -> ApiClient:
    client = ApiClient(configuration)
    client.user_agent = f"{FIELD_MANAGER}/{__version__}"
    return client


def path_of(*parts: str) -> str:
    """Return an API path of these parts, each made safe."""
    return "/" + "/".join(quote(part, safe="") for part in parts)
