"""Which election: by namespace and name, and by the key of its record in the bucket."""

from __future__ import annotations

import re

Key = tuple[str, str]
"""Namespace and name of an election."""

_LEASE_KEY = re.compile(r"(?P<namespace>[a-z0-9-]{1,63})\.(?P<name>[a-z0-9.-]{1,63})")


def lease_key(key: Key) -> str:
    """Return the key of an election's record in the bucket: a namespace has no dots, so it is the first part."""
    return ".".join(key)


def parse_lease_key(text: str) -> Key | None:
    """Return the election whose record can have this key; None for a key that somebody else must have written."""
    match = _LEASE_KEY.fullmatch(text)
    return (match["namespace"], match["name"]) if match is not None else None
