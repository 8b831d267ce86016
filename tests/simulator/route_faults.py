"""What users do to the EndpointSlices that an operator writes, and to what is asked of it."""

from __future__ import annotations

from collections.abc import Callable

from model.api_server import SLICES
from simulator.cluster import SERVICE, Cluster
from simulator.world import World

Undo = Callable[[], None]


class RouteFaults:
    """Slices are deleted and forged, and the Service is named no more for a while."""

    def __init__(self, world: World, cluster: Cluster, for_a_while: Callable[[Undo], None]) -> None:
        self._world = world
        self._cluster = cluster
        self._for_a_while = for_a_while

    def end(self) -> None:
        """Let the election name its Service again."""
        if self._cluster.routes:
            self._cluster.name_services(SERVICE)

    def delete_slice(self) -> None:
        if self._cluster.slices:
            self._cluster.server.remove(SLICES, self._any())

    def forge_slice(self) -> None:
        """Write a term into a slice that was never given, or a former one."""
        if self._cluster.slices:
            term = self._world.random.choice([1, self._term() + 50])
            self._cluster.forge_slice(self._any(), term)

    def unname_service(self) -> None:
        self._cluster.name_services()
        self._for_a_while(lambda: self._cluster.name_services(SERVICE))

    def _any(self) -> str:
        return self._world.random.choice(sorted(self._cluster.slices))

    def _term(self) -> int:
        resource = self._cluster.resource
        return resource.status.term if resource is not None else 0
