"""Deliberate faults in the protocol, each of which the simulator must find: one that it does not is a hole in it.

`python -m simulator.mutations` switches each on in turn and says which seed shows it, and how; the same seed must break
nothing without the mutation.
"""

from __future__ import annotations

from simulator.mutations.mutation import Finding, Mutation, advice, find, objection
from simulator.mutations.of_claims import OF_CLAIMS
from simulator.mutations.of_labels import OF_LABELS
from simulator.mutations.of_leases import OF_LEASES
from simulator.mutations.of_routes import OF_ROUTES

MUTATIONS: tuple[Mutation, ...] = (*OF_LABELS, *OF_CLAIMS, *OF_LEASES, *OF_ROUTES)

__all__ = ["MUTATIONS", "Finding", "Mutation", "advice", "find", "objection"]
