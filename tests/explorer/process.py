"""One operator process: the production core, on a clock of its own.

Every process may act all the time, as if each believed that the others are gone: what keeps two from acting at once is
not what the guarantees rest on.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from explorer.values import FIRST_S, Fingerprints
from tenure.election import effects, inputs
from tenure.election.alarm import FOREVER_S
from tenure.election.clock import Instant
from tenure.election.effects import Effect
from tenure.election.election import Election
from tenure.election.inputs import Input, WriteOutcome
from tenure.election.state import State

NAMESPACE_UID = "namespace"

MOMENT_S = 1e-6
"""What passes between two steps at least: times tell what was before what."""

LONG_S = 1000.0
"""Longer than any lease, deadline or back-off."""


@dataclass(slots=True)
class Process:
    """A process in one of its lives. `now_s` is its clock, `connections` how many it has had to NATS."""

    name: str
    life: int
    election: Election
    now_s: float = FIRST_S
    connections: int = 0

    @classmethod
    def begin(cls, name: str, life: int) -> Process:
        """Return a process that knows nothing yet."""
        writer = f"operator/{name}{life}"
        return cls(name, life, Election(writer=writer, namespace_uid=NAMESPACE_UID, poll_interval_s=2.0))

    def key(self, fingerprints: Fingerprints) -> Hashable:
        """Return what is equal for two processes that cannot be told apart."""
        election = self.election
        return self.name, self.life, self.connections, fingerprints.of(election, self.now_s), _order(election.state)

    @property
    def is_connected(self) -> bool:
        """Whether it has a connection to NATS."""
        return self.election.state.connection != 0

    @property
    def wakes_in_s(self) -> float:
        """How long it is until it wants to decide though nothing happens."""
        return self.election.wakes_at_s - self.now_s

    def take(self, happened: Sequence[Input]) -> Sequence[Effect]:
        """Let it take these in one step, and return what it asks for."""
        self.now_s += MOMENT_S
        state, writer = self.election.state, self.election._campaigner._writer
        written = writer._writes
        told: list[Input] = []
        for one in happened:
            match one:
                case inputs.ResourceSeen(resource, float()):
                    # There is one such read at a time.
                    told.append(inputs.ResourceSeen(resource, state.resource_read_sent_at_s))
                case inputs.ConnectionChanged(number) if number:
                    self.connections += 1
                    told.append(inputs.ConnectionChanged(self.connections))
                case inputs.EntrySeen():
                    told.append(replace(one, connection=self.connections))
                case _:
                    told.append(one)
        sent = self.election.step(Instant(self.now_s, wall_s=0.0), told)
        # Only what is sent uses up a nonce: how often a process has decided must not tell it from another.
        writer._writes = written + any(isinstance(effect, effects.WriteLease) for effect in sent)
        return [effect for effect in sent if not isinstance(effect, effects.Announce)]

    def wait(self) -> Sequence[Effect]:
        """Let time pass until it wants to decide anew."""
        assert self.election.wakes_at_s != FOREVER_S
        self.now_s = max(self.now_s, self.election.wakes_at_s)
        return self.take(())

    def halt(self) -> Sequence[Effect]:
        """Let time pass in which it does nothing at all, for longer than anything lasts."""
        self.now_s += LONG_S
        return ()


def _order(state: State) -> Hashable:
    """Return what was before what, as far as a decision rests on it.

    That is whether the record was read after the resource was seen, or its read begun before the record was seen as it
    is; which pods were seen before the resource was read; and which were read since the record is what it is: each also
    for a read or write that is on its way.
    """
    lease, operation = state.lease, state.lease_operation
    reads = [lease.read_at_s] if lease is not None else []
    records = [lease.seen_at_s] if lease is not None else []
    if operation is not None:
        (reads if operation.write is None else records).append(operation.sent_at_s)
    resources = (state.resource_read_at_s, state.resource_read_sent_at_s)
    marks = [state.resource_seen_at_s, *records]
    record = [read_at_s is not None and read_at_s < mark_s for read_at_s in reads for mark_s in marks]
    seen = [
        (uid, *[mark_s is not None and seen_at_s <= mark_s for mark_s in resources])
        for uid, seen_at_s in sorted(state.pod_seen_at_s.items())
    ]
    read = [
        (uid, *[begun_at_s >= mark_s for mark_s in records])
        for pod_reads in (state.pod_read_at_s, state.pod_reads)
        for uid, begun_at_s in sorted(pod_reads.items())
    ]
    return tuple(record), tuple(seen), tuple(read)


def failure_of(request: Effect) -> Input:
    """Return what a process is told when it gets no answer."""
    match request:
        case effects.WriteLease():
            return inputs.LeaseWritten(WriteOutcome.UNKNOWN)
        case effects.ReadLease():
            return inputs.LeaseRead(None)
        case effects.WriteStatus():
            return inputs.StatusWritten(None)
        case effects.ReadResource():
            return inputs.ResourceReadFailed()
        case effects.WriteLabels(ref=ref):
            return inputs.LabelsWritten(ref, inputs.LabelOutcome.UNAVAILABLE)
        case effects.ReadPod(ref):
            return inputs.PodRead(ref, None)
        case effects.ListPods():
            return inputs.PodsListed(None)
        case effects.Announce() | effects.RouteServices():
            raise AssertionError(f"Nobody waits for an answer here: {request}")
