"""What people ask for once, and what travels with the lease until it is done: a switchover."""

from __future__ import annotations

from dataclasses import dataclass

MAX_ID_LENGTH = 63
"""Characters of an id that the resource takes."""

MAX_POD_NAME_LENGTH = 253
"""Characters of a pod's name."""


@dataclass(frozen=True, slots=True)
class Switchover:
    """A wish that another pod lead: the one of this name, or any; not before this Unix time, or at once.

    It is fulfilled at most once for each `id`.
    """

    id: str
    to_pod_name: str | None = None
    not_before_s: float | None = None
