"""What one process keeps of each election that it manages."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tenure.election.resource import RecordName, Refusal, Resource, Spec
from tenure.election.selector import Selector
from tenure.metrics import ElectionFigures
from tenure.runtime.dispatcher import Seat


@dataclass(slots=True)
class Managed:
    """One resource as it came and as its election sees it, its record, and, once its namespace is open, its seat."""

    given: Resource
    resource: Resource
    record: RecordName
    namespace_uid: str | None = None
    seat: Seat | None = None
    figures: ElectionFigures | None = None

    def learn(self, given: Resource, narrowed: Resource) -> None:
        """Take a later version with the same spec, which its election is told already: the watch need not bring it.

        Otherwise there would be two of each status: the one that was answered, and the same one from the watch.
        """
        known = self.given
        has_same_spec = (known.uid, known.generation) == (given.uid, given.generation)
        if has_same_spec and given.resource_version > known.resource_version:
            self.given, self.resource = given, narrowed


def narrow(resource: Resource, refusal: Refusal | None, watched: Selector | None) -> Resource:
    """Return the resource as its election is to see it: with a record that it may have, and pods that are watched.

    `refusal` is why it may not have its record. `watched` selects the pods that are watched
    (`--pod-selector`), None for all: only these are candidates, as if it were a part of each election's own selector.
    """
    if refusal is not None:
        return replace(resource, spec=refusal)
    if watched is None or not isinstance(resource.spec, Spec):
        return resource
    selector = Selector(resource.spec.selector.requirements + watched.requirements)
    return replace(resource, spec=replace(resource.spec, selector=selector))
