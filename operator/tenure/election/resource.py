"""A `LeaderElection` resource as the core sees it: what is asked for, and what its status says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tenure.election.pod import EVERYBODY, PodRef
from tenure.election.request import Switchover
from tenure.election.rules import DEFAULT_RULES, Rules
from tenure.election.selector import Selector
from tenure.election.timing import Timing

MAX_TERM_JUMP = 10**6
"""A term that is further above the floor than this is not believed."""

MAX_HISTORY = 10
"""Terms that the status remembers."""


class RecordName(NamedTuple):
    """Where a lease record stands. What is "" is the usual one: the operator's bucket, the election's own key."""

    bucket: str = ""
    key: str = ""

    def __str__(self) -> str:
        return f"{self.bucket}/{self.key}"


OWN_RECORD = RecordName()
"""The record of the election's own name."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What the resource asks for. `pods_campaign` tells that the pods campaign for themselves, under `record`."""

    selector: Selector
    timing: Timing
    suspend: bool = False
    rules: Rules = DEFAULT_RULES
    switchover: Switchover | None = None
    pods_campaign: bool = False
    record: RecordName = OWN_RECORD
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a spec cannot be acted on: the reason of the condition `Accepted`, and a sentence that says what to do."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Leader:
    """The holder of a term. `pod` is None for a holder that is no pod of the election.

    `record_term` is the term in the record of pods that campaign for themselves, which the shown one may be above; None
    where the operator campaigns.
    """

    identity: str
    pod: PodRef | None
    node: str | None = None
    record_term: int | None = None


@dataclass(frozen=True, slots=True)
class Reign:
    """A term, who has it (None: nobody), and since when (Unix seconds), if the record says so."""

    term: int
    leader: Leader | None
    acquired_at_s: float | None


@dataclass(frozen=True, slots=True)
class PastTerm:
    """A term that has ended: who had it, from when to when (Unix seconds), and why it ended."""

    term: int
    identity: str
    pod_name: str | None
    acquired_at_s: float | None
    ended_at_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What has become of the switchover `id`, since when (Unix seconds), in one word and in a sentence.

    `former_ids` are those of earlier ones, the latest first, none of which is ever fulfilled (again).
    """

    id: str
    result: str
    message: str
    at_s: float
    former_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of the status. `changed_at_s` is when `status` last changed, in Unix seconds."""

    type: str
    status: str
    reason: str
    message: str
    observed_generation: int
    changed_at_s: float

    def says_the_same(self, other: Condition) -> bool:
        """Whether nothing but the time differs."""
        return (self.type, self.status, self.reason, self.message, self.observed_generation) == (
            other.type,
            other.status,
            other.reason,
            other.message,
            other.observed_generation,
        )


@dataclass(frozen=True, slots=True)
class Status:
    """The status: the ledger that decides what labels may say, and what people read beside it.

    The ledger is `term`, `leader` and `unfenced`: the pods that may still carry, or may still be given by a delayed
    write, the leader label of an earlier term; `EVERYBODY` is among them while that is not known. No term above
    `term_floor` + 16 may have been claimed; None before the first floor was written. `failover_at_s` is the Unix time
    at which a leader that turned not Ready gives way, None while it is not counted down to that. `switchover` is the
    answer to the last one that was asked for.
    """

    term: int = 0
    term_floor: int | None = None
    leader: Leader | None = None
    unfenced: tuple[PodRef, ...] = (EVERYBODY,)
    acquired_at_s: float | None = None
    candidates: int = 0
    eligible: int = 0
    observed_generation: int = 0
    history: tuple[PastTerm, ...] = ()
    conditions: tuple[Condition, ...] = ()
    failover_at_s: float | None = None
    switchover: Answer | None = None

    def believes(self, term: int) -> bool:
        """Whether a term is one that may stand in the record or in a label: anybody could write any there."""
        return term <= (self.term_floor or 0) + MAX_TERM_JUMP

    def shown_term(self, told: int) -> int:
        """The highest term that was shown: before this status says one, what was `told` in an earlier life."""
        return self.term or told

    def told_term(self, record_term: int) -> int:
        """What labels told of an earlier life when the first floor was written, 0 for nothing, or once there is a term.

        Nothing else puts it above the record, and the pods that had those labels may be gone by now.
        """
        floor = self.term_floor or 0
        return floor if not self.term and floor > record_term else 0

    def condition(self, kind: str) -> Condition | None:
        """The condition of one type, if it has been written."""
        return next((condition for condition in self.conditions if condition.type == kind), None)


@dataclass(frozen=True, slots=True)
class Resource:
    """One version of a resource. `created_at_s` is Unix time."""

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: int
    spec: Spec | Refusal
    status: Status
    created_at_s: float = 0.0
