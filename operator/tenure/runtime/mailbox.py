"""What an election has not been told yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from tenure.election.inputs import (
    ConnectionChanged,
    EntrySeen,
    Input,
    NodesCordoned,
    PodGone,
    PodsComplete,
    PodSeen,
    ResourceSeen,
    RouteSeen,
    SlicesListed,
)


@dataclass(slots=True)
class Mailbox:
    """The inputs for one election since its last step.

    It cannot grow without bound: of what is state (the resource, each pod, the record, the connection, what is around
    it: nodes, Services, slices) only the latest is kept, and results are at most as many as effects under way.
    """

    connection: ConnectionChanged | None = None
    entry: EntrySeen | None = None
    resource: ResourceSeen | None = None
    pods: dict[str, PodSeen | PodGone] = field(default_factory=dict)
    pods_complete: PodsComplete | None = None
    around: dict[str, NodesCordoned | RouteSeen | SlicesListed] = field(default_factory=dict)
    results: list[Input] = field(default_factory=list)

    @property
    def depth(self) -> int:
        """How many inputs wait in it."""
        return (
            len(self.pods)
            + len(self.around)
            + len(self.results)
            + (self.connection is not None)
            + (self.entry is not None)
            + (self.resource is not None)
            + (self.pods_complete is not None)
        )

    def put(self, happened: Input) -> None:
        """Add one input."""
        match happened:
            case ConnectionChanged():
                self.connection = happened
            case EntrySeen():
                self.entry = happened
            case ResourceSeen(read_at_s=None):
                self.resource = happened
            case PodSeen(pod):
                if not isinstance(self.pods.get(pod.uid), PodGone):
                    self.pods[pod.uid] = happened
            case PodGone(uid):
                self.pods[uid] = happened
            case PodsComplete():
                self.pods_complete = happened
            case NodesCordoned() | SlicesListed():
                self._put_around(type(happened).__name__, happened)
            case RouteSeen(what):
                self._put_around(what, happened)
            case _:
                self.results.append(happened)

    def _put_around(self, what: str, happened: NodesCordoned | RouteSeen | SlicesListed) -> None:
        self.around.pop(what, None)  # Their order is that of the latest of each.
        self.around[what] = happened

    def take(self) -> list[Input]:
        """Return all inputs and be empty.

        An entry comes after the connection that it was seen on, and after the resource, whose timing says how long it
        is to be respected.
        """
        if not (self.connection or self.entry or self.resource or self.pods or self.pods_complete or self.around):
            results, self.results = self.results, []
            return results
        first = [one for one in (self.connection, self.resource, self.entry) if one is not None]
        last = [self.pods_complete] if self.pods_complete is not None else []
        taken: list[Input] = [*first, *self.pods.values(), *last, *self.around.values(), *self.results]
        self.connection = self.entry = self.resource = self.pods_complete = None
        self.pods, self.around, self.results = {}, {}, []
        return taken
