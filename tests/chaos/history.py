"""What was seen from outside in one run: data, and nothing else. All times are seconds since the run began."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self

from chaos.plan import Crew, Kind, RoundKind

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A pod or an election as it was from one resourceVersion on; None when it is gone. `at_s` is when we heard of it.

    Within one collection, changes stand in the order of resourceVersions, and none is missing.
    """

    at_s: float
    collection: Literal["pods", "elections"]
    uid: str
    object: Object | None


@dataclass(frozen=True, slots=True)
class Record:
    """A record that NATS accepted, under an election's name; `at_s` is when, by the server's clock.

    `holder` is empty for one that was released. Markers are no records.
    """

    at_s: float
    revision: int
    election: str
    term: int
    holder: str


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault as it was carried out, and mended."""

    kind: Kind
    target: str
    began_s: float
    ended_s: float


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of the run. A rest begins when all is mended and reachable, and ends when all elections are settled."""

    kind: RoundKind | Literal["rest"]
    crew: Crew
    began_s: float
    ended_s: float


@dataclass
class History:
    """One run. `complaints` are what the operators themselves reported as errors, or that they ended unasked."""

    changes: list[Change] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    faults: list[Injected] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def snapshot(self) -> History:
        """Return what there is by now; this one goes on."""
        return History(*(list(getattr(self, one.name)) for one in fields(self)))

    def save(self, file: Path) -> None:
        """Write it down as JSON."""
        file.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read what was written down. Raises ValueError, KeyError or TypeError for anything else."""
        content = json.loads(file.read_text())
        return cls(
            changes=[Change(**one) for one in content["changes"]],
            records=[Record(**one) for one in content["records"]],
            faults=[Injected(**{**one, "kind": Kind(one["kind"])}) for one in content["faults"]],
            phases=[Phase(**one) for one in content["phases"]],
            complaints=content["complaints"],
        )
