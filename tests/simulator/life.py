"""One life of an operator process: the production runtime on a loop, a client, a bucket and a watch that are simulated.

It is put together as `tenure.process` does it, without Kopf, the NATS client and HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from model.api_server import NAMESPACE, NAMESPACE_UID, PODS, SERVICES, SLICES, ApiServer, Stored
from model.bucket import ModelBucket
from simulator.client import SimulatedClient
from simulator.leases import SimulatedLeases
from simulator.link import Link, Trouble
from simulator.loop import Loop
from simulator.watch import Watch
from simulator.world import World
from tenure.api import PLURAL
from tenure.election.candidacy import Candidacy
from tenure.election.clock import Instant
from tenure.election.effects import Effect
from tenure.election.election import Election
from tenure.election.inputs import Input
from tenure.election.mandate import Mandate
from tenure.election.resource import RecordName
from tenure.election.timing import Timing
from tenure.kubernetes.client import KubernetesClient
from tenure.metrics import Metrics
from tenure.nats.bucket import DEFAULT_BUCKET
from tenure.runtime.controller import Controller
from tenure.runtime.dispatcher import Seat
from tenure.runtime.leases import Leases
from tenure.runtime.operator_lease import OperatorLease, record_key
from tenure.runtime.record_book import RecordBook
from tenure.runtime.records import Records
from tenure.runtime.resync import Resync
from tenure.runtime.witness import Witness
from tenure.settings import Settings

ELECTION = "web"
OPERATOR_KEY = record_key(NAMESPACE_UID, "tenure")

OnDeed = Callable[[Effect | Input], None]
"""Called with each effect before it begins, and with each result before it is taken."""


@dataclass(slots=True)
class Machine:
    """What the processes of a world have in common.

    `rate_error` is by how much a clock may run too fast or too slow (0.01: one percent), `skew_s` by how much a wall
    clock may be wrong. With `replicas` the processes elect one of them that acts.
    """

    nats: Trouble = field(default_factory=Trouble)
    api: Trouble = field(default_factory=Trouble)
    watch_lag_s: float = 0.002
    watch_repeats: float = 0.0
    rate_error: float = 0.01
    skew_s: float = 300.0
    replicas: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a life has to do with."""

    world: World
    server: ApiServer
    bucket: ModelBucket
    machine: Machine
    nats: Link
    api: Link


class _Controller(Controller):
    """The production controller, which also shows every effect and every result to an observer."""

    def __init__(
        self,
        settings: Settings,
        client: KubernetesClient,
        records: Records,
        *,
        writer: str,
        read_clock: Callable[[], Instant],
        on_deed: OnDeed,
    ) -> None:
        super().__init__(
            settings, client, records, writer=writer, read_clock=read_clock, metrics=Metrics(self.readings)
        )
        self._on_deed = on_deed

    def _carry_out(self, seat: Seat, effect: Effect) -> None:
        self._on_deed(effect)
        super()._carry_out(seat, effect)

    def _take_result(self, seat: Seat, result: Input) -> None:
        self._on_deed(result)
        super()._take_result(seat, result)


class Life:
    """All that ends with the process. What is on its way to a server still arrives."""

    def __init__(self, around: Surroundings, writer: str, on_deed: OnDeed) -> None:
        machine, draw = around.machine, around.world.random
        self.writer = writer
        self._around = around
        self._on_deed = on_deed
        self.loop = Loop(  # type: ignore[abstract] # asks for no sockets, signals or threads
            around.world,
            offset_s=draw.uniform(0, 1e6),
            rate=1.0 + draw.uniform(-machine.rate_error, machine.rate_error),
            skew_s=draw.uniform(-machine.skew_s, machine.skew_s),
        )
        self.leases = SimulatedLeases(around.world, self.loop, around.nats, around.bucket)
        self.watch = Watch(
            around.world,
            self.loop,
            around.api,
            around.server,
            self._see,
            lag_s=machine.watch_lag_s,
            repeats=machine.watch_repeats,
        )
        self._controller: Controller | None = None
        self._candidacy: Candidacy | None = None
        self.loop.call_soon(self._begin)

    @property
    def election(self) -> Election | None:
        """What it decides with about the election, once it has opened it."""
        managed = self._controller._managed.get((NAMESPACE, ELECTION)) if self._controller is not None else None
        seat = managed.seat if managed is not None else None
        return seat.stepper._election if seat is not None and isinstance(seat.stepper, Witness) else None

    @property
    def mandate(self) -> Mandate:
        """What it may do at this moment."""
        if self._candidacy is not None:
            return self._candidacy.mandate(self.loop.time())
        return Mandate.STAND_BY if self._around.machine.replicas else Mandate.ACT

    def end(self) -> None:
        """End at once, whatever is under way."""
        self.loop.end()
        self.leases.end()
        self.watch.end()

    def _begin(self) -> None:
        around, machine = self._around, self._around.machine
        settings = Settings(release="tenure" if machine.replicas else "", endpoint_slices=True)
        client = SimulatedClient(around.world, self.loop, around.api, around.server)
        lease = self._join(settings) if machine.replicas else None
        controller = self._controller = _Controller(
            settings,
            client,
            Records(self.leases, RecordBook(DEFAULT_BUCKET), _connect_nowhere),
            writer=self.writer,
            read_clock=self.loop.now if lease is None else lease.now,
            on_deed=self._on_deed,
        )
        resync = Resync(settings, client, controller, self.leases)
        self.loop.create_task(resync.run(), name="resync")
        if lease is not None:
            lease.on_change(controller.reconsider)
            self.loop.create_task(lease.watch_api(client), name="watch of the API")
            self.loop.create_task(_campaign(lease, resync.has_compared), name="campaign")
        self.leases.connect()
        self.watch.begin()

    def _join(self, settings: Settings) -> OperatorLease:
        self._candidacy = Candidacy(
            identity=self.writer,
            writer=self.writer,
            namespace_uid=NAMESPACE_UID,
            timing=Timing.derive(settings.operator_lease_duration_s),
            poll_interval_s=settings.poll_interval_s,
        )
        return OperatorLease(self.leases, self._candidacy, key=OPERATOR_KEY)

    def _see(self, kind: str, event: str | None, stored: Stored) -> None:
        """Do what the handlers do with an event of Kopf."""
        controller = self._controller
        assert controller is not None
        if event is None:
            controller.wants_comparison.set()
        match kind, event:
            case (str(), "DELETED") if kind == PLURAL:
                controller.lose_resource((NAMESPACE, stored.name), stored.uid)
            case (str(), _) if kind == PLURAL:
                controller.see_resource(stored.resource)
            case (str(), "DELETED") if kind == PODS:
                controller.miss_pod(NAMESPACE, stored.pod)
            case (str(), _) if kind == SERVICES:
                controller.see_service(NAMESPACE, stored.name, stored.version)
            case (str(), _) if kind == SLICES:
                deleted = event == "DELETED"
                controller.see_slice((NAMESPACE, ELECTION), stored.name, stored.version, deleted=deleted)
            case _:
                controller.see_pod(NAMESPACE, stored.pod)


def _connect_nowhere(record: RecordName) -> Leases:
    raise AssertionError(record)


async def _campaign(lease: OperatorLease, everything_is_known: asyncio.Event) -> None:
    await everything_is_known.wait()
    lease.campaign()
