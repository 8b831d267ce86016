"""The operator process: what starts in which order, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
import secrets
import socket
import threading
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any

import kopf

from tenure import __version__
from tenure.election.candidacy import Candidacy
from tenure.election.record import OPERATOR_WRITER_PREFIX
from tenure.election.resource import RecordName
from tenure.election.timing import Timing
from tenure.handlers import NoMemories, build_registry, build_settings
from tenure.health import HealthServer
from tenure.kubernetes.access import (
    CRD_NAME,
    absent_namespaces,
    crd_is_there,
    load_configuration,
    missing_permissions,
)
from tenure.kubernetes.client import KubernetesClient
from tenure.kubernetes.errors import ApiError, Refused
from tenure.kubernetes.metadata import read_namespace_uid
from tenure.metrics import Metrics, Readings
from tenure.nats.bucket import BucketSettings
from tenure.nats.connection import NatsSettings
from tenure.nats.store import Unavailable
from tenure.runtime import clock, tasks
from tenure.runtime.controller import Controller
from tenure.runtime.leases import Leases
from tenure.runtime.operator_lease import OperatorLease, record_key
from tenure.runtime.record_book import RecordBook
from tenure.runtime.records import Records
from tenure.runtime.resync import Resync
from tenure.runtime.stop_signals import catch_stop_signals, ignore_stop_signals
from tenure.self_report import report
from tenure.settings import Settings

logger = logging.getLogger(__name__)

STOP_TIMEOUT_S = 1.8
"""How long everything may take that is closed at the end, together."""

OVERDUE_S = 30.0
"""A timer that is so late will never ring: the event loop runs, since it answers, and rings within one turn whatever is
due, also after the process was halted for a while. Twice the default lease, so that no burden is taken for a defect."""

RETRY_S = 2.0
SAY_AGAIN_AFTER_S = 30.0


class OperatorFailed(Exception):
    """The operator cannot go on; the text says why."""


class OperatorProcess:
    """One run of the operator, from nothing to the end."""

    def __init__(
        self,
        settings: Settings,
        *,
        nats: NatsSettings,
        bucket: BucketSettings,
        kubeconfig: str | None,
        listen: tuple[str, int],
    ) -> None:
        self._settings = settings
        self._nats = nats
        self._bucket = bucket
        self._kubeconfig = kubeconfig
        self._metrics = Metrics(self._readings)
        self._health = HealthServer(
            *listen,
            unhealthy_because=self._unhealthy_because,
            not_ready_because=self._not_ready_because,
            render_metrics=self._metrics.render,
            report=self._report,
        )
        self._waits_for = "starting"
        self._records: Records | None = None
        self._lease: OperatorLease | None = None
        self._controller: Controller | None = None
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT.

        Waits, and says so, for NATS, for the CRD and for permissions. Raises NoConfiguration, BucketRefused and OSError
        for what only a person can mend, and OperatorFailed.
        """
        catch_stop_signals(self._end)
        async with contextlib.AsyncExitStack() as stack:
            await self._health.start()
            stack.push_async_callback(self._health.close)
            work = asyncio.create_task(self._work_on(), name="work of the operator")
            stop = asyncio.create_task(self._stop.wait(), name="wait for a signal")
            await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
            stop.cancel()
            if not work.done():
                work.cancel()
            try:
                await work
            except asyncio.CancelledError:
                logger.info("Stopped; leases and labels stay as they are")

    async def _work_on(self) -> None:
        """Work; begin anew when that ends for a reason that may pass, such as a CRD that was deleted."""
        configuration = await load_configuration(self._kubeconfig)
        client = KubernetesClient(configuration, lambda: load_configuration(self._kubeconfig))
        try:
            while True:
                try:
                    await self._work(client)
                except OperatorFailed as failure:
                    obstacle = await self._find_obstacle(client)
                    if not obstacle:
                        if failure.__cause__ is not None:  # A defect, of which the command line says one sentence only.
                            logger.exception("The operator cannot go on")
                        raise
                    logger.warning("%s The operator begins anew: %s", failure, obstacle)
        finally:
            await client.close()

    async def _work(self, client: KubernetesClient) -> None:
        writer = f"{OPERATOR_WRITER_PREFIX}{socket.gethostname()}/{secrets.token_hex(4)}"
        logger.info("Tenure starts", extra={"version": __version__, "instance": writer, "api": client.server})
        nats, count = dataclasses.replace(self._nats, client_name=f"tenure {writer}"), self._metrics.count_request
        leases = Leases(nats, self._bucket, count=count)
        book = RecordBook(self._bucket.name, self._settings.allowed_records)

        def connect(record: RecordName) -> Leases:
            # That it forgets records is for those who write them to bear.
            bucket = dataclasses.replace(self._bucket, name=record.bucket, least_max_age_s=0.0)
            return Leases(nats, bucket, keys=record.key, count=count)

        records = Records(leases, book, connect)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(leases.close)
            stack.push_async_callback(records.close)
            await self._await_api(client)
            await self._insist(leases.start)
            lease = await self._operator_lease(client, leases, writer)
            controller = Controller(
                self._settings,
                client,
                records,
                writer=writer,
                read_clock=lease.now if lease is not None else clock.now,
                metrics=self._metrics,
            )
            stack.push_async_callback(controller.close)
            self._records, self._lease, self._controller = records, lease, controller
            stack.callback(self._forget)
            if lease is not None:
                stack.push_async_callback(lease.close)
                lease.on_change(controller.reconsider)
            await self._watch(client, controller, Resync(self._settings, client, controller, leases), lease)

    async def _operator_lease(self, client: KubernetesClient, leases: Leases, writer: str) -> OperatorLease | None:
        """Return this process's part in the election among the replicas; None when it has none."""
        settings = self._settings
        if not settings.release:
            return None
        uid = ""

        async def read_uid() -> str:
            nonlocal uid
            try:
                uid = await read_namespace_uid(client, settings.operator_namespace)
            except ApiError as error:
                return f"Its own namespace cannot be read: {error}."
            return ""

        await self._until("its own namespace", read_uid)
        candidacy = Candidacy(
            identity=writer,
            writer=writer,
            namespace_uid=uid,
            timing=Timing.derive(settings.operator_lease_duration_s),
            poll_interval_s=settings.poll_interval_s,
        )
        return OperatorLease(leases, candidacy, key=record_key(uid, settings.release))

    def _forget(self) -> None:
        self._records = self._lease = self._controller = None

    def _readings(self) -> Readings:
        readings = self._controller.readings() if self._controller is not None else Readings()
        return dataclasses.replace(readings, nats_connected=self._is_connected)

    @property
    def _is_connected(self) -> bool:
        return self._records is not None and bool(self._records.own.usable_connection)

    async def _report(self, election: str) -> dict[str, Any]:
        """See `self_report`."""
        return await report(
            self._settings,
            waits_for=self._not_ready_because(),
            readings=self._readings(),
            records=self._records,
            find=self._controller.resource if self._controller is not None else lambda _: None,
            election=election,
        )

    def _unhealthy_because(self) -> str:
        """Return what only a restart mends. NATS or an API server that is away is no such thing."""
        timers = [one.overdue_s() for one in (self._controller, self._lease) if one is not None]
        overdue_s = max(timers, default=0.0)
        return f"The timers stand still: the first was due {overdue_s:.0f} s ago." if overdue_s > OVERDUE_S else ""

    def _not_ready_because(self) -> str:
        """Return what keeps it from acting, or from standing by with all that it needs to act at once."""
        if self._waits_for:
            return self._waits_for
        return "" if self._is_connected else "waiting for NATS: the connection is lost"

    async def _watch(
        self, client: KubernetesClient, controller: Controller, resync: Resync, lease: OperatorLease | None
    ) -> None:
        """Let Kopf watch, and compare, until this is cancelled. Raises OperatorFailed if any of it ends by itself."""
        ready = asyncio.Event()
        kopfs = await kopf.spawn_tasks(
            registry=build_registry(
                controller,
                kubeconfig=self._kubeconfig,
                with_nodes=self._settings.leave_cordoned_nodes,
                with_slices=self._settings.endpoint_slices,
            ),
            settings=build_settings(pod_selector=self._settings.pod_selector),
            memories=NoMemories(),
            # Kopf would ask for the user's name, which a container's user need not have. (It exports no Identity.)
            identity=socket.gethostname(),  # type: ignore[arg-type]
            standalone=True,
            clusterwide=not self._settings.namespaces,
            namespaces=self._settings.namespaces,
            ready_flag=ready,
        )
        catch_stop_signals(self._end)  # Kopf has put its own handlers in their place.
        watching = [*kopfs, asyncio.create_task(resync.run(), name="resync")]
        if lease is not None:
            watching.append(asyncio.create_task(lease.watch_api(client), name="watch of the API"))
        try:
            await _either(watching, ready.wait())
            self._waits_for = "waiting for the first list of elections and pods"
            await _either(watching, resync.has_compared.wait())
            self._waits_for = ""
            if lease is not None:
                lease.campaign()
            logger.info("Watching", extra={"namespaces": ",".join(self._settings.namespaces) or "all"})
            await _either(watching, (lease.has_failed if lease is not None else asyncio.Event()).wait())
        except Exception as error:
            raise OperatorFailed(f"Nothing can be watched any more: {error!r}.") from error
        else:
            raise OperatorFailed(
                "The operator's own lease has failed: the log says how."
                if lease is not None and lease.has_failed.is_set()
                else "Kopf has stopped watching without being asked to."
            )
        finally:
            self._waits_for = "stopping"
            if lease is not None:
                await lease.resign()  # First of all: from now on another replica may act.
            await controller.close()
            # Kopf's own end would wait five seconds for all that has begun since, such as the connection to NATS.
            await tasks.cancel(watching)
            tasks.forgive_generators()

    async def _await_api(self, client: KubernetesClient) -> None:
        await self._until("the Kubernetes API", lambda: self._find_obstacle(client))
        with contextlib.suppress(ApiError):  # Whoever needs the API next says that it does not answer.
            for name in await absent_namespaces(client, self._settings.namespaces):
                logger.warning("There is no namespace %s, which --namespace names: its elections wait for it", name)

    async def _find_obstacle(self, client: KubernetesClient) -> str:
        try:
            if not await crd_is_there(client):
                return f"The CRD {CRD_NAME} is not there yet: apply crds/leaderelections.yaml."
            missing = await missing_permissions(
                client,
                self._settings.namespaces,
                with_nodes=self._settings.leave_cordoned_nodes,
                with_slices=self._settings.endpoint_slices,
            )
        except Refused as error:
            return (
                f"The Kubernetes API at {client.server} refuses this account: {error}. See the user in the kubeconfig."
            )
        except ApiError as error:
            return f"The Kubernetes API at {client.server} does not answer: {error}."
        return f"This account may not {', '.join(missing)}: grant it in a role." if missing else ""

    async def _insist(self, start: Callable[[], Awaitable[None]]) -> None:
        async def attempt() -> str:
            try:
                await start()
            except Unavailable as error:
                return str(error)
            return ""

        await self._until("NATS", attempt)

    async def _until(self, what: str, find_obstacle: Callable[[], Awaitable[str]]) -> None:
        """Repeat until there is no obstacle, and say what it is when it is another one, and now and then."""
        loop = asyncio.get_running_loop()
        said, said_at_s = "", 0.0
        while obstacle := await find_obstacle():
            if obstacle != said or loop.time() >= said_at_s + SAY_AGAIN_AFTER_S:
                logger.warning("Waiting: %s Trying again every %g s.", obstacle, RETRY_S)
                said, said_at_s = obstacle, loop.time()
            self._waits_for = f"waiting for {what}: {obstacle}"
            await asyncio.sleep(RETRY_S)

    def _end(self) -> None:
        """Stop in order, and if that takes too long, as a crash would: another process goes on in either case."""
        ignore_stop_signals()
        self._stop.set()
        # A thread: what hangs may be the end of the event loop, which waits for look-ups of names.
        timer = threading.Timer(STOP_TIMEOUT_S, _give_up)
        timer.daemon = True
        timer.start()


def _give_up() -> None:
    logger.warning("The operator has not ended within %g s: it does so without waiting any longer", STOP_TIMEOUT_S)
    os._exit(0)


async def _either(watching: Collection[asyncio.Task[Any]], event: Coroutine[Any, Any, Any]) -> None:
    """Wait for an event, or for the end of one of these tasks; an error of theirs is raised."""
    waiting = asyncio.ensure_future(event)
    try:
        await asyncio.wait({*watching, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    for task in watching:
        if task.done():
            task.result()
