"""How often Python looks for garbage that its reference counts do not find."""

from __future__ import annotations

import gc

YOUNG_OBJECTS = 50_000
"""So many more objects must have been made than ended before the young ones are looked through. Python's own limit is
700: the renewals of a thousand elections pass it all the time, and none of them leaves garbage. That was a third of the
operator's time at rest. What does refer to itself here are errors with their tracebacks, of which so many take some ten
megabytes."""

LOOKS_PER_OLDER_LOOK = (20, 100)
"""After so many looks the survivors of the last ones are looked through as well, and after so many of those everything:
of ten thousand elections that takes a second, in which nothing else happens."""


def collect_rarely() -> None:
    """Set how often this process collects, for good, and leave out from now on what there is already: the imports."""
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *LOOKS_PER_OLDER_LOOK)
