"""How a process sees the cluster: a list and then events, as Kopf brings them from the API server's watches."""

from __future__ import annotations

from collections.abc import Callable

from model.api_server import PODS, SERVICES, SLICES, ApiServer, Change, Stored
from simulator.link import Link
from simulator.loop import Loop
from simulator.world import World
from tenure.api import PLURAL

RETRY_S = 1.0

WATCHED = (PLURAL, PODS, SERVICES, SLICES)

Tell = Callable[[str, str | None, Stored], None]
"""Kind of the object, type of the event (None in a list), and the object."""


class Watch:
    """Tells one life of a process of every object, and of what becomes of it.

    The events of one object come in their order, those of different objects may not. When the watch breaks, a list
    follows: it names what is there, and not what was deleted meanwhile. `repeats` is the probability that an event
    comes once more, up to a minute later.
    """

    def __init__(
        self, world: World, loop: Loop, link: Link, server: ApiServer, tell: Tell, *, lag_s: float, repeats: float
    ) -> None:
        self._world = world
        self._loop = loop
        self._link = link
        self._server = server
        self._tell = tell
        self._lag_s = lag_s
        self.repeats = repeats
        self._lives = 0
        self._told_until_s: dict[str, float] = {}
        self._stalled: set[str] = set()
        self._held: list[Change] = []
        server.on_change.append(self._hear)

    def end(self) -> None:
        """Hear nothing any more."""
        self._server.on_change.remove(self._hear)

    def begin(self) -> None:
        """List everything that is there now, and watch from there on."""
        self._lives += 1
        self._stalled, self._held = set(), []
        if self._link.is_cut:
            life = self._lives
            self._world.after(RETRY_S, lambda: self.begin() if life == self._lives else None)
            return
        stored = [(kind, one) for kind in WATCHED for one in self._server.objects(kind).values()]
        for kind, one in self._world.random.sample(stored, len(stored)):
            self._tell_later(kind, None, one)

    def stall(self, *kinds: str) -> None:
        """Hold events of these kinds of objects back, as a connection does that the network has lost."""
        self._stalled.update(kinds)

    def go_on(self) -> None:
        """Bring what was held back."""
        held, self._held = self._held, []
        self._stalled = set()
        for change in held:
            self._hear(change)

    def _hear(self, change: Change) -> None:
        if change.kind in self._stalled:
            self._held.append(change)
            return
        kind = "ADDED" if change.before is None else "MODIFIED" if change.after is not None else "DELETED"
        self._tell_later(change.kind, kind, change.object)

    def _tell_later(self, kind: str, event: str | None, stored: Stored) -> None:
        world, life = self._world, self._lives
        at_s = max(self._told_until_s.get(stored.uid, 0.0), world.now_s + world.delay_s(self._lag_s))
        self._told_until_s[stored.uid] = at_s

        def tell() -> None:
            if life == self._lives:
                self._loop.call_soon(self._tell, kind, event, stored)

        world.after(at_s - world.now_s, tell)
        if self.repeats and world.chance(self.repeats):
            world.after(at_s - world.now_s + world.random.uniform(0.0, 60.0), tell)
