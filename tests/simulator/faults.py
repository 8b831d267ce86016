"""What goes wrong, and when: drawn from the seed, by the weights of the profile."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from model.api_server import PODS
from model.bucket import ModelBucket
from simulator.cluster import Cluster
from simulator.invariants import Invariants
from simulator.nodes import Nodes
from simulator.pod_faults import PodFaults
from simulator.process import Process
from simulator.profile import Profile
from simulator.route_faults import RouteFaults
from simulator.user_faults import UserFaults
from simulator.watch import WATCHED
from simulator.world import World
from tenure.api import PLURAL

_UNTIL_PODS_ARE_BACK_S = 20.0


class Faults:
    """Injects faults until `end`, which repairs everything.

    Each kind is a method of this class or of one of its parts, by the name that the profile gives it a weight for.
    """

    def __init__(
        self,
        world: World,
        profile: Profile,
        cluster: Cluster,
        bucket: ModelBucket,
        processes: Sequence[Process],
        invariants: Invariants,
    ) -> None:
        self._world = world
        self._profile = profile
        self._cluster = cluster
        self._bucket = bucket
        self._processes = processes
        self._history = invariants.history
        self._over = False
        self._undone: list[Callable[[], None]] = []
        self.pods = PodFaults(world, profile, cluster, self.for_a_while)
        self.routes = RouteFaults(world, cluster, self.for_a_while)
        self.users = UserFaults(world, profile, cluster, self.for_a_while, invariants.forged)
        self.nodes = Nodes(world, profile, cluster, bucket, record_lost=self._history.lose_record)
        self.tell: Callable[[str], None] = lambda _: None
        self.count = 0
        self.counts: dict[str, int] = {}
        parts = (self, self.pods, self.routes, self.users, self.nodes)
        self._kinds: dict[str, Callable[[], None]] = {
            kind: next(getattr(part, kind) for part in parts if hasattr(part, kind)) for kind in profile.faults
        }
        self._weights = [profile.faults[kind] for kind in self._kinds]

    def begin(self) -> None:
        """Create the pods, start the processes and let trouble begin."""
        for process in self._processes:
            process.start()
        for number in range(self._profile.pods):
            self.pods.create(f"web-{number}")
        self._next()

    def end(self) -> None:
        """Repair everything."""
        self._over = True
        self.tell("faults end")
        for undo in self._undone:
            undo()
        self._undone = []
        self._profile.nats.end()
        self._profile.api.end()
        self.nodes.end()
        self.users.end()
        self.routes.end()
        self._bucket.make()
        for process in self._processes:
            process.end_watch_trouble()
            process.start()
            process.resume()
            if process.nats.is_cut:
                process.mend_nats()
            process.mend_api(relists=True)
        self.pods.end()
        if self._profile.pods_campaign:
            self._world.after(_UNTIL_PODS_ARE_BACK_S, self._start_the_last_node)

    def _start_the_last_node(self) -> None:
        """One that nothing befalls any more: it is to be shown in the end."""
        if self._cluster.eligible:
            self.nodes.start_in(self._cluster.eligible[0])

    def for_a_while(self, undo: Callable[[], None]) -> None:
        """Undo a fault after a time that is drawn, at the latest when all faults end."""
        length_s = self._world.random.choice(self._profile.lengths_s)
        if self._profile.calm:
            length_s *= self._world.random.random()
        else:
            length_s *= self._world.random.expovariate(1.0)
        self._undone.append(undo)

        def end() -> None:
            if undo in self._undone:
                self._undone.remove(undo)
                undo()

        self._world.after(length_s, end)

    def _next(self) -> None:
        draw = self._world.random
        self._world.after(draw.choice(self._profile.gaps_s) * draw.expovariate(1.0), self._inject)

    def _inject(self) -> None:
        if self._over:
            return
        (kind,) = self._world.random.choices(list(self._kinds), self._weights)
        self.count += 1
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.tell(f"fault     {kind}")
        self._kinds[kind]()
        self._next()

    # Processes

    def _process(self) -> Process:
        return self._world.random.choice(self._processes)

    def kill(self) -> None:
        process = self._process()
        process.kill()
        self.for_a_while(process.start)

    def pause(self) -> None:
        process = self._process()
        process.pause()
        self.for_a_while(process.resume)

    def pause_midway(self) -> None:
        """Halt a process in the middle of what it does next."""
        process = self._process()
        process.pause(after_callbacks=self._world.random.randint(1, 30))
        self.for_a_while(process.resume)

    def cut_nats(self) -> None:
        """Cut a process off; it notices at once, or after some pings without an answer."""
        process = self._process()
        process.cut_nats()
        noticed_s = self._world.random.choice([0.0, 4.0])
        self._world.after(noticed_s, lambda: process.lose_nats_connection() if process.nats.is_cut else None)
        self.for_a_while(process.mend_nats)

    def reconnect(self) -> None:
        self._process().reconnect()

    def silence_bucket_watch(self) -> None:
        self._process().silence_bucket_watch()

    def cut_api(self) -> None:
        process = self._process()
        process.cut_api()
        relists = self._world.chance(0.5)
        self.for_a_while(lambda: process.mend_api(relists=relists))

    def break_watch(self) -> None:
        """Break the watch of the cluster: after a while a list follows, which does not show what was deleted."""
        process = self._process()
        process.stall_watch(*WATCHED)
        self.for_a_while(lambda: process.mend_api(relists=True))

    def stall_watch(self) -> None:
        """Stall the watch of pods, of elections, or all: each has a connection of its own."""
        process = self._process()
        process.stall_watch(*self._world.random.choice([(PODS,), (PLURAL,), WATCHED]))
        self.for_a_while(lambda: process.mend_api(relists=False))

    # NATS

    def stop_nats(self) -> None:
        """Stop the server for all."""
        for process in self._processes:
            process.cut_nats()
            process.lose_nats_connection()

        def start() -> None:
            for process in self._processes:
                process.mend_nats()

        self.for_a_while(start)

    def lose_bucket(self) -> None:
        """Lose the bucket with everything in it: for a moment, or until somebody makes it again; at times twice."""
        self._lose_bucket_now()
        if self._world.chance(0.3):
            self._world.after(self._world.random.choice(self._profile.gaps_s) * 0.1, self._lose_bucket_now)
        self.for_a_while(self._bucket.make)

    def _lose_bucket_now(self) -> None:
        if not self._over:
            self._bucket.lose()
            self._history.lose_record()

    def roll_back(self) -> None:
        """Take the last writes back, as an unsynced server that lost power shows."""
        if self._bucket.exists:
            self._bucket.roll_back(self._world.random.randint(1, 5))
            self._history.lose_record()
            for process in self._processes:
                process.reconnect()
