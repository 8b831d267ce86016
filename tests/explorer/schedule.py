"""A schedule in words: who does what, one line after another, up to the guarantee that is broken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from explorer.dynamics import Dynamics
from explorer.guarantees import ELECTION
from explorer.world import WATCHES, Move, World
from tenure.election import effects, inputs
from tenure.election.effects import Effect
from tenure.election.entry import Entry
from tenure.election.inputs import Input
from tenure.election.pod import Pod
from tenure.election.record import LeaseRecord, parse
from tenure.election.resource import Status

_HAPPENS = {
    "serve": "the request of {who} is served: {what}",
    "twice": "the request of {who} is served, and is still on its way once more: {what}",
    "late": "a request is served for whose answer nobody waits: {what}",
    "answer": "  {who} gets the answer: {what}",
    "unanswered": "  {who} waits in vain for the answer to: {what}",
    "event": "  {who} is shown: {what}",
    "hide": "  {who} is never shown: {what}",
    "wake": "  {who} wakes, since its time has come",
    "wait": "  {who} has waited until its time has come",
    "halt": "  {who} is halted for long",
    "cut": "  {who} loses its connection to NATS",
    "connect": "{who} is connected to NATS again",
    "restart": "{who} is killed and begins anew",
    "loss": "the bucket is lost and made anew",
    "drain": "pod {pod} is marked as deleted",
    "vanish": "pod {pod} ends",
    "end": "pod {pod} ends",
    "flip": "pod {pod} is Ready no more, or again",
    "create": "pod {pod} is created",
}


def narrate(dynamics: Dynamics, first: World, moves: Sequence[Move]) -> Iterator[str]:
    """Yield lines that tell a schedule whose last move may break a guarantee."""
    yield from _servers(dynamics, first)
    for number, seat in enumerate(first.seats):
        asked = "; ".join(_asked(dynamics.requests[call.request]) for call in seat.calls)
        yield f"{_who(dynamics, first, number)} has asked for: {asked or 'nothing'}"
    world = first
    for move in moves:
        yield _sentence(dynamics, world, move)
        try:
            world = dynamics.after(world, move)
        except AssertionError as broken:
            yield f"=> {str(broken) or 'an assertion of the core fails'}"
            return
    yield from _servers(dynamics, world)


def _servers(dynamics: Dynamics, world: World) -> Iterator[str]:
    api = dynamics.apis[world.api]
    pods = ", ".join(map(_pod, api.pods)) or "none"
    record = _record(dynamics.buckets[world.bucket].entry)
    yield f"record: {record}; status: {_status(api.resource.status)}; pods: {pods}"


def _sentence(dynamics: Dynamics, world: World, move: Move) -> str:
    seat, what = world.seats[move.seat], ""
    match move.what:
        case "late":
            what = _asked(dynamics.requests[world.ghosts[move.place]])
        case "serve" | "twice" | "unanswered":
            what = _asked(dynamics.requests[seat.calls[move.place].request])
        case "answer":
            call = seat.calls[move.place]
            what = f"{_asked(dynamics.requests[call.request])}: {_told(dynamics.messages[call.answer])}"
        case "event" | "hide":
            what = _told(dynamics.messages[getattr(seat, WATCHES[move.place])[0]])
    return _HAPPENS[move.what].format(who=_who(dynamics, world, move.seat), what=what, pod=move.pod)


def _who(dynamics: Dynamics, world: World, number: int) -> str:
    process = dynamics.processes[world.seats[number].process]
    return f"process {process.name}{process.life if process.life > 1 else ''}"


def _asked(request: Effect) -> str:
    match request:
        case effects.WriteLease(record, revision):
            return f"record {_holder(record)} after revision {revision}"
        case effects.WriteStatus(status, version):
            return f"status {_status(status)} over version {version}"
        case effects.WriteLabels(ref=ref, expected_term=expected, role=role, term=term):
            keeps = "its term" if term is None else f"term {term}"
            return f"labels of {ref.name} {role or 'no role'}, {keeps}, where its term is {expected or 'none'}"
        case effects.ReadPod(ref):
            return f"read of pod {ref.name}"
        case effects.ReadLease():
            return "read of the record"
        case effects.ReadResource():
            return "read of the status"
        case _:
            return "list of all pods"


def _told(message: Input) -> str:
    match message:
        case inputs.LeaseRead(Entry() as entry) | inputs.EntrySeen(entry):
            return f"record {_record(entry)}"
        case inputs.ResourceSeen(resource) | inputs.StatusWritten(resource) if resource is not None:
            return f"status {_status(resource.status)}, version {resource.resource_version}"
        case inputs.PodSeen(pod) | inputs.PodRead(pod=Pod() as pod):
            return f"pod {_pod(pod)}"
        case inputs.PodGone(uid):
            return f"pod {uid} is gone"
        case inputs.LeaseWritten(outcome) | inputs.LabelsWritten(outcome=outcome):
            return outcome
        case inputs.PodsListed(tuple(refs)):
            return ", ".join(ref.name for ref in refs)
        case _:
            return "refused"


def _record(entry: Entry) -> str:
    record = None if entry.value is None else parse(entry.value)
    return f"{_holder(record)}, revision {entry.revision}"


def _holder(record: object) -> str:
    return (
        f"term {record.term} of {record.holder or 'nobody'}" if isinstance(record, LeaseRecord) else "without a value"
    )


def _status(status: Status) -> str:
    leader = "nobody" if status.leader is None else status.leader.identity
    unfenced = ", ".join(ref.name for ref in status.unfenced) or "none"
    return f"term {status.term} of {leader}, floor {status.term_floor}, unfenced {unfenced}"


def _pod(pod: Pod) -> str:
    labels = f"{pod.role(ELECTION) or 'no role'}, {'no term' if pod.term(ELECTION) is None else pod.term(ELECTION)}"
    return f"{pod.name} ({labels}{'' if pod.ready else ', not Ready'}{', ending' if pod.terminating else ''})"
