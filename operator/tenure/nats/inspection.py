"""A look at NATS for people who wonder what is wrong: the server, its clock, and the bucket as it is now."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from tenure.nats.bucket import BucketFacts, BucketRefused, BucketSettings, check_bucket, stream_of
from tenure.nats.client import server_of
from tenure.nats.session import ApiError, Session


@dataclass(frozen=True, slots=True)
class Inspection:
    """What one request for the bucket's description showed.

    `clock_ahead_s` is how far the clock of the server that answered is ahead of ours, known to half of `round_trip_s`;
    None where the server does not tell the time. `refused` is why the bucket cannot hold leases, "" when it can.
    """

    server: str
    server_version: str
    round_trip_s: float
    clock_ahead_s: float | None
    bucket: BucketFacts | None
    refused: str


async def inspect(session: Session, settings: BucketSettings, *, timeout_s: float) -> Inspection:
    """Ask for the bucket's description once. Raises Unavailable, OutcomeUnknown when there is no answer in time."""
    began_s, began_wall_s = time.monotonic(), time.time()
    bucket, clock_ahead_s, refused = None, None, ""
    try:
        info = await session.api(f"STREAM.INFO.{stream_of(settings.name)}", timeout_s=timeout_s)
    except ApiError as error:
        took_s = time.monotonic() - began_s
        refused = f"The bucket {settings.name} cannot be looked at: {error}."
    else:
        took_s = time.monotonic() - began_s
        if "ts" in info:
            clock_ahead_s = datetime.fromisoformat(info["ts"]).timestamp() - (began_wall_s + took_s / 2)
        try:
            bucket = check_bucket(settings, info)
        except BucketRefused as error:
            refused = str(error)
    name, version = server_of(session.client)
    return Inspection(name, version, took_s, clock_ahead_s, bucket, refused)
