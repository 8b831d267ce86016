"""The JetStream consumer behind a watch.

nats-py's own watch and ordered consumer are not used: after a server's restart they are blind for up to 20 s, after a
bucket was made again until its revisions have passed the old ones, and their end of the snapshot can come too early.
This one never repairs itself: it says that it is broken, and its owner starts another.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import secrets
from collections.abc import Callable
from typing import Any

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from tenure.election.entry import Entry
from tenure.nats.bucket import CONSUMER_IDLE_S, stream_of
from tenure.nats.jetstream import STREAM_NOT_FOUND, is_marker
from tenure.nats.session import ApiError, Session
from tenure.nats.store import BucketMissing, OutcomeUnknown, Unavailable

logger = logging.getLogger(__name__)

# How often the server says that there is nothing to say.
HEARTBEAT_S = 1.0

# Silent at two looks in a row is broken; a single one may only mean that the event loop was held up.
SILENCE_CHECK_S = 2.0

START_TIMEOUT_S = 2.0
STOP_TIMEOUT_S = 1.0
NS_PER_S = 1_000_000_000

# What the server knows about a delivered message is in its reply subject, which has a short and a longer form:
# $JS.ACK[.<domain>.<account>].<stream>.<consumer>.<delivered>.<stream sequence>.<consumer sequence>.<time>.<pending>
SHORT_REPLY_TOKENS = 9


class BucketConsumer:
    """One consumer on one connection, from `begin` to `end`; what its callbacks mean is said in `BucketWatch`."""

    def __init__(
        self,
        session: Session,
        bucket: str,
        keys: str,
        on_entry: Callable[[str, Entry], None],
        on_snapshot_done: Callable[[], None],
        on_broken: Callable[[str], None],
    ) -> None:
        self._session = session
        self._bucket = bucket
        self._stream = stream_of(bucket)
        self._consumer = f"tenure-{secrets.token_hex(8)}"
        self._filter = f"$KV.{bucket}.{keys}"
        self._prefix_length = len(f"$KV.{bucket}.")
        self._on_entry = on_entry
        self._on_snapshot_done = on_snapshot_done
        self._on_broken = on_broken
        self._subscription: Subscription | None = None
        self._silence_check: asyncio.TimerHandle | None = None
        self._heard_something = True
        self._snapshot_done = False
        self._fence: int | None = None
        self._fences_to_set = 2
        self._ended = False
        self._consumer_sequence = 0
        self.broken = False
        self.stream_sequence = 0

    async def begin(self) -> None:
        """Follow from now on. Raises Unavailable or BucketMissing; call `end` then, too."""
        client = self._session.client
        inbox = client.new_inbox()
        body = {"stream_name": self._stream, "config": self._config(inbox)}
        try:
            # The inbox first: the server sends as soon as it has the consumer.
            self._subscription = await client.subscribe(inbox, cb=self._on_message)
            # The filter is part of the request's subject, so that an account can be permitted it alone.
            operation = f"CONSUMER.CREATE.{self._stream}.{self._consumer}.{self._filter}"
            await self._session.api(operation, body, timeout_s=START_TIMEOUT_S)
            await self._set_fence()
            await self._look_for_the_end_of_the_snapshot()
        except ApiError as error:
            if error.err_code == STREAM_NOT_FOUND:
                raise BucketMissing(f"The bucket {self._bucket} does not exist.") from error
            raise Unavailable(f"The bucket {self._bucket} cannot be watched: {error}.") from error
        except (OutcomeUnknown, KeyError, TypeError, nats.errors.Error) as error:
            raise Unavailable(f"The bucket {self._bucket} cannot be watched: {error!r}") from error
        self._look_later()

    async def end(self) -> None:
        """Call nobody any more."""
        self._ended = True
        if self._silence_check is not None:
            self._silence_check.cancel()
        if self._subscription is not None:
            with contextlib.suppress(nats.errors.Error):  # it may have ended with its connection
                await self._subscription.unsubscribe()

    async def delete_consumer(self) -> None:
        """Spare the server a consumer that nobody listens to; failing that, it goes after CONSUMER_IDLE_S."""
        try:
            operation = f"CONSUMER.DELETE.{self._stream}.{self._consumer}"
            await self._session.api(operation, timeout_s=STOP_TIMEOUT_S)
        except (ApiError, Unavailable, OutcomeUnknown):
            pass

    def _config(self, inbox: str) -> dict[str, Any]:
        return {
            "name": self._consumer,
            "deliver_subject": inbox,
            "deliver_policy": "last_per_subject",
            "filter_subject": self._filter,
            "ack_policy": "none",
            "max_deliver": 1,
            "replay_policy": "instant",
            "mem_storage": True,
            "num_replicas": 1,
            "idle_heartbeat": int(HEARTBEAT_S * NS_PER_S),
            "flow_control": True,
            "inactive_threshold": int(CONSUMER_IDLE_S * NS_PER_S),
        }

    async def _on_message(self, message: Msg) -> None:
        if self._ended:
            return
        self._heard_something = True
        headers = message.headers
        # Not told apart by the Status header alone: another program may have stored an entry with one.
        if not message.reply.startswith("$JS.ACK."):
            await self._on_control_message(message, headers or {})
            return
        tokens = message.reply.split(".")
        start = 2 if len(tokens) == SHORT_REPLY_TOKENS else 4
        revision, sequence, written_at_ns = (int(token) for token in tokens[start + 3 : start + 6])
        if sequence != self._consumer_sequence + 1:
            self._break(f"{sequence - self._consumer_sequence - 1} entries were lost before revision {revision}")
        self._consumer_sequence = sequence
        self.stream_sequence = revision
        value = None if headers is not None and is_marker(headers) else message.data
        try:
            self._on_entry(message.subject[self._prefix_length :], Entry(revision, value, written_at_ns / NS_PER_S))
        except Exception:
            logger.exception("The receiver of a lease entry failed")
        if not self._snapshot_done:
            try:
                await self._look_for_the_end_of_the_snapshot()
            except (ApiError, Unavailable, OutcomeUnknown, KeyError, TypeError) as error:
                self._break(f"the end of the snapshot cannot be found: {error!r}")

    async def _on_control_message(self, message: Msg, headers: dict[str, str]) -> None:
        """Answer a question whether we still follow (flow control), and notice by a heartbeat what did not arrive."""
        if headers.get("Status") != "100":
            self._break(f"the server says {headers.get('Status')} {headers.get('Description', '')}".rstrip())
            return
        question = message.reply or headers.get("Nats-Consumer-Stalled")
        if question:
            try:
                await self._session.client.publish(question)
            except nats.errors.Error:
                return  # the connection is gone
        sent = headers.get("Nats-Last-Consumer", "")
        if not sent.isdigit():
            return
        if int(sent) > self._consumer_sequence:
            self._break(f"{int(sent) - self._consumer_sequence} entries were lost at the end")
        elif self._fence is not None and not question:
            self._finish_snapshot()  # the entry at the fence has vanished, and there is nothing before it to come

    async def _look_for_the_end_of_the_snapshot(self) -> None:
        """Say that the snapshot is done when the revision has come that was the last one when the fence was set.

        One fence is not enough: an entry that is replaced before its turn is skipped, and its key comes when the
        replacement does, which may be behind the fence. By the second fence that one has come as well, unless it was
        replaced within these milliseconds once more. (The number of entries still to come, which each entry states,
        is no help: it is too low for a moment at each replacement.)
        """
        while self._fence is not None and self.stream_sequence >= self._fence:
            if self._fences_to_set == 0:
                self._finish_snapshot()
                return
            await self._set_fence()

    async def _set_fence(self) -> None:
        self._fences_to_set -= 1
        self._fence = None  # nobody is to look while we ask
        info = await self._session.api(f"STREAM.INFO.{self._stream}", timeout_s=START_TIMEOUT_S)
        self._fence = info["state"]["last_seq"] if info["state"]["messages"] > 0 else 0

    def _finish_snapshot(self) -> None:
        if self._snapshot_done or self.broken or self._ended:
            return
        self._snapshot_done = True
        try:
            self._on_snapshot_done()
        except Exception:
            logger.exception("The receiver of the lease snapshot failed")

    def _look_later(self) -> None:
        look = functools.partial(self._look, heard_before=self._heard_something)
        self._heard_something = False
        self._silence_check = asyncio.get_running_loop().call_later(SILENCE_CHECK_S, look)

    def _look(self, *, heard_before: bool) -> None:
        if self._ended or self.broken or not self._session.is_alive:
            return
        if not heard_before and not self._heard_something:
            self._break(f"nothing has come for {2 * SILENCE_CHECK_S:g} s")
            return
        self._look_later()

    def _break(self, reason: str) -> None:
        if self.broken:
            return
        self.broken = True
        logger.warning("The watch of the bucket %s is broken: %s", self._bucket, reason)
        try:
            self._on_broken(reason)
        except Exception:
            logger.exception("The receiver of the news about a broken watch failed")
