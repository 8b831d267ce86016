"""The elections of one operator process: opened, told what happens, and closed."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from dataclasses import replace

from tenure.election.clock import Instant
from tenure.election.effects import Effect
from tenure.election.election import Election
from tenure.election.entry import Entry
from tenure.election.inputs import (
    ConnectionChanged,
    EntrySeen,
    Input,
    LabelsWritten,
    NodesCordoned,
    PodGone,
    PodRead,
    PodsComplete,
    PodSeen,
    ResourceSeen,
    RouteSeen,
    StatusWritten,
)
from tenure.election.mandate import Mandate
from tenure.election.pod import Pod
from tenure.election.resource import Resource, Spec
from tenure.election.selector import parse_selector
from tenure.kubernetes.client import KubernetesClient
from tenure.kubernetes.pods import insist_on_pod
from tenure.metrics import Metrics, Readings
from tenure.nats.store import LeaseStore
from tenure.runtime.dispatcher import Dispatcher, Seat
from tenure.runtime.executor import Executor
from tenure.runtime.keys import Key
from tenure.runtime.leases import Leases
from tenure.runtime.managed import Managed, narrow
from tenure.runtime.namespaces import Namespaces
from tenure.runtime.pods import PodIndex
from tenure.runtime.records import Records
from tenure.runtime.retirement import Retirement
from tenure.runtime.services import ServiceIndex
from tenure.runtime.tasks import Tasks
from tenure.runtime.witness import Witness
from tenure.settings import Settings

logger = logging.getLogger(__name__)

RETRY_AFTER_ERROR_S = 5.0
"""How long after a defect has ended an election another one begins in its place."""


class Controller:
    """Turns what Kubernetes and NATS show into inputs of the elections that it concerns.

    `writer` is this process's own name in lease records. `read_clock` also says what may be done at the moment. All
    methods are called on the event loop and do not block.
    """

    def __init__(
        self,
        settings: Settings,
        client: KubernetesClient,
        records: Records,
        *,
        writer: str,
        read_clock: Callable[[], Instant],
        metrics: Metrics,
    ) -> None:
        self.index = PodIndex()
        self.wants_comparison = asyncio.Event()
        """Set when something may have been missed: a watch began anew with a list, which does not name what was deleted
        meanwhile, or another process has acted until now."""
        self._settings = settings
        self._pod_selector = parse_selector(settings.pod_selector) if settings.pod_selector else None
        self._client = client
        self._records = records
        self._writer = writer
        self._read_clock = read_clock
        self._metrics = metrics
        self._managed: dict[Key, Managed] = {}
        self._cordoned: frozenset[str] = frozenset()
        self.services = ServiceIndex()
        self._namespaces = Namespaces(client, self.index, pod_selector=settings.pod_selector)
        self._tasks = Tasks()
        self._dispatcher = Dispatcher(read_clock, self._carry_out, self._replace)
        self._seats = itertools.count(1)
        self._executor = Executor(
            client,
            self._locate,
            instance=writer,
            read_clock=read_clock,
            writes_slices=settings.endpoint_slices,
            resource_is_gone=self.lose_resource,
        )
        self.retirement = Retirement(
            client, records.own, writer=writer, read_clock=read_clock, settings=settings, metrics=metrics
        )
        records.listen(on_entry=self.see_entry, on_connection=self.see_connection, on_change=self._reopen)

    async def close(self) -> None:
        """Decide nothing any more and end what is under way; leases and labels stay as they are."""
        self._dispatcher.close()
        await self._namespaces.close()
        await self._tasks.close()
        await self._executor.close()

    @property
    def acts(self) -> bool:
        """Whether this process may change anything at this moment."""
        return self._read_clock().mandate is Mandate.ACT

    def reconsider(self) -> None:
        """Step all elections: what may be done has changed."""
        if self.acts:
            self.wants_comparison.set()
        for managed in self._managed.values():
            if managed.seat is not None:
                self._dispatcher.wake(managed.seat)

    def resource(self, key: Key) -> Resource | None:
        """The last known version of an election's resource."""
        managed = self._managed.get(key)
        return managed.resource if managed is not None else None

    def keys(self) -> set[Key]:
        """The elections that are managed."""
        return set(self._managed)

    def readings(self) -> Readings:
        """What is shown of this process; of its elections only while it acts, so that no other shows them as well."""
        return Readings(
            acts=self.acts,
            mailbox_depth=sum(one.seat.mailbox.depth for one in self._managed.values() if one.seat is not None),
            elections=[one.figures for one in self._managed.values() if one.figures is not None] if self.acts else [],
        )

    def overdue_s(self) -> float:
        """See `Dispatcher.overdue_s`."""
        return self._dispatcher.overdue_s()

    def see_resource(self, resource: Resource) -> None:
        """Take a version of a resource."""
        key = (resource.namespace, resource.name)
        managed = self._managed.get(key)
        if managed is not None and resource.resource_version <= managed.resource.resource_version:
            return  # Known, or a late word of an earlier life.
        if managed is not None and managed.resource.uid != resource.uid:
            self.lose_resource(key, managed.resource.uid)
            managed = None
        others = self._records.book.enter(resource)
        record, narrowed = self._records.book.name_of(resource), self._narrow(resource)
        if managed is None:
            managed = self._managed[key] = Managed(resource, narrowed, record)
            self._start_opening(key, managed)
        else:
            managed.given, managed.resource = resource, narrowed
            if record != managed.record:
                managed.record = record
                self._reopen(key)
        for other in others:
            self._reopen(other)
        self._select(key, narrowed)
        if managed.seat is not None:
            self._tell_resource(key, managed.seat, narrowed)

    def lose_resource(self, key: Key, uid: str) -> None:
        """The resource with this UID is deleted: leave its lease and its labels to the retirement."""
        managed = self._managed.get(key)
        if managed is None or managed.resource.uid != uid:
            return
        del self._managed[key]
        for other in self._records.book.leave(key):
            self._reopen(other)
        self.index.select(key, None)
        self.services.select(key, ())
        if managed.seat is not None:
            self._dispatcher.remove(managed.seat)
        if all(namespace != key[0] for namespace, _ in self._managed):
            self._namespaces.forget(key[0])
        elif managed.namespace_uid is not None:
            self._tasks.start(self._look_at_namespace(key[0], managed.namespace_uid), name=f"look at {key[0]}")
        logger.info("Election deleted", extra={"election": "/".join(key)})
        if self.acts:
            uid_then = managed.namespace_uid
            retiring = self.retirement.retire(key, is_back=lambda: key in self._managed, namespace_uid=uid_then)
            self._tasks.start(retiring, name=f"retirement of {'/'.join(key)}")

    def see_pod(self, namespace: str, pod: Pod) -> None:
        """Take a version of a pod."""
        for name in self.index.see(namespace, pod):
            self.tell((namespace, name), PodSeen(pod))

    def miss_pod(self, namespace: str, pod: Pod) -> None:
        """The watch says that a pod is gone; where only some are watched it may have left only these: the API tells."""
        if self._pod_selector is None:
            self.lose_pod(namespace, pod.uid)
        else:
            self._tasks.start(self._look_for(namespace, pod), name=f"look for pod {namespace}/{pod.name}")

    async def _look_for(self, namespace: str, pod: Pod) -> None:
        found = await insist_on_pod(self._client, namespace, pod.ref)
        if found is None:
            self.lose_pod(namespace, pod.uid)
        else:
            self.see_pod(namespace, found)

    def lose_pod(self, namespace: str, uid: str) -> None:
        """The pod with this UID exists no more."""
        for name in self.index.lose(namespace, uid):
            self.tell((namespace, name), PodGone(uid))

    def see_node(self, name: str, *, cordoned: bool) -> None:
        """Take whether pods are to leave a node."""
        if cordoned is (name in self._cordoned):
            return
        self._cordoned = self._cordoned | {name} if cordoned else self._cordoned - {name}
        for managed in self._managed.values():
            if managed.seat is not None:
                self._dispatcher.post(managed.seat, NodesCordoned(self._cordoned))

    def see_service(self, namespace: str, name: str, version: int) -> None:
        """Take that a Service has this version."""
        for election in self.services.naming(namespace, name):
            self.tell((namespace, election), RouteSeen(f"Service/{name}", version))

    def see_slice(self, key: Key, name: str, version: int, *, deleted: bool) -> None:
        """Take that an EndpointSlice, which was written for an election, has this version."""
        self.services.see_slice(key, name, version, deleted=deleted)
        self.tell(key, RouteSeen(f"EndpointSlice/{name}", version))

    def see_entry(self, key: Key, entry: Entry, connection: int) -> None:
        """A watch has shown an election's record."""
        self.tell(key, EntrySeen(entry, connection))

    def see_connection(self, leases: Leases) -> None:
        """A bucket can be used on another connection, or on none."""
        for managed in self._managed.values():
            if managed.seat is not None and self._records.leases_of(managed.record) is leases:
                self._tell_connection(managed, managed.seat)

    def tell(self, key: Key, happened: Input) -> None:
        """Give an input to an election, if there is one."""
        managed = self._managed.get(key)
        if managed is not None and managed.seat is not None:
            self._dispatcher.post(managed.seat, happened)

    def _reopen(self, key: Key) -> None:
        """Let another election begin in the place of this one: its record is another, or its namespace."""
        managed = self._managed.get(key)
        if managed is None:
            return
        managed.resource = self._narrow(managed.given)
        self._select(key, managed.resource)
        if managed.seat is not None:
            self._dispatcher.remove(managed.seat)
            managed.seat = None
        self._start_opening(key, managed)

    def _select(self, key: Key, resource: Resource) -> None:
        if isinstance(resource.spec, Spec):
            self.index.select(key, resource.spec.selector, resource.spec.rules.selectors)
            self.services.select(key, resource.spec.services)

    def _start_opening(self, key: Key, managed: Managed, *, after_s: float = 0.0) -> None:
        self._tasks.start(self._open(key, managed, after_s), name=f"opening of {'/'.join(key)}")

    async def _open(self, key: Key, managed: Managed, after_s: float) -> None:
        await asyncio.sleep(after_s)
        managed.namespace_uid = namespace_uid = await self._namespaces.open(key[0])
        if self._managed.get(key) is not managed or managed.seat is not None:
            return
        election = Election(
            # A name for each: the nonces of one must not be those of another that ran for the same record before.
            writer=f"{self._writer}/{next(self._seats)}",
            namespace_uid=namespace_uid,
            poll_interval_s=self._settings.poll_interval_s,
        )
        witness = Witness(key, election, self._metrics)
        managed.seat, managed.figures = self._dispatcher.seat(key, witness), witness.figures
        self._tell_connection(managed, managed.seat)
        self._tell_resource(key, managed.seat, managed.resource)
        self._dispatcher.post(managed.seat, NodesCordoned(self._cordoned))
        for seen in self.services.seen(key):
            self._dispatcher.post(managed.seat, seen)
        self._dispatcher.post(managed.seat, PodsComplete())

    def _replace(self, seat: Seat) -> None:
        """An election has failed: begin another one after a while, which is told all that is known, and no result."""
        managed = self._managed.get(seat.who)
        if managed is not None and managed.seat is seat:
            managed.seat = None
            self._start_opening(seat.who, managed, after_s=RETRY_AFTER_ERROR_S)

    async def _look_at_namespace(self, namespace: str, uid: str) -> None:
        """One of several elections is gone: so may be the namespace, with an election that nobody has missed yet.

        Those that came with another one under its name were opened as if they were in this one.
        """
        if not await self._namespaces.is_another(namespace, uid):
            return
        self._namespaces.forget(namespace)
        for key, managed in self._managed.items():
            if key[0] == namespace and managed.namespace_uid in (None, uid):
                self._reopen(key)

    def _tell_resource(self, key: Key, seat: Seat, resource: Resource) -> None:
        """Tell an election of its resource, and of all pods that it selects now: the selector may be another."""
        self._dispatcher.post(seat, ResourceSeen(resource))
        for pod in self.index.concerning(key):
            self._dispatcher.post(seat, PodSeen(pod))

    def _locate(self, key: Key) -> tuple[LeaseStore, str]:
        record = self._managed[key].record
        return self._records.leases_of(record), record.key

    def _tell_connection(self, managed: Managed, seat: Seat) -> None:
        leases = self._records.leases_of(managed.record)
        connection, entry = leases.usable_connection, leases.entries.get(managed.record.key)
        self._dispatcher.post(seat, ConnectionChanged(connection))
        if connection and entry is not None:
            self._dispatcher.post(seat, EntrySeen(entry, connection))

    def _carry_out(self, seat: Seat, effect: Effect) -> None:
        managed = self._managed.get(seat.who)
        if managed is not None and managed.seat is seat:
            self._executor.carry_out(seat.who, managed.resource, effect, lambda result: self._take_result(seat, result))

    def _take_result(self, seat: Seat, result: Input) -> None:
        """Give a result to the election that asked, and what it tells of a pod to the index and to all others."""
        namespace, _ = seat.who
        managed = self._managed.get(seat.who)
        match result:
            case PodRead(pod=pod) | LabelsWritten(pod=pod) if pod is not None:
                self.see_pod(namespace, pod)
            case PodGone(uid):
                self.lose_pod(namespace, uid)
            case ResourceSeen(resource=resource) | StatusWritten(resource=resource) if resource is not None:
                narrowed = self._narrow(resource)
                result = replace(result, resource=narrowed)
                if managed is not None and managed.seat is seat:  # Another election in its place is told by the watch.
                    managed.learn(resource, narrowed)
        self._dispatcher.post(seat, result)

    def _narrow(self, resource: Resource) -> Resource:
        return narrow(resource, self._records.refusal(resource), self._pod_selector)
