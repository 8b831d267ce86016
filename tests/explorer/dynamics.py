"""How small worlds go on.

What comes of a process and what it is told, or of a server and a request, is worked out once and remembered: most
worlds are new only in how old parts are put together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from explorer.process import Process, failure_of
from explorer.servers import Api, Bucket
from explorer.values import Catalogue, Fingerprints, copied
from explorer.world import PENDING, WATCHES, Budget, Call, Move, Seat, World, less
from tenure.election import effects, inputs
from tenure.election.alarm import FOREVER_S
from tenure.election.effects import Effect
from tenure.election.entry import Entry
from tenure.election.inputs import Input

T = TypeVar("T")

_NOTHING = -1
"""In the place of an event that is not there."""


class Dynamics:
    """How worlds go on, in which at most `terms` terms are claimed.

    `moves` are all things that may happen next, and `after` is what comes of one. It raises an AssertionError if that
    breaks a guarantee, or an assertion of the core.
    """

    def __init__(self, *, terms: int) -> None:
        fingerprints = Fingerprints()
        self.processes = Catalogue[Process](lambda process: process.key(fingerprints))
        self.requests = Catalogue[Effect](fingerprints.of)
        self.messages = Catalogue[Input](fingerprints.of)
        self.buckets = Catalogue[Bucket](fingerprints.of)
        self.apis = Catalogue[Api](fingerprints.of)
        self._terms = terms
        self._stepped: dict[tuple[object, ...], tuple[int, tuple[Call, ...]]] = {}
        self._served: dict[tuple[int, int], tuple[int, int, int]] = {}
        self._befallen: dict[tuple[int, Move], tuple[int, int]] = {}

    def begin(self, *, processes: int, pods: str) -> World:
        """Return a world in which all has just been created."""
        api = Api()
        for name in pods:
            api, _ = api.created(name)
        world = World(self.buckets.number(Bucket()), self.apis.number(api), ())
        return world._replace(seats=tuple(self._begin_process(world, name, 1) for name in "ABC"[:processes]))

    def is_ready(self, world: World) -> bool:
        """Whether the status says that all is well."""
        condition = self.apis[world.api].resource.status.condition("Ready")
        return condition is not None and condition.status == "True"

    # What may happen

    def moves(self, world: World) -> Iterator[Move]:
        """Yield all that may happen next."""
        for number, seat in enumerate(world.seats):
            yield from self._moves_of_calls(world, number, seat)
            yield from self._moves_of_process(world.left, number, seat)
        yield from self._moves_of_others(world)

    def _moves_of_calls(self, world: World, number: int, seat: Seat) -> Iterator[Move]:
        left = world.left
        for place, (request, answer) in enumerate(seat.calls):
            if answer != PENDING:
                yield Move("answer", number, place)
            elif not self._is_beyond(world, request):
                yield Move("serve", number, place)
                if left.twice and not isinstance(self.requests[request], _READS):
                    yield Move("twice", number, place)
            if left.unanswered:
                yield Move("unanswered", number, place)

    def _moves_of_process(self, left: Budget, number: int, seat: Seat) -> Iterator[Move]:
        process = self.processes[seat.process]
        for place, watch in enumerate(WATCHES):
            if getattr(seat, watch):
                yield Move("event", number, place)
                if left.hide:
                    yield Move("hide", number, place)
        if process.wakes_in_s <= 0:
            yield Move("wake", number)
        elif left.wait and process.wakes_in_s != FOREVER_S:
            yield Move("wait", number)
        if left.halt:
            yield Move("halt", number)
        if left.restart:
            yield Move("restart", number)
        if not process.is_connected:
            yield Move("connect", number)
        elif left.cut:
            yield Move("cut", number)

    def _moves_of_others(self, world: World) -> Iterator[Move]:
        """Yield what late requests do, and what befalls servers and pods."""
        left, pods = world.left, self.apis[world.api].pods
        yield from (Move("late", place=place) for place in range(len(world.ghosts)))
        if left.loss:
            yield Move("loss")
        for pod in pods:
            if pod.terminating:
                yield Move("end", pod=pod.name)
            else:
                yield from (Move(what, pod=pod.name) for what in ("drain", "vanish", "flip") if getattr(left, what))
        if left.create:
            yield Move("create", pod=next(name for name in "abcdef" if all(pod.name != name for pod in pods)))

    def _is_beyond(self, world: World, request: int) -> bool:
        """Whether a request would claim one term more than there are to be."""
        write = self.requests[request]
        if not isinstance(write, effects.WriteLease) or write.record is None:
            return False
        claimed = self.buckets[world.bucket].claimed
        return len(claimed) >= self._terms and write.record.term not in dict(claimed)

    # What comes of it

    def after(self, world: World, move: Move) -> World:
        """Return the world after a move."""
        if move.what in Budget._fields:
            world = world._replace(left=less(world.left, move.what))
        match move.what:
            case "drain" | "vanish" | "end" | "flip" | "create":
                world = self._befall(world, move)
            case "loss":
                lost = self.buckets[world.bucket].lost()
                world = world._replace(bucket=self.buckets.number(lost))
            case "late":
                rest = world._replace(ghosts=_without(world.ghosts, move.place))
                world, _ = self._serve(rest, world.ghosts[move.place])
            case "serve" | "twice" | "answer" | "unanswered":
                world = self._after_call(world, move)
            case _:
                world = self._after_process(world, move)
        return self._without_spent(world)

    def _after_call(self, world: World, move: Move) -> World:
        what, number, place, _ = move
        seat = world.seats[number]
        call, calls = seat.calls[place], _without(seat.calls, place)
        match what:
            case "answer":
                return world.seated(number, self._take(seat._replace(calls=calls), call.answer))
            case "unanswered":
                return self._lose(world, number, seat._replace(calls=calls), call)
            case _:
                world, answer = self._serve(world, call.request)
                seat = world.seats[number]  # The event of the write may be on its way to it.
                answered = tuple(sorted((*calls, Call(call.request, answer))))
                world = world.seated(number, seat._replace(calls=answered))
                return world.haunted(call.request) if what == "twice" else world

    def _after_process(self, world: World, move: Move) -> World:
        what, number, place, _ = move
        seat = world.seats[number]
        match what:
            case "event" | "hide":
                events: tuple[int, ...] = getattr(seat, WATCHES[place])
                rest = seat._replace(**{WATCHES[place]: events[1:]})  # type: ignore[arg-type]
                return world.seated(
                    number, self._take(rest, events[0]) if what == "event" else self._without_old_news(rest)
                )
            case "wake" | "wait":
                return world.seated(number, self._step(seat, "wait"))
            case "halt":
                return world.seated(number, self._step(seat, "halt"))
            case "restart":
                process = self.processes[seat.process]
                ghosts = (call.request for call in seat.calls if call.answer == PENDING)
                return world.haunted(*ghosts).seated(number, self._begin_process(world, process.name, process.life + 1))
            case "cut":
                lost = [call for call in seat.calls if isinstance(self.requests[call.request], _FOR_NATS)]
                rest = seat._replace(calls=tuple(call for call in seat.calls if call not in lost), entries=())
                return self._lose(world, number, rest, *lost, told=[self.messages.number(inputs.ConnectionChanged(0))])
            case "connect":
                told = (inputs.ConnectionChanged(1), *_shown(self.buckets[world.bucket].entry))
                return world.seated(number, self._take(seat, *map(self.messages.number, told)))
            case _:
                raise AssertionError(move)

    def _begin_process(self, world: World, name: str, life: int) -> Seat:
        """Return a process that has been told all that there is."""
        api = self.apis[world.api]
        told: list[Input] = [inputs.ConnectionChanged(1), inputs.ResourceSeen(api.resource)]
        told += [*_shown(self.buckets[world.bucket].entry), *map(inputs.PodSeen, api.pods), inputs.PodsComplete()]
        return self._take(Seat(self.processes.number(Process.begin(name, life))), *map(self.messages.number, told))

    def _lose(self, world: World, number: int, rest: Seat, *lost: Call, told: Sequence[int] = ()) -> World:
        """Let a process give up waiting for these, of which those that no server has served yet may still be."""
        failures = [self.messages.number(failure_of(self.requests[call.request])) for call in lost]
        world = world.haunted(*[call.request for call in lost if call.answer == PENDING])
        return world.seated(number, self._take(rest, *told, *failures))

    def _take(self, seat: Seat, *messages: int) -> Seat:
        return self._step(seat, "take", *messages)

    def _step(self, seat: Seat, how: str, *messages: int) -> Seat:
        """Let the process in a seat take messages, `wait`, or `halt`."""
        number, sent = self._known_step(seat.process, how, messages)
        calls = tuple(sorted((*seat.calls, *sent))) if sent else seat.calls
        return self._without_old_news(Seat(number, calls, seat.resources, seat.pods, seat.entries))

    def _known_step(self, number: int, how: str, messages: tuple[int, ...]) -> tuple[int, tuple[Call, ...]]:
        """Return what a process is after a step, and what it sends."""
        known = self._stepped.get((number, how, messages))
        if known is None:
            process = copied(self.processes[number])
            told = ([self.messages[one] for one in messages],) if how == "take" else ()
            sent = tuple(Call(self.requests.number(request)) for request in getattr(process, how)(*told))
            known = self._stepped[number, how, messages] = self.processes.number(process), sent
        return known

    def _without_old_news(self, seat: Seat) -> Seat:
        """Let a process take those events that change nothing, since it knows all that they show."""
        process, calls, *watches = seat
        return Seat(process, calls, *[self._news(process, events) for events in watches]) if any(watches) else seat

    def _news(self, process: int, events: tuple[int, ...]) -> tuple[int, ...]:
        while events and self._known_step(process, "take", events[:1]) == (process, ()):
            events = events[1:]
        return events

    def _serve(self, world: World, request: int) -> tuple[World, int]:
        """Return the world after a request was served, and the answer."""
        thing = self.requests[request]
        which = "bucket" if isinstance(thing, _FOR_NATS) else "api"
        number: int = getattr(world, which)
        known = self._served.get((request, number))
        if known is None:
            servers: Catalogue[Bucket] | Catalogue[Api] = self.buckets if which == "bucket" else self.apis
            after, answer, event = servers[number].serve(thing)
            shown = _NOTHING if event is None else self.messages.number(event)
            known = servers.number(after), self.messages.number(answer), shown  # type: ignore[arg-type]
            self._served[request, number] = known
        after_, told, event_ = known
        if event_ == _NOTHING:
            return world, told
        world = world._replace(bucket=after_) if which == "bucket" else world._replace(api=after_)
        return self._show(world, event_), told

    def _befall(self, world: World, move: Move) -> World:
        key = world.api, move
        if key not in self._befallen:
            happen: Callable[[Api, str], tuple[Api, Input]] = getattr(Api, _BEFALLS[move.what])
            api, event = happen(self.apis[world.api], move.pod)
            self._befallen[key] = self.apis.number(api), self.messages.number(event)
        number, shown = self._befallen[key]
        return self._show(world._replace(api=number), shown)

    def _show(self, world: World, event: int) -> World:
        """Let the watches of all processes show an event, some time."""
        match self.messages[event]:
            case inputs.ResourceSeen():
                watch = "resources"
            case inputs.EntrySeen():
                watch = "entries"
            case _:
                watch = "pods"
        return world._replace(seats=tuple([self._show_to(seat, watch, event) for seat in world.seats]))

    def _show_to(self, seat: Seat, watch: str, event: int) -> Seat:
        if watch == "entries" and not self.processes[seat.process].is_connected:
            return seat
        events: tuple[int, ...] = getattr(seat, watch)
        return self._without_old_news(seat._replace(**{watch: (*events, event)}))  # type: ignore[arg-type]

    def _without_spent(self, world: World) -> World:
        """Return the world without ghosts that can do nothing any more."""
        if not world.ghosts:
            return world
        return world._replace(ghosts=tuple(ghost for ghost in world.ghosts if not self._is_spent(world, ghost)))

    def _is_spent(self, world: World, ghost: int) -> bool:
        request = self.requests[ghost]
        server = self.buckets[world.bucket] if isinstance(request, _FOR_NATS) else self.apis[world.api]
        return server.is_spent(request)


_READS = effects.ReadLease | effects.ReadResource | effects.ReadPod | effects.ListPods
_FOR_NATS = effects.ReadLease | effects.WriteLease
_BEFALLS = {"drain": "drained", "vanish": "ended", "end": "ended", "flip": "flipped", "create": "created"}


def _shown(entry: Entry) -> tuple[Input, ...]:
    """Return what a new watch of the bucket shows first."""
    return (inputs.EntrySeen(entry, 0),) if entry.revision else ()


def _without(things: tuple[T, ...], place: int) -> tuple[T, ...]:
    return things[:place] + things[place + 1 :]
