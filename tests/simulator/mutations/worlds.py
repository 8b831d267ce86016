"""Worlds in which one kind of mistake shows soon."""

from __future__ import annotations

from dataclasses import replace

from simulator.link import Trouble
from simulator.profile import CALM as CALM_FAULTS
from simulator.profile import Profile
from tenure.election.timing import Timing

_HAND_OVERS = {"flip_readiness": 6, "end_pod": 2, "deselect": 1, "kill": 1, "pause_midway": 2}

LATE_LABELS = Profile(
    pods=3,
    api=Trouble(latency_s=0.02, late_labels=0.4, lateness_s=15.0),
    faults=_HAND_OVERS,
    gaps_s=(1.0,),
    lengths_s=(1.0, 5.0),
)
"""Leaders change every few seconds, and many label writes arrive only after that."""

TROUBLED_API = replace(LATE_LABELS, api=Trouble(latency_s=0.1, any=0.3), gaps_s=(0.5,))
"""Leaders change faster than the API answers, and much of what is asked of it goes wrong."""

REBIRTHS = replace(
    LATE_LABELS,
    processes=1,
    faults={"flip_readiness": 6, "recreate_election": 3},
    api=Trouble(latency_s=0.02, late_labels=0.4, lateness_s=6.0),
    lengths_s=(0.05,),
)
"""Leaders change, label writes are late, and the election is deleted and created again in a moment."""

LOST_BUCKETS = Profile(
    processes=2,
    pods=4,
    nats=Trouble(latency_s=0.005, any=0.05),
    api=Trouble(latency_s=0.02, any=0.8),
    watch_lag_s=0.2,
    faults={"flip_readiness": 6, "lose_bucket": 2, "reconnect": 1},
    gaps_s=(0.2,),
    lengths_s=(0.1,),
)
"""The bucket is lost again and again while most requests to the API fail: many claims are never shown."""

ROLL_BACKS = Profile(
    processes=2,
    pods=3,
    nats=Trouble(latency_s=0.02),
    api=Trouble(latency_s=0.02),
    faults={"roll_back": 4, "flip_readiness": 4, "kill": 1},
    gaps_s=(1.0,),
    lengths_s=(0.5, 2.0),
)
"""NATS takes back what it acknowledged."""

NODES = Profile(
    timing=Timing(60, 59, 20),
    processes=1,
    pods=2,
    nats=Trouble(latency_s=2.0),
    faults={"start_node": 2, "crash_node": 2, "resign_node": 1, "cut_nats": 4},
    gaps_s=(30.0,),
    lengths_s=(90.0,),
    skew_s=0.0,
)
"""Nodes wait for the lease to run out, by clocks that are right, and answers take long."""

CALM = Profile(
    timing=Timing.derive(15),
    processes=2,
    pods=4,
    born_ready=True,
    watch_lag_s=1.0,
    faults=CALM_FAULTS,
    gaps_s=(10.0, 30.0),
    lengths_s=(0.6,),
    calm=True,
)
"""Only short faults: no leader changes for nothing."""

REPLICAS = Profile(
    timing=Timing.derive(15),
    processes=2,
    pods=3,
    replicas=True,
    faults={"pause": 3, "cut_nats": 3, "kill": 1, "flip_readiness": 4},
    gaps_s=(2.0,),
    lengths_s=(3.0, 12.0),
)
"""Two processes elect one that acts, and that one is halted or cut off for as long as its lease."""

SLOW_NATS = Profile(
    processes=3,
    pods=3,
    nats=Trouble(latency_s=0.1, any=0.2, late=0.2, lateness_s=5.0),
    faults={"flip_readiness": 4, "cut_nats": 2, "silence_bucket_watch": 2, "pause_midway": 1},
    gaps_s=(0.7,),
    lengths_s=(1.0, 5.0),
)
"""Requests to NATS take long, and are lost or late."""

LAGGING = replace(CALM, pods=1, faults={"end_pod": 1}, gaps_s=(15.0,))
"""One pod at a time, and two operators of which one may see the next one seconds later than the other."""

FRESH_PODS = Profile(
    processes=1,
    pods=1,
    born_ready=True,
    api=Trouble(latency_s=0.02, late_labels=0.5, lateness_s=2.0),
    faults={"end_pod": 3, "recreate_election": 2},
    gaps_s=(0.3,),
    lengths_s=(0.2,),
)
"""One pod at a time, which comes back under its name while writes to the one before it are on their way."""

CHANGED_LABELS = replace(FRESH_PODS, faults={"end_pod": 3, "recreate_election": 1, "drift": 4})
"""Somebody else changes labels as well."""

ABSENCES = replace(FRESH_PODS, gaps_s=(0.5,), lengths_s=(3.0,))
"""The election is deleted for longer than any pod lives: only the record tells of its terms."""

LABELS_ALONE = replace(
    REBIRTHS,
    watch_lag_s=0.5,
    faults={"flip_readiness": 4, "kill": 3, "recreate_election": 3, "lose_bucket": 3},
    lengths_s=(1.0, 5.0),
)
"""The election and the bucket are lost again and again, and the operator begins anew: only labels tell of the terms."""

STALE_VIEWS = replace(
    ROLL_BACKS,
    processes=3,
    nats=Trouble(),
    faults={"roll_back": 3, "flip_readiness": 4, "stall_watch": 4},
    gaps_s=(0.15,),
    lengths_s=(1.0, 3.0),
)
"""NATS takes back what it acknowledged, and operators see the status late."""

BLIND = Profile(
    processes=1,
    pods=2,
    faults={"start_node": 2, "crash_node": 2, "silence_bucket_watch": 3, "flip_readiness": 1},
    gaps_s=(5.0,),
)
"""One operator whose watch of the bucket falls silent, and nodes that take the lease by clocks that are wrong."""

FAR_NATS = replace(
    SLOW_NATS,
    timing=Timing.derive(15),
    nats=Trouble(latency_s=0.2, any=0.1),
    faults={"flip_readiness": 4, "silence_bucket_watch": 4},
)
"""The record is seen later than the status that follows from it; no record is ever lost."""

SWITCHOVERS = Profile(
    processes=2,
    pods=3,
    born_ready=True,
    api=Trouble(latency_s=0.02, any=0.1),
    faults={"switch_over": 4, "kill": 2, "pause_midway": 1, "stall_watch": 1},
    gaps_s=(1.0,),
    lengths_s=(0.5, 3.0),
)
"""Users ask for another leader again and again, and operators end while they see to it."""

CALM_SWITCHOVERS = replace(CALM, faults={"switch_over": 4, "kill": 1, "reconnect": 1}, gaps_s=(5.0,))
"""Users ask for another leader and change their minds at once, and no leader changes for any other reason."""

LATE_ROUTES = replace(LATE_LABELS, routes=True)
"""Leaders change every few seconds, and many writes of slices arrive only after that."""

STALE_ROUTES = replace(STALE_VIEWS, routes=True, faults={"flip_readiness": 4, "stall_watch": 4})
"""Operators see the status late, and the slices at once."""

TROUBLED_ROUTES = replace(TROUBLED_API, routes=True)
"""Leaders change faster than the API answers, and much of what is asked of it goes wrong."""

UNSEEN_DELETIONS = replace(LATE_ROUTES, processes=1, faults={"delete_slice": 4, "break_watch": 4}, gaps_s=(3.0,))
"""Slices are deleted while the watch is broken: the list with which it begins anew does not name them."""
