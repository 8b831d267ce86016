"""One operator process: started, halted and killed, with two links that can be cut."""

from __future__ import annotations

from dataclasses import dataclass, replace

from model.api_server import ApiServer
from model.bucket import ModelBucket
from simulator.life import Life, Machine, OnDeed, Surroundings
from simulator.link import Link
from simulator.watch import WATCHED
from simulator.world import World
from tenure.election.effects import Effect
from tenure.election.elector import Role
from tenure.election.inputs import Input
from tenure.election.mandate import Mandate


@dataclass(frozen=True, slots=True)
class Leading:
    """Who is counted as leader of which term; `writer` is the name with which the process writes records."""

    identity: str
    term: int
    writer: str


class Process:
    """A process over all its lives. For `on_deed` see `OnDeed`."""

    def __init__(self, name: str, world: World, server: ApiServer, bucket: ModelBucket, machine: Machine) -> None:
        self.name = name
        self.nats = Link(world, machine.nats)
        self._api = Link(world, machine.api)
        self._around = Surroundings(world, server, bucket, machine, self.nats, self._api)
        self._lives = 0
        self._life: Life | None = None
        self.on_deed: OnDeed = _ignore

    @property
    def mandate(self) -> Mandate:
        """What it may do at this moment, by its own clock."""
        return self._life.mandate if self._life is not None else Mandate.STAND_BY

    @property
    def leading(self) -> Leading | None:
        """Whom it counts as leader of which term at this moment, by its own clock."""
        election = self._life.election if self._life is not None else None
        elector = election.state.leading if election is not None else None
        if self._life is None or election is None or elector is None or election.state.lease is None:
            return None
        judged = replace(elector)
        judged.observe(self._life.loop.time(), election.state.lease, election.state.timing)
        if judged.role is not Role.LEADER:
            return None
        return Leading(judged.identity, judged.term, election._campaigner._name)

    def _show(self, deed: Effect | Input) -> None:
        self.on_deed(deed)

    def start(self) -> None:
        """Begin a new life, with empty caches and other clocks."""
        if self._life is None:
            self._lives += 1
            writer = f"operator/{self.name}/{self._lives}"
            self._life = Life(self._around, writer, self._show)

    def kill(self) -> None:
        """End at once."""
        if self._life is not None:
            self._life.end()
            self._life = None

    def pause(self, *, after_callbacks: int = 0) -> None:
        """Stop doing anything, perhaps in the middle of what it is about to do next."""
        if self._life is not None:
            self._life.loop.halt(after_callbacks=after_callbacks)

    def resume(self) -> None:
        """Go on."""
        if self._life is not None:
            self._life.loop.resume()

    def cut_nats(self) -> None:
        """Cut the link; nobody notices yet."""
        self.nats.is_cut = True

    def mend_nats(self) -> None:
        """Mend the link; the connection that was on it is replaced."""
        self.nats.is_cut = False
        self.reconnect()

    def lose_nats_connection(self) -> None:
        """Notice that there is no connection."""
        if self._life is not None:
            self._life.leases.disconnect()

    def reconnect(self) -> None:
        """Lose the connection to NATS, and get another one."""
        if self._life is not None:
            self._life.leases.disconnect()
            self._life.leases.connect()

    def silence_bucket_watch(self) -> None:
        """Let the watch of the bucket show nothing any more."""
        if self._life is not None:
            self._life.leases.silence_watch()

    def cut_api(self) -> None:
        """Cut the link, and with it the watch of the cluster."""
        self._api.is_cut = True
        if self._life is not None:
            self._life.watch.stall(*WATCHED)

    def mend_api(self, *, relists: bool) -> None:
        """Mend the link; the watch goes on where it was, or begins anew with a list."""
        self._api.is_cut = False
        if self._life is not None:
            if relists:
                self._life.watch.begin()
            else:
                self._life.watch.go_on()

    def stall_watch(self, *kinds: str) -> None:
        """Let no event of these kinds of objects come through."""
        if self._life is not None:
            self._life.watch.stall(*kinds)

    def end_watch_trouble(self) -> None:
        """Let no event come twice any more."""
        if self._life is not None:
            self._life.watch.repeats = 0.0


def _ignore(_deed: Effect | Input) -> None:
    pass
