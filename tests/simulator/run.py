"""One run: a world drawn from a seed, its faults, and what must hold."""

from __future__ import annotations

from dataclasses import dataclass

from model.bucket import ModelBucket
from simulator.cluster import ELECTION, Cluster
from simulator.faults import Faults, ShortFaults
from simulator.invariants import Invariants, Violation
from simulator.process import Process, Trouble
from simulator.world import World
from tenure.election.field import Field
from tenure.election.labels import PodRole
from tenure.election.timing import Timing


@dataclass(frozen=True, slots=True)
class Report:
    """What a run amounted to."""

    seed: int
    simulated_s: float
    events: int
    leader_changes: int
    faults: int


def simulate(seed: int, *, leases: float = 400.0) -> Report:
    """Run one seed for so many lease durations, or four times as many faults; then stop all faults and demand progress.

    Raises Violation.
    """
    world = World(seed)
    draw = world.random
    # In a hectic run leaders change as fast as requests are delayed: that is what late writes need to do harm.
    hectic = draw.random() < 0.4
    timing = Timing.derive(3 if hectic else draw.choice([3, 5, 15, 60, 600]))
    latency_s = 0.02 if hectic else draw.choice([0.002, 0.02, 0.2])
    cluster = Cluster(timing)
    bucket = ModelBucket(lambda: 1.8e9 + world.now_s)
    rolls_back = draw.random() < 0.15
    invariants = Invariants(world, cluster, bucket, bucket_is_honest=not rolls_back)
    trouble = Trouble(
        request=0.3 if hectic else draw.choice([0.0, 0.01, 0.1]),
        event_lost=draw.choice([0.0, 0.05]),
        event_repeated=draw.choice([0.0, 0.05]),
    )
    processes = [
        Process(f"op{number}", world, cluster, bucket, trouble, latency_s=latency_s)
        for number in range(draw.choice([1, 2, 3]))
    ]
    faults = Faults(world, cluster, bucket, processes, timing, rolls_back=rolls_back, hectic=hectic)
    for process in processes:
        process.start()
    faults.begin(pods=draw.randint(1, 5))
    while faults.count < 4 * leases and (hectic or world.now_s < leases * timing.duration_s):
        world.run_until(world.now_s + timing.duration_s)
    faults.end()
    trouble.request = trouble.event_lost = trouble.event_repeated = 0.0
    bound_s = 4 * timing.duration_s + 2 * 300 + 200 + 1000 * latency_s
    world.run_until(world.now_s + bound_s)
    check_progress(cluster, bound_s)
    return Report(seed, world.now_s, world.events, invariants.leader_changes, faults.count)


def simulate_short_faults(seed: int, *, leases: float = 400.0) -> Report:
    """Run one seed with faults that are all shorter than the lease and pods that do not fail: G6 besides all else."""
    world = World(seed)
    draw = world.random
    timing = Timing.derive(draw.choice([15, 60]))
    latency_s = draw.choice([0.002, 0.02])
    cluster = Cluster(timing)
    bucket = ModelBucket(lambda: 1.8e9 + world.now_s)
    invariants = Invariants(world, cluster, bucket, bucket_is_honest=True)
    processes = [
        Process(f"op{number}", world, cluster, bucket, Trouble(), latency_s=latency_s)
        for number in range(draw.choice([1, 2]))
    ]
    faults = ShortFaults(world, cluster, bucket, processes, timing)
    faults.begin(pods=draw.randint(2, 5))
    processes[0].start()
    world.run_until(2 * timing.duration_s)
    invariants.leader_must_stay = True
    for process in processes[1:]:
        process.start()
    world.run_until(leases * timing.duration_s)
    faults.end()
    world.run_until(world.now_s + 4 * timing.duration_s)
    check_progress(cluster, 4 * timing.duration_s)
    return Report(seed, world.now_s, world.events, invariants.leader_changes, faults.count)


def check_progress(cluster: Cluster, bound_s: float) -> None:
    """G5: with an eligible pod and everything reachable, its leader is labelled, shown and settled."""
    status = cluster.resource.status
    eligible = [pod for pod in cluster.pods.values() if Field(()).is_eligible(pod)]
    leaders = [pod for pod in cluster.pods.values() if pod.role(ELECTION) == PodRole.LEADER]
    if not eligible:
        return
    if len(leaders) != 1 or status.leader is None or status.leader.pod != leaders[0].ref:
        raise Violation(f"G5: no leader within {bound_s:.0f} s: {status}, {leaders}")
    if leaders[0] not in eligible or status.unfenced != ():
        raise Violation(f"G5: not settled within {bound_s:.0f} s: {status}, {leaders}")
    others = [pod for pod in cluster.pods.values() if pod not in leaders]
    if any(pod.role(ELECTION) != PodRole.FOLLOWER for pod in others if not pod.finished):
        raise Violation(f"G5: followers are not labelled within {bound_s:.0f} s: {others}")
