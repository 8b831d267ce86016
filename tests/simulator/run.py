"""One run: a world drawn from a seed, its faults, and what must hold."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from unittest.mock import patch

from model.bucket import ModelBucket
from simulator.cluster import Cluster
from simulator.faults import Faults
from simulator.invariants import Invariants, Violation, parse_once
from simulator.life import Machine
from simulator.loop import WALL_S, read_clock
from simulator.process import Process
from simulator.profile import KINDS, Profile
from simulator.progress import check_progress
from simulator.reasons import Reasons
from simulator.routing import Routing
from simulator.seeds import FAULTS
from simulator.trace import Trace
from simulator.world import World
from tenure.election import lease
from tenure.kubernetes.client import LIST_TIMEOUT_S
from tenure.runtime import clock


@dataclass(frozen=True, slots=True)
class Report:
    """What a run amounted to."""

    seed: int
    simulated_s: float
    events: int
    faults: int
    leader_changes: int
    renewals: int


def simulate(
    seed: int, *, faults: int = FAULTS, kind: str = "any", profile: Profile | None = None, traced: bool = False
) -> Report:
    """Run one seed for so many faults; then repair everything, demand progress, and demand rest.

    The world is drawn from the seed, as one of a `kind`, unless `profile` describes it; `traced` prints what happens.
    Raises Violation and Runaway.
    """
    world = World(seed)
    profile = KINDS[kind](world.random) if profile is None else profile
    profile = replace(profile, nats=replace(profile.nats), api=replace(profile.api))
    cluster = Cluster(
        world,
        profile.timing,
        ordinals=profile.ordinals,
        pods_campaign=profile.pods_campaign,
        routes=profile.routes,
    )
    cluster.server.cache_lag_s = profile.cache_lag_s
    bucket = ModelBucket(lambda: WALL_S + world.now_s)
    trace = Trace(world, cluster, bucket) if traced else None
    machine = Machine(
        nats=profile.nats,
        api=profile.api,
        watch_lag_s=profile.watch_lag_s,
        watch_repeats=profile.watch_repeats,
        rate_error=profile.rate_error,
        skew_s=profile.skew_s,
        replicas=profile.replicas,
    )
    processes = [Process(f"op{number}", world, cluster.server, bucket, machine) for number in range(profile.processes)]
    invariants = Invariants(
        world,
        cluster,
        bucket,
        processes,
        bucket_is_honest=profile.honest,
        clocks_agree=not profile.skew_s,
        loses_records=profile.loses_records,
        pods_campaign=profile.pods_campaign,
    )
    Routing(world, cluster)
    injected = Faults(world, profile, cluster, bucket, processes, invariants)
    if trace is not None:
        injected.tell = trace.say
    if profile.calm:
        Reasons(world, cluster, grace_s=profile.timing.duration_s)
    with (
        _ended(processes),
        _defects_raised(),
        patch.object(clock, "now", read_clock),
        patch.object(lease, "parse", parse_once),
    ):
        injected.begin()
        while injected.count < faults:
            world.run_until(world.now_s + min(profile.gaps_s))
        injected.end()
        check_progress(world, cluster, bound_s=4 * profile.timing.duration_s + LIST_TIMEOUT_S + 60)
    return Report(seed, world.now_s, world.events, injected.count, invariants.leader_changes, invariants.renewals)


class _Raise(logging.Handler):
    """An error in the log is a defect: a step that failed, a task that ended with an exception."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        raise Violation(f"{record.getMessage()}: {error!r}") from error


@contextmanager
def _ended(processes: Iterable[Process]) -> Iterator[None]:
    try:
        yield
    finally:
        for process in processes:
            process.kill()


@contextmanager
def _defects_raised() -> Iterator[None]:
    logger, handler = logging.getLogger("tenure"), _Raise(logging.ERROR)
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate
