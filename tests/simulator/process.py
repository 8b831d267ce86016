"""One operator process: the production core behind a network that loses, delays, repeats and reorders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from model.bucket import ModelBucket
from simulator.cluster import Cluster, Conflict, Event
from simulator.world import World
from tenure.election import effects, inputs
from tenure.election.clock import Instant
from tenure.election.election import Election
from tenure.election.entry import Entry
from tenure.election.inputs import Input, WriteOutcome
from tenure.election.pod import PodRef
from tenure.election.record import render
from tenure.nats.store import WrongRevision
from tenure.runtime.mailbox import Mailbox

KEY = "shop.web"
NAMESPACE_UID = "namespace"
API_TIMEOUT_S = 5.0
RESYNC_INTERVAL_S = 300.0


class Fate(Enum):
    """What becomes of a request."""

    GOOD = "answered"
    LOST = "never arrives"
    UNANSWERED = "arrives, the answer is lost"
    LATE = "arrives after the sender gave up"
    REPEATED = "arrives twice"
    REFUSED = "the server says that it did not serve it"


@dataclass(slots=True)
class Trouble:
    """How likely things go wrong, each as a probability for one request or event."""

    request: float = 0.0
    event_lost: float = 0.0
    event_repeated: float = 0.0


class Process:
    """An operator with a life (start, kill), a pause, two connections that can be cut, and clocks of its own."""

    def __init__(
        self, name: str, world: World, cluster: Cluster, bucket: ModelBucket, trouble: Trouble, *, latency_s: float
    ) -> None:
        self.name = name
        self.world = world
        self.trouble = trouble
        self.nats_cut = self.api_cut = False
        self._cluster = cluster
        self._bucket = bucket
        self._latency_s = latency_s
        self._rate = 1.0
        self._offset_s = 0.0
        self._skew_s = 0.0
        self._lives = 0
        self.is_running = False
        self.is_paused = False
        self.election: Election | None = None
        self._mailbox = Mailbox()
        self._connections = 0
        self._connection = 0
        self._step_is_due = False
        self._watch_is_silent = False
        self._last_event_s = self._last_entry_s = 0.0
        cluster.watchers.append(self._watch_cluster)
        bucket.listen(self._watch_bucket)

    # Life

    def start(self) -> None:
        """Begin a new life with empty caches, another clock offset and a fresh connection."""
        self._lives += 1
        self.is_running, self.is_paused = True, False
        self._rate = 1.0 + self.world.random.uniform(-0.01, 0.01)
        self._offset_s = self.world.random.uniform(0, 1e6)
        self._skew_s = self.world.random.uniform(-300, 300)
        self.election = Election(
            writer=f"operator/{self.name}/{self._lives}", namespace_uid=NAMESPACE_UID, poll_interval_s=2.0
        )
        self._mailbox = Mailbox()
        self._connection = 0
        self._step_is_due = False
        self.connect()
        self._when(self._latency_s, self._list)
        self._when(RESYNC_INTERVAL_S, self._resync)

    def kill(self) -> None:
        """End at once; what is on its way to a server still arrives."""
        self.is_running = False
        self._lives += 1

    def pause(self) -> None:
        """Stop doing anything, as SIGSTOP does."""
        self.is_paused = True

    def resume(self) -> None:
        """Go on; timers that are due and all mail come at once."""
        self.is_paused = False
        self._make_step_due(0.0)

    def connect(self) -> None:
        """Make a new connection to NATS, and a new watch on it."""
        if self.nats_cut or not self.is_running:
            return
        self._connections += 1
        self._connection = number = self._connections
        self._watch_is_silent = False
        self._when(self.world.delay_s(self._latency_s), lambda: self._show_snapshot(number))

    def disconnect(self) -> None:
        """Lose the connection to NATS."""
        if self._connection and self.is_running:
            self._connection = 0
            self.post(inputs.ConnectionChanged(0))

    def silence_watch(self) -> None:
        """Let the watch of the bucket show nothing any more, until the next connection."""
        self._watch_is_silent = True

    # The core

    def now(self) -> Instant:
        """Read this machine's clocks: any offset, up to one percent of rate error, minutes of skew."""
        return Instant(self._offset_s + self.world.now_s * self._rate, 1.8e9 + self.world.now_s + self._skew_s)

    def post(self, happened: Input) -> None:
        """Put an input into the mailbox."""
        self._mailbox.put(happened)
        self._make_step_due(0.0)

    def _make_step_due(self, delay_s: float) -> None:
        if not self._step_is_due and self.is_running:
            self._step_is_due = True
            self._when(delay_s, self._take_step)

    def _take_step(self) -> None:
        self._step_is_due = False
        if self.is_paused or self.election is None:
            return
        now = self.now()
        for effect in self.election.step(now, self._mailbox.take()):
            self._carry_out(effect)
        wakes_at_s = self.election.wakes_at_s
        if wakes_at_s != float("inf"):
            self._when(max((wakes_at_s - now.monotonic_s) / self._rate, 1e-6), self._wake)

    def _wake(self) -> None:
        if self.election is not None and self.now().monotonic_s >= self.election.wakes_at_s - 1e-6:
            self._make_step_due(0.0)

    def _when(self, delay_s: float, happen: Callable[[], None]) -> None:
        """Let something happen to this life of the process, if it still lasts."""
        life = self._lives

        def happen_if_alive() -> None:
            if self._lives == life and self.is_running:
                happen()

        self.world.after(delay_s, happen_if_alive)

    # Effects

    def _carry_out(self, effect: effects.Effect) -> None:
        match effect:
            case effects.WriteLease():
                self._write_lease(effect)
            case effects.ReadLease(timeout_s):
                connection = self._connection
                self._request(
                    lambda: inputs.LeaseRead(self._bucket.read(KEY)) if self._bucket.exists else inputs.LeaseRead(None),
                    failed=inputs.LeaseRead(None),
                    timeout_s=timeout_s,
                    is_cut=lambda: self.nats_cut or not connection,
                )
            case effects.WriteStatus():
                self._ask_api(lambda: self._write_status(effect), failed=inputs.StatusWritten(None))
            case effects.ReadResource():
                begun_at_s = self.now().monotonic_s
                self._ask_api(
                    lambda: inputs.ResourceSeen(self._cluster.resource, begun_at_s), failed=inputs.ResourceReadFailed()
                )
            case effects.WriteLabels(ref=ref):
                failed = inputs.LabelsWritten(ref, inputs.LabelOutcome.UNAVAILABLE)
                self._ask_api(lambda: self._cluster.write_labels(effect), failed=failed)
            case effects.ReadPod(ref):
                self._ask_api(lambda: self._read_pod(ref), failed=inputs.PodRead(ref, None))
            case effects.ListPods():
                self._ask_api(lambda: inputs.PodsListed(self._cluster.listed()), failed=inputs.PodsListed(None))
            case effects.Announce():
                pass

    def _write_lease(self, effect: effects.WriteLease) -> None:
        if self.nats_cut or effect.connection != self._connection:
            self.post(inputs.LeaseWritten(WriteOutcome.UNAVAILABLE))
            return
        value = None if effect.record is None else render(effect.record)

        def arrive() -> Input:
            if not self._bucket.exists:
                return inputs.LeaseWritten(WriteOutcome.UNAVAILABLE)
            try:
                revision = self._bucket.compare_and_set(KEY, value, expected_revision=effect.expected_revision)
            except WrongRevision:
                return inputs.LeaseWritten(WriteOutcome.WRONG_REVISION)
            return inputs.LeaseWritten(WriteOutcome.APPLIED, revision)

        self._request(
            arrive,
            failed=inputs.LeaseWritten(WriteOutcome.UNKNOWN),
            refused=inputs.LeaseWritten(WriteOutcome.UNAVAILABLE),
            timeout_s=effect.timeout_s,
            is_cut=lambda: self.nats_cut,
        )

    def _write_status(self, effect: effects.WriteStatus) -> Input:
        try:
            return inputs.StatusWritten(self._cluster.write_status(effect))
        except Conflict:
            return inputs.StatusWritten(None)

    def _read_pod(self, ref: PodRef) -> Input:
        pod = self._cluster.pod(ref)
        return inputs.PodGone(ref.uid) if pod is None else inputs.PodRead(ref, pod)

    def _ask_api(self, arrive: Callable[[], Input], *, failed: Input) -> None:
        self._request(arrive, failed=failed, timeout_s=API_TIMEOUT_S, is_cut=lambda: self.api_cut)

    def _request(  # noqa: C901 - one request, and everything that can become of it
        self,
        arrive: Callable[[], Input],
        *,
        failed: Input,
        timeout_s: float,
        is_cut: Callable[[], bool],
        refused: Input | None = None,
    ) -> None:
        """Send a request to meet its fate; exactly one result is posted, at the latest after `timeout_s`."""
        world = self.world
        fate = Fate.GOOD
        if is_cut():
            fate = Fate.LOST
        elif world.chance(self.trouble.request):
            fate = world.random.choice(list(Fate)[1:])
        if fate is Fate.REFUSED:
            self._when(world.delay_s(self._latency_s), lambda: self.post(refused or failed))
            return
        there_s, back_s = world.delay_s(self._latency_s), world.delay_s(self._latency_s)
        answered = False
        life = self._lives

        def give_up() -> None:
            nonlocal answered
            if not answered:
                answered = True
                self.post(failed)

        def deliver(result: Input) -> None:
            nonlocal answered
            if not answered and not is_cut() and self._lives == life:
                answered = True
                self.post(result)

        def arrive_and_answer() -> None:
            result = arrive()
            if fate in (Fate.GOOD, Fate.REPEATED):
                self._when(back_s, lambda: deliver(result))

        if fate is Fate.LATE:
            there_s += timeout_s * world.random.uniform(1, 4)
        if fate is not Fate.LOST:
            world.after(there_s, arrive_and_answer)
        if fate is Fate.REPEATED:
            world.after(there_s + world.delay_s(10 * self._latency_s), lambda: (arrive(), None)[1])
        self._when(timeout_s, give_up)

    # Watches

    def _watch_cluster(self, event: Event) -> None:
        if not self.is_running or self.api_cut:
            return
        hides = event.gone_uid is not None and self.world.chance(self.trouble.event_lost)
        if hides or self.world.chance(self.trouble.event_lost / 4):
            return
        at_s = max(self._last_event_s, self.world.now_s + self.world.delay_s(self._latency_s))
        self._last_event_s = at_s
        self._when(at_s - self.world.now_s, lambda: self._take_event(event))
        if self.world.chance(self.trouble.event_repeated):
            self._when(at_s - self.world.now_s + self.world.delay_s(30.0), lambda: self._take_event(event))

    def _take_event(self, event: Event) -> None:
        if event.resource is not None:
            self.post(inputs.ResourceSeen(event.resource))
        if event.pod is not None:
            self.post(inputs.PodSeen(event.pod))
        if event.gone_uid is not None:
            self.post(inputs.PodGone(event.gone_uid))

    def _list(self) -> None:
        """The first list: everything, and that it was everything."""
        if self.api_cut:
            self._when(1.0, self._list)
            return
        self.post(inputs.ResourceSeen(self._cluster.resource))
        for pod in self._cluster.pods.values():
            self.post(inputs.PodSeen(pod))
        self.post(inputs.PodsComplete())

    def _resync(self) -> None:
        """The listing every five minutes: what was missed is told."""
        self._when(RESYNC_INTERVAL_S, self._resync)
        if self.api_cut or self.is_paused or self.election is None:
            return
        self.post(inputs.ResourceSeen(self._cluster.resource))
        for pod in self._cluster.pods.values():
            self.post(inputs.PodSeen(pod))
        known = list(self.election.state.pods.values())
        for pod in known:
            if self._cluster.pod(pod.ref) is None:
                self.post(inputs.PodGone(pod.uid))

    def _watch_bucket(self, key: str, entry: Entry) -> None:
        number = self._connection
        if not number or self.nats_cut or self._watch_is_silent or not self.is_running or key != KEY:
            return
        at_s = max(self._last_entry_s, self.world.now_s + self.world.delay_s(self._latency_s))
        self._last_entry_s = at_s
        self._when(at_s - self.world.now_s, lambda: self.post(inputs.EntrySeen(entry, number)))

    def _show_snapshot(self, number: int) -> None:
        if number != self._connection:
            return
        self.post(inputs.ConnectionChanged(number))
        entry = self._bucket.read(KEY) if self._bucket.exists else None
        if entry is not None and entry.revision:
            self.post(inputs.EntrySeen(entry, number))
