"""The two labels that an election puts on pods."""

from __future__ import annotations

from enum import StrEnum

from tenure.election.record import MAX_TERM

ROLE_PREFIX = "role.tenure.dev/"
TERM_PREFIX = "term.tenure.dev/"


class PodRole(StrEnum):
    """The value of the role label."""

    LEADER = "leader"
    FOLLOWER = "follower"


def role_key(election: str) -> str:
    """Return the key of the label that says whether a pod leads `election`."""
    return ROLE_PREFIX + election


def term_key(election: str) -> str:
    """Return the key of the label that says which term of `election` a pod was told last."""
    return TERM_PREFIX + election


def parse_term(value: str | None) -> int | None:
    """Return the term of a term label, None when it is no canonical decimal from 1 to MAX_TERM: then it is not ours."""
    if value is None or not value.isascii() or not value.isdecimal() or value.startswith("0") or len(value) > 16:
        return None
    term = int(value)
    return term if term <= MAX_TERM else None
