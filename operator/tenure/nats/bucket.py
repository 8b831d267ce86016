"""The lease bucket: made as the leases need it, or refused when it would break them."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from tenure.nats.session import ApiError, Session
from tenure.nats.store import OutcomeUnknown, Unavailable

DEFAULT_BUCKET = "leader-elections"
DUPLICATE_WINDOW_S = 1
MAX_MESSAGE_BYTES = 64 * 1024
ENSURE_TIMEOUT_S = 5.0
LOOK_AGAIN_S = 0.05

# A cluster that has no leader yet drops requests without a word, so it is asked again.
ANSWER_TIMEOUT_S = 1.0

# The server drops the consumer of a watch when nobody has listened for this time.
CONSUMER_IDLE_S = 10.0

# Each operator watches with one consumer, and for a while with two after a reconnect; and there are two operators.
CONSUMERS_MIN = 4

# In a bucket that is full, a renewal is refused as well if it is a byte longer than the record that it replaces.
FULL_AT = 0.8

# A record with the longest names that Kubernetes allows and a few fields of other writers, with its headers.
RECORD_BYTES_MAX = 4096

STREAM_NOT_FOUND = 10059
STREAM_NAME_IN_USE = 10058
NO_SUITABLE_PEERS = 10005
REPLICAS_NOT_SUPPORTED = 10074


BucketStorage = Literal["file", "memory"]


class BucketRefused(Exception):
    """The bucket cannot hold leases, or cannot be made as asked for; the text says why. Trying again does not help."""


@dataclass(frozen=True, slots=True)
class BucketSettings:
    """What a bucket is made with. One that is there already is never altered."""

    name: str = DEFAULT_BUCKET

    replicas: int = 1
    """On how many servers it is kept: 1, 3 or 5."""

    storage: BucketStorage = "file"

    max_message_bytes: int = MAX_MESSAGE_BYTES
    """The largest record that anybody can write. Ours have less than 1 KiB."""

    max_bytes: int = -1
    """The most that the bucket may hold, in bytes, for accounts that ask for such a bound; -1 is none."""

    least_max_age_s: float | None = None
    """A bucket that forgets records, and terms with them, is refused, unless it keeps them for at least so long: then
    that is a warning."""


@dataclass(frozen=True, slots=True)
class BucketFacts:
    """The bucket as the server described it."""

    name: str
    created_at_s: float
    first_revision: int
    allows_ttl: bool
    replicas: int
    storage: str
    warnings: tuple[str, ...] = ()
    """Sentences about settings that weaken what the leases promise without breaking it."""

    @property
    def stream(self) -> str:
        """The name of the stream behind the bucket."""
        return stream_of(self.name)

    @property
    def subject_prefix(self) -> str:
        """What a key's subject begins with."""
        return f"$KV.{self.name}."


def stream_of(bucket: str) -> str:
    """Return the name of the stream behind a key-value bucket."""
    return f"KV_{bucket}"


async def ensure_bucket(
    session: Session, settings: BucketSettings, *, timeout_s: float = ENSURE_TIMEOUT_S
) -> BucketFacts:
    """Return the facts about the bucket, which is made when it is absent and left as it is when present.

    Several operators may do this at once. Raises BucketRefused when its settings break a guarantee, or when the
    server will not make it as asked for; Unavailable when there was no answer within `timeout_s` seconds.
    """
    stream = stream_of(settings.name)
    deadline_s = time.monotonic() + timeout_s
    trouble = "there was no time to ask"
    while (left_s := deadline_s - time.monotonic()) > 0:
        answer_timeout_s = min(ANSWER_TIMEOUT_S, left_s)
        try:
            try:
                info = await session.api(f"STREAM.INFO.{stream}", timeout_s=answer_timeout_s)
            except ApiError as error:
                if error.err_code != STREAM_NOT_FOUND:
                    raise
                info = await session.api(f"STREAM.CREATE.{stream}", stream_config(settings), timeout_s=answer_timeout_s)
        except ApiError as error:
            if error.err_code == STREAM_NAME_IN_USE:
                # Another operator was faster, with another first revision. Take what it made, once it can be seen.
                trouble = str(error)
                await asyncio.sleep(LOOK_AGAIN_S)
                continue
            if error.err_code == REPLICAS_NOT_SUPPORTED or (
                400 <= error.code < 500 and error.err_code != NO_SUITABLE_PEERS
            ):
                hint = "; lower --bucket-replicas" if error.err_code == REPLICAS_NOT_SUPPORTED else ""
                raise BucketRefused(f"The bucket {settings.name} cannot be made: {error}{hint}.") from error
            raise Unavailable(f"The bucket {settings.name} is not served: {error}.") from error
        except OutcomeUnknown as error:
            trouble = str(error)
            continue
        return check_bucket(settings, info)
    raise Unavailable(f"The bucket {settings.name} was neither found nor made within {timeout_s:g} s: {trouble}")


def stream_config(settings: BucketSettings) -> dict[str, Any]:
    """Return the stream configuration of a new bucket.

    * One message a key, no age limit: a record stays until it is replaced, and so does its term.
    * Revisions must not repeat when a bucket is lost and made again, or a compare-and-set that was meant for the old
      one could succeed in the new one. So the first revision is the time, in microseconds: a bucket would have to
      take more than a million writes a second to overtake it.
    * No direct get: a read is answered by the stream's leader.
    * Discard new: a bucket that is full refuses writes instead of dropping somebody else's record.
    """
    return {
        "name": stream_of(settings.name),
        "description": "Leases of leader elections, kept by Tenure",
        "subjects": [f"$KV.{settings.name}.>"],
        "retention": "limits",
        "storage": settings.storage,
        "num_replicas": settings.replicas,
        "max_msgs_per_subject": 1,
        "max_msgs": -1,
        "max_bytes": settings.max_bytes,
        "max_age": 0,
        "max_msg_size": settings.max_message_bytes,
        "max_consumers": -1,
        "discard": "new",
        "duplicate_window": DUPLICATE_WINDOW_S * 1_000_000_000,
        "first_seq": time.time_ns() // 1000,
        "allow_rollup_hdrs": True,
        "deny_delete": True,
        "allow_direct": False,
        "allow_msg_ttl": True,
    }


def check_bucket(settings: BucketSettings, info: dict[str, Any]) -> BucketFacts:
    """Return the facts out of a stream's description, or raise BucketRefused naming every setting that cannot be."""
    config = info["config"]
    broken = [sentence for breaks, sentence in _rules(settings, config) if breaks]
    if broken:
        raise BucketRefused(f"The bucket {settings.name} cannot hold leases. {' '.join(broken)}")
    return BucketFacts(
        name=settings.name,
        created_at_s=datetime.fromisoformat(info["created"]).timestamp(),
        first_revision=config.get("first_seq", 1),
        allows_ttl=bool(config.get("allow_msg_ttl")),
        replicas=config.get("num_replicas", 1),
        storage=config.get("storage", "file"),
        warnings=tuple(sentence for weakens, sentence in _doubts(settings, info) if weakens),
    )


def _rules(settings: BucketSettings, config: dict[str, Any]) -> list[tuple[bool, str]]:
    """What cannot be, each with whether it is so.

    By these a record could go, be replaced without a compare-and-set, or not be written or watched at all.
    """
    name = settings.name
    max_age_s = _max_age_s(config)
    least_s = settings.least_max_age_s if settings.least_max_age_s is not None else math.inf
    per_key = config.get("max_msgs_per_subject", -1)
    bounded = max(config.get("max_msgs", -1), config.get("max_bytes", -1)) > 0
    max_message_bytes = config.get("max_msg_size", -1)
    consumers = config.get("consumer_limits") or {}
    return [
        (bool(config.get("sealed")), "It is sealed, so no lease can be written."),
        (bool(config.get("mirror")), "It is a mirror, which takes no compare-and-set."),
        (bool(config.get("sources")), "It takes messages from other streams (sources), without a compare-and-set."),
        (f"$KV.{name}.>" not in config.get("subjects", []), f"It does not listen to $KV.{name}.>."),
        (bool(config.get("subject_transform")), "It stores records under other subjects (subject_transform)."),
        (config.get("retention", "limits") != "limits", "Its records go when they have been read (retention)."),
        (0 < max_age_s < least_s, f"It {_forgets_after(max_age_s)}"),
        (
            config.get("discard", "old") == "old" and bounded,
            "When it is full it drops records (max_msgs or max_bytes with discard old).",
        ),
        (per_key < 1, "It keeps every renewal for ever (max_msgs_per_subject, the history, has no bound)."),
        (bool(config.get("discard_new_per_subject")), "It refuses to replace a record (discard_new_per_subject)."),
        (bool(config.get("no_ack")), "It acknowledges no write (no_ack)."),
        (bool(config.get("allow_msg_counter")), "It takes only counters (allow_msg_counter)."),
        (
            0 <= max_message_bytes < RECORD_BYTES_MAX,
            f"Its largest record of {max_message_bytes} bytes (max_msg_size) is below {RECORD_BYTES_MAX}.",
        ),
        (
            0 < consumers.get("inactive_threshold", 0) < CONSUMER_IDLE_S * 1e9
            or consumers.get("max_ack_pending", 0) > 0,
            "It cannot be watched (consumer_limits).",
        ),
    ]


def _doubts(settings: BucketSettings, info: dict[str, Any]) -> list[tuple[bool, str]]:
    config = info["config"]
    replicas = config.get("num_replicas", 1)
    alone = replicas == 1
    max_consumers, max_bytes = config.get("max_consumers", -1), config.get("max_bytes", -1)
    max_age_s = _max_age_s(config)
    return [
        (max_age_s > 0, f"The bucket {_forgets_after(max_age_s)}"),
        (
            replicas < settings.replicas,
            f"The bucket was there, with {replicas} replicas and not the {settings.replicas} of --bucket-replicas.",
        ),
        (
            0 < max_consumers < CONSUMERS_MIN,
            f"The bucket allows {max_consumers} consumers (max_consumers): two operators may need {CONSUMERS_MIN}.",
        ),
        (
            0 < max_bytes * FULL_AT < info["state"]["bytes"],
            f"The bucket is nearly full (max_bytes is {max_bytes}): when it is, leases cannot be renewed.",
        ),
        (
            alone and config.get("storage") == "memory",
            "The bucket is in the memory of one server: its restart loses all leases, and terms jump.",
        ),
        (
            config.get("persist_mode") == "async",
            "The bucket acknowledges writes before it stores them (persist_mode async): a crash takes some back.",
        ),
        (
            config.get("first_seq", 1) <= 1,
            "The revisions of the bucket start at 1: when it is lost and made again, they repeat.",
        ),
        (
            not config.get("allow_msg_ttl"),
            "The bucket has no time to live per message: what deleted elections left is kept for ever.",
        ),
    ]


def _max_age_s(config: dict[str, Any]) -> float:
    return float(config.get("max_age", 0) / 1e9)


def _forgets_after(max_age_s: float) -> str:
    return f"forgets records after {max_age_s:g} s (max_age), and their terms with them."
