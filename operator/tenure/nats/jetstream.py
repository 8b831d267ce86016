"""The lease store on a JetStream key-value bucket."""

from __future__ import annotations

import base64
from datetime import datetime

from tenure.election.entry import ABSENT, Entry
from tenure.nats.bucket import BucketFacts
from tenure.nats.connection import NatsConnection
from tenure.nats.session import ApiError, decode_answer
from tenure.nats.store import BucketMissing, OutcomeUnknown, Unavailable, WrongRevision, check_key

EXPECTED_REVISION = "Nats-Expected-Last-Subject-Sequence"
TTL = "Nats-TTL"
OPERATION = "KV-Operation"
MARKER_REASON = "Nats-Marker-Reason"

# JetStream's error numbers. 10164 is the second name of a wrong revision: another write to the key is being applied.
WRONG_LAST_SEQUENCE = 10071
WRONG_LAST_SEQUENCE_UNNAMED = 10164
NO_MESSAGE_FOUND = 10037
STREAM_NOT_FOUND = 10059


class JetStreamLeaseStore:
    """`LeaseStore` on the bucket that `bucket` describes; replace `bucket` when it was looked at again."""

    def __init__(self, connection: NatsConnection, bucket: BucketFacts) -> None:
        self._connection = connection
        self.bucket = bucket

    @property
    def connection(self) -> int:
        """See `LeaseStore.connection`."""
        return self._connection.connection

    async def read(self, key: str, *, timeout_s: float) -> Entry:
        """Return the key's entry from the stream's leader (a "direct get" could be answered by a replica that lags).

        Raises Unavailable when there was no answer within `timeout_s` seconds, BucketMissing when the bucket is gone.
        """
        session = self._connection.session()
        body = {"last_by_subj": self._subject(key)}
        try:
            answer = await session.api(f"STREAM.MSG.GET.{self.bucket.stream}", body, timeout_s=timeout_s)
            message = answer["message"]
            value, headers = message.get("data", ""), message.get("hdrs", "")
            return Entry(
                revision=message["seq"],
                value=None if is_marker(decode_headers(base64.b64decode(headers))) else base64.b64decode(value),
                written_at_s=datetime.fromisoformat(message["time"]).timestamp(),
            )
        except ApiError as error:
            if error.err_code == NO_MESSAGE_FOUND:
                return ABSENT
            if error.err_code == STREAM_NOT_FOUND:
                raise BucketMissing(f"The bucket {self.bucket.name} does not exist.") from error
            raise Unavailable(f"{key} was not read: {error}.") from error
        except OutcomeUnknown as error:
            raise Unavailable(f"{key} was not read: {error}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable(f"{key} was not read: the answer of JetStream makes no sense ({error!r}).") from error

    async def write(
        self,
        key: str,
        value: bytes | None,
        *,
        expected_revision: int,
        connection: int,
        timeout_s: float,
        ttl_s: int | None = None,
    ) -> int:
        """Replace the entry with revision `expected_revision` and return the new revision; see `LeaseStore.write`.

        It is one publish, sent once: a connection that is lost takes what it had not sent with it.
        """
        headers = {EXPECTED_REVISION: str(expected_revision)}
        if value is None:
            headers[OPERATION] = "DEL"
        if ttl_s is not None and self.bucket.allows_ttl:
            assert ttl_s >= 1, "a time to live is at least 1 s"
            headers[TTL] = str(ttl_s)
        session = self._connection.session(connection)
        message = await session.request(self._subject(key), value or b"", timeout_s=timeout_s, headers=headers)
        try:
            revision = decode_answer(message.data).get("seq")
        except ApiError as error:
            if error.err_code in (WRONG_LAST_SEQUENCE, WRONG_LAST_SEQUENCE_UNNAMED):
                raise WrongRevision(f"{key} does not have revision {expected_revision}: {error}.") from error
            if 400 <= error.code < 500:
                raise Unavailable(f"{key} was not written: {error}.") from error
            # What went wrong inside the server, and how far it got, is not for us to guess.
            raise OutcomeUnknown(f"{key} may have been written: {error}.") from error
        if not isinstance(revision, int) or revision <= 0:
            raise OutcomeUnknown(f"{key} may have been written: the answer names no revision.")
        return revision

    def _subject(self, key: str) -> str:
        check_key(key)
        return self.bucket.subject_prefix + key


def is_marker(headers: dict[str, str]) -> bool:
    """Say whether a message with these headers stands for the absence of its key: deleted, purged or aged out."""
    return headers.get(OPERATION) in ("DEL", "PURGE") or MARKER_REASON in headers


def decode_headers(raw: bytes) -> dict[str, str]:
    """Return the headers of a stored message: a version line, then `Name: value` lines."""
    lines = raw.decode("utf-8", "replace").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}
