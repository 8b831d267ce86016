"""What the operator counts and measures, in Prometheus' text format. docs/metrics.md says what each means."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.process_collector import ProcessCollector

from tenure import __version__
from tenure.election.inputs import LabelOutcome
from tenure.election.resource import Status

RENEWAL_DURATIONS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
RENEWAL_LATENESSES_S = (0.001, 0.01, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
HAND_OVERS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

ELECTIONS_AT_A_TIME = 500
"""Lines of so many elections are written before the event loop gets its turn."""

REQUEST_RESULTS = {
    "read": ("ok", "unavailable"),
    "write": ("ok", "wrong_revision", "unavailable", "unknown"),
}


@dataclass(slots=True)
class ElectionFigures:
    """What is shown of one election: whoever makes it keeps it up, and with its owner it goes.

    `leader` is the name of the pod that leads and may go on, "" when there is none. `transitions` has only reasons that
    occurred.
    """

    namespace: str
    name: str
    status: Status = field(default_factory=Status)
    leader: str = ""
    transitions: dict[str, int] = field(default_factory=dict)
    drift_repairs: int = 0


@dataclass(frozen=True, slots=True)
class Readings:
    """What is read at a scrape: whether NATS is reached, whether this process acts, its backlog, and its elections."""

    nats_connected: bool = False
    acts: bool = False
    mailbox_depth: int = 0
    elections: Sequence[ElectionFigures] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """A metric of elections, and how to write the lines of one of them.

    The library would take 0.6 s for the 70,000 lines of 10,000 elections, and leave as many objects to the garbage
    collector. Names of Kubernetes objects need no escaping.
    """

    name: str
    kind: Literal["counter", "gauge"]
    meaning: str
    lines: Callable[[ElectionFigures], Iterable[str]]

    @property
    def head(self) -> str:
        """The lines above those of the elections."""
        return f"# HELP {self.name} {self.meaning}\n# TYPE {self.name} {self.kind}\n"


def _family(
    name: str, kind: Literal["counter", "gauge"], meaning: str, value: Callable[[ElectionFigures], int]
) -> Family:
    """Return a metric that has one value for each election."""
    return Family(name, kind, meaning, lambda one: (f"{name}{{{_labels(one)}}} {value(one)}\n",))


def _labels(one: ElectionFigures) -> str:
    return f'namespace="{one.namespace}",election="{one.name}"'


def _leader_lines(one: ElectionFigures) -> Iterator[str]:
    if one.leader:
        yield f'tenure_election_leader_info{{{_labels(one)},pod="{one.leader}"}} 1\n'


def _transition_lines(one: ElectionFigures) -> Iterator[str]:
    for reason, count in one.transitions.items():
        yield f'tenure_election_transitions_total{{{_labels(one)},reason="{reason}"}} {count}\n'


ELECTION_FAMILIES = (
    Family("tenure_election_leader_info", "gauge", "The pod that leads.", _leader_lines),
    _family("tenure_election_term", "gauge", "The present term.", lambda one: one.status.term),
    _family("tenure_election_has_leader", "gauge", "Whether a pod leads.", lambda one: int(bool(one.leader))),
    _family(
        "tenure_election_candidates",
        "gauge",
        "Pods that the selector finds and that have not finished.",
        lambda one: one.status.candidates,
    ),
    _family(
        "tenure_election_eligible_candidates", "gauge", "Candidates that may lead.", lambda one: one.status.eligible
    ),
    Family(
        "tenure_election_transitions_total",
        "counter",
        "Changes of leadership, by the reason for which the term before ended.",
        _transition_lines,
    ),
    _family(
        "tenure_drift_repairs_total",
        "counter",
        "Labels that somebody else had changed, and that were written again.",
        lambda one: one.drift_repairs,
    ),
)


class Metrics:
    """All metrics of one process: those without a label for the election in a registry of their own, updated in place.

    `read` is called at each scrape. Nothing is kept of an election here: its series end with it, and cost nothing while
    nobody looks.
    """

    def __init__(self, read: Callable[[], Readings]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series beside each, which nobody reads
        self.registry = CollectorRegistry()
        self._read = read
        registry = self.registry
        self.renewal_durations = Histogram(
            "tenure_lease_renewal_duration_seconds",
            "From when a renewal of a lease was sent until NATS acknowledged it.",
            buckets=RENEWAL_DURATIONS_S,
            registry=registry,
        )
        self.renewal_latenesses = Histogram(
            "tenure_lease_renewal_lateness_seconds",
            "How long after it was due a renewal was sent that NATS then acknowledged.",
            buckets=RENEWAL_LATENESSES_S,
            registry=registry,
        )
        self.hand_overs = Histogram(
            "tenure_hand_over_duration_seconds",
            "From when a leader could not go on until the API acknowledged the label of the next one.",
            buckets=HAND_OVERS_S,
            registry=registry,
        )
        label_writes = Counter(
            "tenure_label_writes_total", "Attempts to write the labels of a pod.", ["result"], registry=registry
        )
        self.label_writes = {outcome: label_writes.labels(outcome.name.lower()) for outcome in LabelOutcome}
        requests = Counter(
            "tenure_nats_requests_total",
            "Reads and writes of lease records.",
            ["operation", "result"],
            registry=registry,
        )
        self._requests = {
            (operation, result): requests.labels(operation, result)
            for operation, results in REQUEST_RESULTS.items()
            for result in results
        }
        self._nats_connected = Gauge(
            "tenure_nats_connected", "Whether the bucket can be used on a connection to NATS.", registry=registry
        )
        self._operator_leader = Gauge(
            "tenure_operator_leader", "Whether this process decides about elections.", registry=registry
        )
        self._mailbox_depth = Gauge(
            "tenure_mailbox_depth", "Inputs that elections have not been told yet.", registry=registry
        )
        Gauge("tenure_build_info", "The version of the operator.", ["version"], registry=registry).labels(
            __version__
        ).set(1)
        ProcessCollector(registry=registry)

    def count_request(self, operation: str, result: str) -> None:
        """Count a read or a write of a record, by how it ended; see `REQUEST_RESULTS`."""
        self._requests[operation, result].inc()

    async def render(self) -> bytes:
        """Return all metrics as text; the event loop gets its turn meanwhile."""
        readings = self._read()
        elections = readings.elections
        self._nats_connected.set(readings.nats_connected)
        self._operator_leader.set(readings.acts)
        self._mailbox_depth.set(readings.mailbox_depth)
        text = [generate_latest(self.registry)]
        for family in ELECTION_FAMILIES:
            text.append(family.head.encode())
            for first in range(0, len(elections), ELECTIONS_AT_A_TIME):
                some = elections[first : first + ELECTIONS_AT_A_TIME]
                text.append("".join(line for one in some for line in family.lines(one)).encode())
                await asyncio.sleep(0)
        return b"".join(text)
