"""Tells one election what happens, in sequence, and what it does about it."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from tenure.election.clock import Instant
from tenure.election.effects import Announce, Effect, WriteLabels, WriteLease, WriteStatus
from tenure.election.election import Election
from tenure.election.entry import Entry
from tenure.election.inputs import (
    ConnectionChanged,
    EntrySeen,
    Input,
    LabelOutcome,
    LabelsWritten,
    LeaseRead,
    LeaseWritten,
    PodsComplete,
    PodSeen,
    ResourceSeen,
    StatusWritten,
    WriteOutcome,
)
from tenure.election.labels import role_key, term_key
from tenure.election.mandate import Mandate
from tenure.election.pod import Pod
from tenure.election.record import LeaseRecord, render
from tenure.election.resource import Resource, Status
from tenure.runtime.dispatcher import Stepper
from unit.builders import ELECTION, NAMESPACE_UID, WRITER, a_leader, a_pod, a_record, a_resource
from unit.views import a_status

Done = TypeVar("Done", bound=Effect)

WALL_S = 1_700_000_000.0

A = a_pod("web-0", ordinal=0)
B = a_pod("web-1", ordinal=1)
A_LEADS = a_pod("web-0", ordinal=0, role="leader", term=7)
B_FOLLOWS = a_pod("web-1", ordinal=1, role="follower", term=7)


class Story:
    """One operator process and one election. The API and NATS answer when, and as, the story says."""

    def __init__(self, *pods: Pod, status: Status | None = None, revision: int = 0) -> None:
        self.now_s = 100.0
        self.resource = a_resource(status)
        self.pods = {pod.uid: pod for pod in pods}
        self.revision = revision
        self.news: list[str] = []
        self.mandate = Mandate.ACT
        self.election = Election(writer=WRITER, namespace_uid=NAMESPACE_UID, poll_interval_s=2.0)
        self.stepper: Stepper = self.election
        """Who is told; something may stand before the election."""

    @property
    def wakes_after_s(self) -> float:
        """How long from now the election wants to rest."""
        return round(self.stepper.wakes_at_s - self.now_s, 6)

    def hears(self, *happened: Input, after_s: float = 0.01) -> list[Effect]:
        """Let time pass, tell what has happened, and return what it does."""
        self.now_s += after_s
        now = Instant(self.now_s, WALL_S + self.now_s, self.mandate)
        done = self.stepper.step(now, happened)
        self.news += [effect.note for effect in done if isinstance(effect, Announce)]
        return [effect for effect in done if not isinstance(effect, Announce)]

    def rests(self, seconds: float) -> list[Effect]:
        """Let time pass without any news."""
        return self.hears(after_s=seconds)

    def begins(self, record: LeaseRecord | None) -> list[Effect]:
        """Tell a new process all there is: this record, the resource, and every pod."""
        pods = [PodSeen(pod) for pod in self.pods.values()]
        return self.hears(ConnectionChanged(1), self.seen(record), ResourceSeen(self.resource), *pods, PodsComplete())

    # What the world may answer.

    def written(self, write: WriteLease) -> LeaseWritten:
        """NATS has made a write of the record."""
        assert write.expected_revision == self.revision, "NATS would have refused this"
        self.revision += 1
        return LeaseWritten(WriteOutcome.APPLIED, self.revision)

    def read(self, record: LeaseRecord | None) -> LeaseRead:
        """The stream's leader has shown this record."""
        return LeaseRead(self._entry(record))

    def seen(self, record: LeaseRecord | None) -> EntrySeen:
        """The watch has shown this record."""
        return EntrySeen(self._entry(record), connection=1)

    def acknowledged(self, write: WriteStatus) -> StatusWritten:
        """The API has made a status write."""
        assert write.resource_version == self.resource.resource_version, "the API would have refused this"
        self.resource = replace(self.resource, resource_version=write.resource_version + 1, status=write.status)
        return StatusWritten(self.resource)

    def labelled(self, write: WriteLabels) -> LabelsWritten:
        """The API has made a label write."""
        pod = self.pods[write.ref.uid]
        assert pod.term(ELECTION) == write.expected_term, "the API would have refused this"
        assert write.role != "leader" or pod.role(ELECTION) == write.expected_role, "the API would have refused this"
        labels = dict(pod.labels or {})
        if write.role is None:
            del labels[role_key(ELECTION)]
        else:
            labels[role_key(ELECTION)] = write.role
        if write.term is not None:
            labels[term_key(ELECTION)] = str(write.term)
        return LabelsWritten(write.ref, LabelOutcome.APPLIED, self.changed(pod, labels=labels))

    def changed(self, pod: Pod, **facts: object) -> Pod:
        """Return the next version of a pod, as the API has it from now on."""
        known = self.pods[pod.uid]
        self.pods[pod.uid] = replace(known, resource_version=known.resource_version + 1, **facts)  # type: ignore[arg-type]
        return self.pods[pod.uid]

    def changed_by_another(self, status: Status) -> Resource:
        """Another process has written the status."""
        self.resource = replace(self.resource, resource_version=self.resource.resource_version + 1, status=status)
        return self.resource

    def _entry(self, record: LeaseRecord | None) -> Entry:
        return Entry(self.revision, None if record is None else render(record), WALL_S + self.now_s)


def at_rest() -> tuple[Story, LeaseRecord]:
    """Return an election that `A` leads in term 7, adopted by this process a moment ago, and the record as it stands.

    Nothing is due until the next renewal.
    """
    story = Story(A_LEADS, B_FOLLOWS, status=a_status(7, a_leader(A)), revision=7)
    renewal = only(WriteLease, story.begins(a_record(A, 7, nonce="of-another-process")))
    assert story.hears(story.written(renewal)) == []
    description = only(WriteStatus, story.rests(0.6))
    assert story.hears(story.acknowledged(description)) == []
    return story, record_of(renewal)


def only(kind: type[Done], done: list[Effect]) -> Done:
    """Return the one thing that was done, which must be of this kind."""
    assert [type(effect) for effect in done] == [kind]
    effect = done[0]
    assert isinstance(effect, kind)
    return effect


def record_of(write: WriteLease) -> LeaseRecord:
    """Return the record that is written, which must not be a marker."""
    assert write.record is not None
    return write.record


def held_by(write: WriteLease) -> tuple[str, int]:
    """Return holder and term of the record that is to be written."""
    record = record_of(write)
    return record.holder, record.term


def ledger_of(write: WriteStatus) -> tuple[int, int | None, str | None, list[str]]:
    """Return what a status write says of term, floor, leader, and of whom must be stamped (`*`: everybody)."""
    status = write.status
    unfenced = [ref.name for ref in status.unfenced]
    return status.term, status.term_floor, None if status.leader is None else status.leader.identity, unfenced


def labels_of(write: WriteLabels) -> tuple[str, str | None, int | None]:
    """Return which pod a label write is for, the role, and the term."""
    return write.ref.name, write.role, write.term


def ready_of(write: WriteStatus) -> str:
    """Return the reason of the condition Ready."""
    condition = write.status.condition("Ready")
    assert condition is not None
    return condition.reason
