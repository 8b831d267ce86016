"""What goes wrong, and when: drawn from the seed, with gaps that scale with the lease."""

from __future__ import annotations

from collections.abc import Callable

from model.bucket import ModelBucket
from simulator.cluster import SELECTED, Cluster
from simulator.process import Process
from simulator.world import World
from tenure.election.timing import Timing

MAX_PODS = 8


class _ProcessFaults:
    """What can befall an operator, for a time that the subclass draws."""

    def __init__(self, world: World, processes: list[Process]) -> None:
        self._world = world
        self._processes = processes

    def _draw_length_s(self) -> float:
        raise NotImplementedError

    def _for_a_while(self, undo: Callable[[], None]) -> None:
        self._world.after(self._draw_length_s(), undo)

    def _process(self) -> Process:
        return self._world.random.choice(self._processes)

    def _kill(self) -> None:
        process = self._process()
        if process.is_running:
            process.kill()
            self._for_a_while(lambda: None if process.is_running else process.start())

    def _pause(self) -> None:
        process = self._process()
        process.pause()
        self._for_a_while(process.resume)

    def _cut_nats(self) -> None:
        """Cut a process off; it may notice at once or after some pings without an answer."""
        process = self._process()
        process.nats_cut = True
        noticed_s = self._world.random.choice([0.0, 4.0])
        self._world.after(noticed_s, lambda: process.disconnect() if process.nats_cut else None)

        def mend() -> None:
            process.nats_cut = False
            process.disconnect()
            process.connect()

        self._for_a_while(mend)

    def _cut_api(self) -> None:
        process = self._process()
        process.api_cut = True

        def mend() -> None:
            process.api_cut = False

        self._for_a_while(mend)

    def _reconnect(self) -> None:
        process = self._process()
        process.disconnect()
        process.connect()


class Faults(_ProcessFaults):
    """Injects faults until `end`; everything is repaired then."""

    def __init__(
        self,
        world: World,
        cluster: Cluster,
        bucket: ModelBucket,
        processes: list[Process],
        timing: Timing,
        *,
        rolls_back: bool,
        hectic: bool,
    ) -> None:
        super().__init__(world, processes)
        self._cluster = cluster
        self._bucket = bucket
        self._lease_s = timing.duration_s
        self._over = False
        self.count = 0
        paces = (0.2, 0.6) if hectic else (0.01, 0.3, 3.0)
        self._gaps_s = [pace * self._lease_s for pace in paces]
        kinds: list[tuple[Callable[[], None], int]] = [
            (self._end_pod, 6),
            (self._flip_readiness, 6),
            (self._deselect, 1),
            (self._finish_pod, 1),
            (self._kill, 2),
            (self._pause, 4),
            (self._cut_nats, 3),
            (self._cut_api, 3),
            (self._reconnect, 3),
            (self._silence_watch, 2),
            (self._lose_bucket, 1),
        ]
        if rolls_back:
            kinds.append((self._roll_back, 3))
        # Some seeds get only some kinds: faults that mask each other must not always come together.
        kept = [kind for kind in kinds if world.chance(0.7)] or kinds
        self._kinds = [kind for kind, weight in kept for _ in range(weight)]

    def begin(self, *, pods: int) -> None:
        """Create the pods and let trouble begin."""
        for number in range(pods):
            self._create_pod(f"web-{number}")
        self._next()

    def end(self) -> None:
        """Repair everything."""
        self._over = True
        self._bucket.make()
        for process in self._processes:
            process.nats_cut = process.api_cut = False
            if not process.is_running:
                process.start()
            if process.is_paused:
                process.resume()
            process.disconnect()
            process.connect()
        for pod in list(self._cluster.pods.values()):
            if not pod.terminating and not pod.ready:
                self._cluster.change_pod(pod, ready=True, ready_since_s=self._world.now_s)

    def _next(self) -> None:
        self._world.after(self._world.random.choice(self._gaps_s) * self._world.random.expovariate(1.0), self._inject)

    def _inject(self) -> None:
        if self._over:
            return
        self.count += 1
        self._world.random.choice(self._kinds)()
        self._next()

    def _draw_length_s(self) -> float:
        return self._world.random.choice([0.05, 0.5, 2.0]) * self._lease_s * self._world.random.expovariate(1.0)

    def _create_pod(self, name: str) -> None:
        pod = self._cluster.create_pod(name, now_s=self._world.now_s)
        self._world.after(self._world.delay_s(0.1 * self._lease_s), lambda: self._make_ready(pod.name, pod.uid))

    def _make_ready(self, name: str, uid: str) -> None:
        pod = self._cluster.pods.get(name)
        if pod is not None and pod.uid == uid and not pod.ready:
            self._cluster.change_pod(pod, ready=True, ready_since_s=self._world.now_s)

    def _any_pod(self) -> str | None:
        """Draw a pod, the leader more often than the others."""
        names = sorted(self._cluster.pods)
        leader = self._cluster.resource.status.leader
        if leader is not None and leader.pod is not None and leader.pod.name in names and self._world.chance(0.5):
            return leader.pod.name
        return self._world.random.choice(names) if names else None

    def _end_pod(self) -> None:
        """Delete a pod: most drain first; most come back under their name."""
        name = self._any_pod()
        if name is None:
            return
        pod = self._cluster.pods[name]
        if self._world.chance(0.7):
            self._cluster.change_pod(pod, terminating=True)
        uid = pod.uid

        def gone() -> None:
            known = self._cluster.pods.get(name)
            if known is not None and known.uid == uid:
                self._cluster.end_pod(name)
                back = name if self._world.chance(0.8) else f"web-{self._world.random.randint(5, 99)}"
                if back not in self._cluster.pods:
                    self._create_pod(back)

        self._world.after(self._world.delay_s(0.1 * self._lease_s), gone)

    def _flip_readiness(self) -> None:
        name = self._any_pod()
        if name is not None:
            pod = self._cluster.pods[name]
            self._cluster.change_pod(pod, ready=not pod.ready, ready_since_s=self._world.now_s)

    def _deselect(self) -> None:
        """Relabel a pod so that it is no candidate any more, or is one again."""
        name = self._any_pod()
        if name is None:
            return
        pod = self._cluster.pods[name]
        labels = {**(pod.labels or {}), "app": "other" if (pod.labels or {}).items() >= SELECTED.items() else "web"}
        self._cluster.change_pod(pod, labels=labels)

        def select_again() -> None:
            known = self._cluster.pods.get(name)
            if known is not None and known.uid == pod.uid:
                self._cluster.change_pod(known, labels={**(known.labels or {}), **SELECTED})

        self._for_a_while(select_again)

    def _finish_pod(self) -> None:
        name = self._any_pod()
        if name is not None:
            pod = self._cluster.change_pod(self._cluster.pods[name], finished=True, ready=False)
            self._for_a_while(lambda: self._remove(name, pod.uid))

    def _remove(self, name: str, uid: str) -> None:
        pod = self._cluster.pods.get(name)
        if pod is not None and pod.uid == uid:
            self._cluster.end_pod(name)
            self._create_pod(name)

    def _silence_watch(self) -> None:
        self._process().silence_watch()

    def _lose_bucket(self) -> None:
        self._bucket.lose()
        self._for_a_while(self._bucket.make)

    def _roll_back(self) -> None:
        if self._bucket.exists and self._bucket._writes:
            self._bucket.roll_back(min(self._world.random.randint(1, 5), len(self._bucket._writes)))


class ShortFaults(_ProcessFaults):
    """Restarts, pauses, cuts and reconnects that all end well before the lease does; pods come and stay Ready."""

    def __init__(
        self, world: World, cluster: Cluster, bucket: ModelBucket, processes: list[Process], timing: Timing
    ) -> None:
        super().__init__(world, processes)
        self._cluster = cluster
        self._bucket = bucket
        self._lease_s = timing.duration_s
        self._longest_s = timing.renew_interval_s
        self._over = False
        self._pods = 0
        self.count = 0

    def begin(self, *, pods: int) -> None:
        """Create the pods and let trouble begin once the first leader has been found."""
        for _ in range(pods):
            self._create_pod()
        self._world.after(3 * self._lease_s, self._inject)

    def end(self) -> None:
        """Inject nothing any more; what is broken is mended by itself."""
        self._over = True

    def _inject(self) -> None:
        if self._over:
            return
        self.count += 1
        kinds = [self._kill, self._pause, self._cut_nats, self._cut_api, self._reconnect, self._create_pod]
        self._world.random.choice(kinds)()
        self._world.after(self._lease_s * self._world.random.uniform(1.0, 3.0), self._inject)

    def _create_pod(self) -> None:
        if self._pods < MAX_PODS:
            name = f"web-{self._pods}"
            self._pods += 1
            pod = self._cluster.create_pod(name, now_s=self._world.now_s)
            self._world.after(0.1, lambda: self._make_ready(pod.name))

    def _make_ready(self, name: str) -> None:
        self._cluster.change_pod(self._cluster.pods[name], ready=True, ready_since_s=self._world.now_s)

    def _draw_length_s(self) -> float:
        return self._longest_s * self._world.random.random()
