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
