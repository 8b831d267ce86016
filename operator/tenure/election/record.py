"""The lease record: the JSON value under an election's key in the bucket.

The four fields of aether's `LeadershipLease` (leaderId, term, startedAt, expiresAt) are there for nodes that run that
code; the others are Tenure's and are ignored by it. What is read is never trusted: everything that cannot be
believed becomes `Unbelievable`, with the reason.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, TypeGuard

from tenure.election.clock import from_rfc3339, rfc3339
from tenure.election.request import MAX_ID_LENGTH, MAX_POD_NAME_LENGTH, Switchover

MAX_TERM = 2**53 - 2
"""The highest term that is believed: terms travel through JSON readers that hold numbers as doubles."""

MAX_RECORD_BYTES = 16 * 1024
"""A longer value is not a lease record."""

MAX_IDENTITY_LENGTH = 512
"""Characters of a holder's identity; a pod's name and UID need at most 290."""

OPERATOR_WRITER_PREFIX = "operator/"


@dataclass(frozen=True, slots=True)
class Unbelievable:
    """A value that is no lease record that could be acted on, and why, as the end of a sentence."""

    reason: str


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """Who holds which term, and for how long.

    `holder` is "" when the lease was released. `duration_s` is None where the writer did not state it.
    `nonce` is the writer's own mark on this very write. `namespace_uid` tells clusters apart that share a bucket.
    `switchover` is the one for which the lease was released, or claimed.
    `unknown` are fields that this version does not know: a renewal keeps them, a claim drops them.
    """

    holder: str
    term: int
    started_at_s: float
    expires_at_s: float
    duration_s: int | None = None
    nonce: str | None = None
    writer: str | None = None
    namespace_uid: str | None = None
    switchover: Switchover | None = None
    unknown: Mapping[str, Any] = field(default_factory=dict)

    @property
    def by_operator(self) -> bool:
        """Whether an operator wrote it on a pod's behalf."""
        return self.writer is not None and self.writer.startswith(OPERATOR_WRITER_PREFIX)


@dataclass(frozen=True, slots=True)
class Signature:
    """What one write adds of its own: when, for how long, by whom, and the nonce that tells it from all others.

    `switchover` is the one for which a lease is released or claimed; a renewal keeps that of its record.
    """

    wall_s: float
    duration_s: int
    writer: str
    nonce: str
    namespace_uid: str | None
    switchover: Switchover | None = None


def claim(holder: str, term: int, signature: Signature) -> LeaseRecord:
    """Return the record of a new term. An empty holder makes a term that nobody holds."""
    return LeaseRecord(
        holder=holder,
        term=term,
        started_at_s=signature.wall_s,
        expires_at_s=signature.wall_s + signature.duration_s if holder else signature.wall_s,
        duration_s=signature.duration_s,
        nonce=signature.nonce,
        writer=signature.writer,
        namespace_uid=signature.namespace_uid,
        switchover=signature.switchover,
    )


def renewal(record: LeaseRecord, signature: Signature) -> LeaseRecord:
    """Return the same holder's same term, from now."""
    return LeaseRecord(  # `replace` takes half as long again, and nothing is done more often.
        holder=record.holder,
        term=record.term,
        started_at_s=record.started_at_s,
        expires_at_s=signature.wall_s + signature.duration_s,
        duration_s=signature.duration_s,
        nonce=signature.nonce,
        writer=signature.writer,
        namespace_uid=signature.namespace_uid,
        switchover=record.switchover,
        unknown=record.unknown,
    )


def release(record: LeaseRecord, signature: Signature) -> LeaseRecord:
    """Return the record without a holder: it keeps the term, so that the next claim takes the one after it."""
    return replace(
        record,
        holder="",
        expires_at_s=min(record.started_at_s, signature.wall_s),
        nonce=signature.nonce,
        writer=signature.writer,
        namespace_uid=signature.namespace_uid,
        switchover=signature.switchover,
    )


def render(record: LeaseRecord) -> bytes:
    """Return the record as the bytes to store; unknown fields that would make it too long are dropped."""
    value: dict[str, Any] = {
        "leaderId": record.holder,
        "term": record.term,
        "startedAt": rfc3339(record.started_at_s),
        "expiresAt": rfc3339(record.expires_at_s),
    }
    if record.duration_s is not None:
        value["leaseDurationSeconds"] = record.duration_s
    if record.nonce is not None:
        value["nonce"] = record.nonce
    if record.writer is not None:
        value["writer"] = record.writer
    if record.namespace_uid is not None:
        value["namespaceUID"] = record.namespace_uid
    if record.switchover is not None:
        to = record.switchover.to_pod_name
        value["switchover"] = {"id": record.switchover.id} | ({} if to is None else {"toPodName": to})
    if record.unknown:
        longer = _ENCODE({**value, **record.unknown}).encode()
        if len(longer) <= MAX_RECORD_BYTES:
            return longer
    return _ENCODE(value).encode()


def parse(value: bytes) -> LeaseRecord | Unbelievable:
    """Read a stored value.

    Field names are taken in any spelling that Go's JSON would write or read for one field: case and underscores do
    not count. Raises nothing.
    """
    if len(value) > MAX_RECORD_BYTES:
        return Unbelievable(f"its {len(value)} bytes are more than {MAX_RECORD_BYTES}")
    try:
        loaded = _DECODE(value.decode())
    except (ValueError, RecursionError):
        return Unbelievable("it is not JSON")
    if not isinstance(loaded, dict):
        return Unbelievable("it is not a JSON object")
    known: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    for name, content in loaded.items():
        plain = name.lower().replace("_", "")
        if plain in _FIELDS:
            known[plain] = content
        else:
            unknown[name] = content
    try:
        return LeaseRecord(
            holder=_text(known, "leaderid"),
            term=_term(known),
            started_at_s=_time(known, "startedat"),
            expires_at_s=_time(known, "expiresat"),
            duration_s=_duration(known),
            nonce=_optional_text(known, "nonce"),
            writer=_optional_text(known, "writer"),
            namespace_uid=_optional_text(known, "namespaceuid"),
            switchover=_switchover(known),
            unknown=unknown,
        )
    except ValueError as error:
        return Unbelievable(str(error))


_FIELDS = {
    "leaderid",
    "term",
    "startedat",
    "expiresat",
    "leasedurationseconds",
    "nonce",
    "writer",
    "namespaceuid",
    "switchover",
}


def _refuse_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse_number(text)


# Made once: `dumps` and `loads` make theirs anew at each call that asks for something special.
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode
_DECODE = json.JSONDecoder(parse_constant=_refuse_number, parse_float=_finite).decode


def _text(fields: dict[str, Any], name: str) -> str:
    text = fields.get(name)
    if not isinstance(text, str):
        raise ValueError(f"{name} is not a string")
    if len(text) > MAX_IDENTITY_LENGTH:
        raise ValueError(f"{name} is longer than {MAX_IDENTITY_LENGTH} characters")
    if not text.isprintable():
        # A surrogate would be stored as another text by the API server; a line break would forge a line of the log.
        raise ValueError(f"{name} has characters that cannot be printed")
    return text


def _optional_text(fields: dict[str, Any], name: str) -> str | None:
    return _text(fields, name) if fields.get(name) is not None else None


def _term(fields: dict[str, Any]) -> int:
    term = fields.get("term")
    if not isinstance(term, int) or isinstance(term, bool):
        raise ValueError("term is not a whole number")
    if not 1 <= term <= MAX_TERM:
        raise ValueError(f"term is not in 1 to {MAX_TERM}")
    return term


def _time(fields: dict[str, Any], name: str) -> float:
    try:
        return from_rfc3339(_text(fields, name))
    except ValueError:
        raise ValueError(f"{name} is not an RFC 3339 time") from None


def _duration(fields: dict[str, Any]) -> int | None:
    duration_s = fields.get("leasedurationseconds")
    if duration_s is None:
        return None
    if not isinstance(duration_s, int) or isinstance(duration_s, bool) or duration_s < 1:
        raise ValueError("leaseDurationSeconds is not a whole number of at least 1")
    return duration_s


def _switchover(fields: dict[str, Any]) -> Switchover | None:
    """Return the switchover that a record names; one that no resource could ask for is none, and harms nothing."""
    named = fields.get("switchover")
    if not isinstance(named, dict):
        return None
    asked_id, to = named.get("id"), named.get("toPodName")
    if not _is_storable(asked_id, MAX_ID_LENGTH):
        return None
    return Switchover(asked_id, to) if to is None or _is_storable(to, MAX_POD_NAME_LENGTH) else None


def _is_storable(text: Any, length: int) -> TypeGuard[str]:
    """Whether the API server would store this as it is; of an id it takes any characters."""
    if not isinstance(text, str) or not 0 < len(text) <= length:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False  # It has half a surrogate pair.
    return True
