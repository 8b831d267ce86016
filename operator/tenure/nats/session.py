"""Requests on one connection: one shared reply inbox, one deadline each, and no life beyond the connection."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from tenure.nats.store import OutcomeUnknown, Unavailable

API = "$JS.API"


class ApiError(Exception):
    """JetStream's answer to a request is an error: `code` as in HTTP, `err_code` JetStream's own number."""

    def __init__(self, code: int, err_code: int, description: str) -> None:
        super().__init__(f"{description} ({err_code})")
        self.code = code
        self.err_code = err_code
        self.description = description


class Session:
    """One connection to NATS: its number, and requests that fail the moment it is lost.

    All replies come through one subscription, told apart by the last token of their subject: that costs half of what
    a subscription or nats-py's own request costs for each.
    """

    def __init__(self, client: Client, number: int) -> None:
        self.client = client
        self.number = number
        self._inbox = f"{client.new_inbox()}."
        self._waiting: dict[str, asyncio.Future[Msg]] = {}
        self._last_token = 0
        self._loop = asyncio.get_running_loop()

    async def open(self) -> None:
        """Subscribe to the inbox; what is sent afterwards on this connection finds the subscription in place."""
        await self.client.subscribe(f"{self._inbox}*", cb=self._on_reply)

    @property
    def is_alive(self) -> bool:
        """Whether the connection is up, as far as its client knows."""
        return self.client.is_connected

    async def request(
        self, subject: str, payload: bytes, *, timeout_s: float, headers: dict[str, str] | None = None
    ) -> Msg:
        """Publish to `subject` and return the reply.

        Raises Unavailable when it surely reached nobody (not connected, nobody listens there, too large to send), and
        OutcomeUnknown when no reply came within `timeout_s` seconds or the connection was lost meanwhile.
        """
        self._last_token += 1
        token = str(self._last_token)
        reply: asyncio.Future[Msg] = self._loop.create_future()
        self._waiting[token] = reply
        deadline = self._loop.call_later(timeout_s, self._expire, reply, subject, timeout_s)
        try:
            try:
                await self.client.publish(subject, payload, reply=self._inbox + token, headers=headers)
            except nats.errors.Error as error:
                raise Unavailable(f"Nothing was sent to {subject}: {error}.") from error
            message = await reply
        finally:
            deadline.cancel()
            del self._waiting[token]
        if message.headers is not None and message.headers.get("Status") == "503":
            raise Unavailable(f"Nobody serves {subject}: JetStream is away, or the bucket does not exist.")
        return message

    async def api(self, operation: str, body: dict[str, Any] | None = None, *, timeout_s: float) -> dict[str, Any]:
        """Return JetStream's answer to an API request such as STREAM.INFO.<stream>.

        Raises ApiError when that is an error, Unavailable and OutcomeUnknown as `request` does, and OutcomeUnknown
        for an answer that is no JSON object.
        """
        payload = b"" if body is None else json.dumps(body).encode()
        message = await self.request(f"{API}.{operation}", payload, timeout_s=timeout_s)
        return decode_answer(message.data)

    def end(self, reason: str) -> None:
        """Fail all requests under way; the connection is gone."""
        for reply in self._waiting.values():
            if not reply.done():
                reply.set_exception(OutcomeUnknown(f"The connection was lost before an answer came: {reason}."))

    async def _on_reply(self, message: Msg) -> None:
        reply = self._waiting.get(message.subject[len(self._inbox) :])
        if reply is not None and not reply.done():
            reply.set_result(message)

    @staticmethod
    def _expire(reply: asyncio.Future[Msg], subject: str, timeout_s: float) -> None:
        if not reply.done():
            reply.set_exception(OutcomeUnknown(f"No answer from {subject} within {timeout_s:g} s."))


def decode_answer(data: bytes) -> dict[str, Any]:
    """Return JetStream's answer, a JSON object; raise ApiError for an error, OutcomeUnknown for anything else."""
    try:
        answer = json.loads(data)
    except ValueError as error:
        raise OutcomeUnknown("The answer of JetStream is not JSON.") from error
    if not isinstance(answer, dict):
        raise OutcomeUnknown("The answer of JetStream is not a JSON object.")
    refusal = answer.get("error")
    if refusal is not None:
        raise ApiError(refusal.get("code", 500), refusal.get("err_code", 0), refusal.get("description", "no reason"))
    return answer
