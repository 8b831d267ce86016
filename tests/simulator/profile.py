"""What a world is like: its machines, and which faults come how often. A general one is drawn from the seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from simulator.link import Trouble
from tenure.election.timing import Timing

OF_PROCESSES = {
    "kill": 2,
    "pause": 3,
    "pause_midway": 2,
    "cut_nats": 3,
    "cut_api": 3,
    "reconnect": 2,
    "silence_bucket_watch": 2,
    "break_watch": 2,
    "stall_watch": 2,
}
OF_PODS = {"end_pod": 6, "flip_readiness": 6, "deselect": 1, "finish_pod": 1, "refuse_labels": 1}
OF_NATS = {"lose_bucket": 1, "stop_nats": 1}
OF_USERS = {
    "recreate_election": 1,
    "change_selector": 1,
    "change_timing": 1,
    "suspend": 1,
    "switch_over": 2,
    "change_rules": 2,
    "forge_term": 1,
    "drift": 1,
}
OF_ROUTES = {"delete_slice": 1, "forge_slice": 1, "unname_service": 1}
OF_NODES = {"start_node": 2, "crash_node": 1, "resign_node": 1}

CALM = {
    "kill": 1,
    "pause": 1,
    "cut_nats": 1,
    "cut_api": 1,
    "reconnect": 1,
    "break_watch": 1,
    "stall_watch": 1,
    "end_pod": 1,
    "flip_readiness": 1,
    "add_pod": 1,
    "switch_over": 2,
}


_LOSSES = {"lose_bucket", "roll_back", "recreate_election", "forge_term", "start_node"}


@dataclass(frozen=True, slots=True)
class Profile:
    """See the module.

    With `ordinals` pods are numbered, `born_ready` ones are Ready at once; with `replicas` the processes elect one of
    them that acts (else all do). `nats` and `api` are the trouble on the links; for `watch_…`, `cache_lag_s`,
    `rate_error` and `skew_s` see `Watch`, `ApiServer` and `Machine`.

    `gaps_s` and `lengths_s` are typical times, of which one is drawn for each gap between faults and for the length of
    each. In a `calm` world faults of the surroundings end within a renew interval, so a leader may only change for a
    reason that lies in its own pod (G6). With `pods_campaign` the nodes run in pods, and nobody campaigns for others.
    With `routes` the election names a Service.
    """

    timing: Timing = field(default_factory=lambda: Timing.derive(3))
    processes: int = 2
    pods: int = 3
    ordinals: bool = False
    born_ready: bool = False
    replicas: bool = False
    nats: Trouble = field(default_factory=Trouble)
    api: Trouble = field(default_factory=Trouble)
    watch_lag_s: float = 0.002
    watch_repeats: float = 0.0
    cache_lag_s: float = 0.0
    rate_error: float = 0.01
    skew_s: float = 300.0
    faults: Mapping[str, int] = field(default_factory=lambda: {**OF_PROCESSES, **OF_PODS})
    gaps_s: tuple[float, ...] = (1.0,)
    lengths_s: tuple[float, ...] = (0.5, 5.0)
    calm: bool = False
    pods_campaign: bool = False
    routes: bool = False

    @property
    def honest(self) -> bool:
        """Whether NATS never takes back what it acknowledged."""
        return "roll_back" not in self.faults

    @property
    def loses_records(self) -> bool:
        """Whether something happens after which a record is lost, or seems to be."""
        return bool(self.faults.keys() & _LOSSES)


def draw(chance: random.Random) -> Profile:
    """Draw a world of any kind: one in five is calm."""
    return draw_calm(chance) if chance.random() < 0.2 else draw_troubled(chance)


def draw_troubled(chance: random.Random) -> Profile:
    """Draw a world in which everything goes wrong that can."""
    # In a hectic world leaders change as fast as requests are delayed: that is what late writes need to do harm.
    is_hectic = chance.random() < 0.4
    timing = Timing.derive(3 if is_hectic else round(10 ** chance.uniform(0.5, 3.55)))
    lease_s = timing.duration_s
    latency_s = chance.choice([0.002, 0.02, 0.2])
    any_trouble = 0.3 if is_hectic else chance.choice([0.0, 0.01, 0.1])
    kinds = {**OF_PROCESSES, **OF_PODS, **OF_NATS, **OF_USERS}
    if chance.random() < 0.2:
        kinds["roll_back"] = 5
    if chance.random() < 0.3:
        kinds |= OF_NODES
    # Some worlds have only some kinds: faults that mask each other must not always come together.
    kept = {kind: weight for kind, weight in kinds.items() if chance.random() < 0.7} or kinds
    return Profile(
        timing=timing,
        processes=chance.choice([1, 2, 2, 3]),
        pods=chance.randint(1, 5),
        ordinals=chance.random() < 0.5,
        born_ready=chance.random() < 0.2,
        replicas=lease_s <= 20 and chance.random() < 0.5,
        nats=Trouble(latency_s=latency_s, any=any_trouble),
        api=Trouble(
            latency_s=chance.choice([latency_s, 10 * latency_s]),
            any=any_trouble,
            late_labels=chance.choice([0.0, 0.2]),
            lateness_s=chance.choice([10.0, 60.0]),
        ),
        watch_lag_s=chance.choice([latency_s, 1.0]),
        watch_repeats=chance.choice([0.0, 0.05]),
        cache_lag_s=chance.choice([0.0, 2.0]),
        skew_s=chance.choice([0.0, 300.0]),
        faults=kept,
        gaps_s=(0.2 * lease_s, 0.6 * lease_s) if is_hectic else (0.01 * lease_s, 0.3 * lease_s, 3.0 * lease_s),
        lengths_s=(0.05 * lease_s, 0.5 * lease_s, 2.0 * lease_s),
    )


def draw_calm(chance: random.Random) -> Profile:
    """Draw a world in which faults are short, and a leader changes only for its own pod's sake, or if that is asked."""
    timing = Timing.derive(chance.choice([15, 60, 600]))
    latency_s = chance.choice([0.002, 0.02])
    return Profile(
        timing=timing,
        processes=chance.choice([1, 2]),
        pods=chance.randint(2, 5),
        ordinals=chance.random() < 0.5,
        born_ready=chance.random() < 0.2,
        replicas=timing.duration_s <= 20 and chance.random() < 0.5,
        nats=Trouble(latency_s=latency_s),
        api=Trouble(latency_s=latency_s),
        watch_lag_s=chance.choice([latency_s, 0.5]),
        skew_s=chance.choice([0.0, 300.0]),
        faults=CALM,
        gaps_s=(1.0 * timing.duration_s, 3.0 * timing.duration_s),
        lengths_s=(0.2 * timing.renew_interval_s,),
        calm=True,
    )


def draw_long(chance: random.Random) -> Profile:
    """Draw a world like most are: a lease of any duration that the CRD allows, and a fault every ten leases or so."""
    timing = Timing.derive(round(10 ** chance.uniform(0.4772, 3.5563)))
    lease_s = timing.duration_s
    return Profile(
        timing=timing,
        processes=chance.choice([1, 2]),
        pods=chance.randint(2, 5),
        ordinals=chance.random() < 0.5,
        nats=Trouble(any=0.001),
        api=Trouble(latency_s=0.01, any=0.001),
        watch_lag_s=0.02,
        faults={**OF_PROCESSES, **OF_PODS, **OF_NATS},
        gaps_s=(3.0 * lease_s, 20.0 * lease_s),
        lengths_s=(0.1 * lease_s, 1.0 * lease_s, 3.0 * lease_s),
    )


def draw_pods(chance: random.Random) -> Profile:
    """Draw a world in which the pods campaign for themselves."""
    timing = Timing.derive(chance.choice([3, 10, 15]))
    faults = {**OF_PROCESSES, **OF_PODS, **OF_NATS, **OF_USERS, **dict.fromkeys(OF_NODES, 5)}
    kept = {kind: weight for kind, weight in faults.items() if chance.random() < 0.7 or kind in OF_NODES}
    for refused in ("switch_over", "change_rules"):  # The API server takes neither where the pods campaign.
        kept.pop(refused, None)
    latency_s = chance.choice([0.002, 0.02])
    return Profile(
        timing=timing,
        processes=chance.choice([1, 2]),
        pods=chance.randint(1, 4),
        born_ready=True,
        replicas=chance.random() < 0.5,
        nats=Trouble(latency_s=latency_s, any=chance.choice([0.0, 0.05])),
        api=Trouble(latency_s=latency_s, any=chance.choice([0.0, 0.05]), late_labels=chance.choice([0.0, 0.2])),
        watch_lag_s=chance.choice([latency_s, 1.0]),
        skew_s=chance.choice([0.0, 1.0]),
        faults=kept,
        gaps_s=(0.1 * timing.duration_s, 1.0 * timing.duration_s),
        lengths_s=(0.05 * timing.duration_s, 0.5 * timing.duration_s, 2.0 * timing.duration_s),
        pods_campaign=True,
    )


def draw_routes(chance: random.Random) -> Profile:
    """Draw a world in which the operator writes the endpoints of a Service, in its troubled or its calm form."""
    profile = draw(chance)
    faults = profile.faults if profile.calm else {**profile.faults, **OF_ROUTES}
    return replace(profile, routes=True, faults=faults)


KINDS: Mapping[str, Callable[[random.Random], Profile]] = {
    "any": draw,
    "troubled": draw_troubled,
    "calm": draw_calm,
    "long": draw_long,
    "pods": draw_pods,
    "routes": draw_routes,
}
"""How worlds are drawn, by the name of the kind."""
