"""Endpoints written by the operator: when the EndpointSlices of the Services that an election names are looked at.

A slice is one object, so one write of it moves all new connections. The rule is that of the labels: only who has seen
the status (term, leader) acknowledged may write it, the write tests the version of the slice that it was decided on,
and the term that stands in it never falls. So a late write finds another version, and one address follows the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tenure.election import inputs
from tenure.election.alarm import Alarm, Backoff
from tenure.election.effects import RouteServices

REPETITION_CALM_S = 120.0
"""After so long without a repetition the next one counts as the first: whoever wrote then is not who writes now."""

_SLICE = "EndpointSlice/"

RouteInput = inputs.ServicesRouted | inputs.RouteSeen | inputs.SlicesListed
"""What changes what is known of the Services and their slices."""


@dataclass(slots=True)
class Routes:
    """What is known of the slices of one election.

    `tried` is what was sent last, `sent` the same while it is on its way, and `done` once it was carried out.
    `versions` are those of the objects that were looked at or written then, `seen` the latest that a watch has shown
    since it was sent. `refusals` are sentences, one for each Service that could not be routed. `above` is the term that
    a slice had at `above_at_s` (monotonic), above that of the status: that is known too late, or the term is forged.
    """

    tried: RouteServices | None = None
    sent: RouteServices | None = None
    done: RouteServices | None = None
    versions: dict[str, int] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    refusals: tuple[str, ...] = ()
    above: int | None = None
    above_at_s: float = 0.0
    _is_repetition: bool = False
    _backoff: Backoff = field(default_factory=lambda: Backoff(0.2, 60.0, calm_s=REPETITION_CALM_S))

    def absorb(self, now_s: float, happened: RouteInput) -> None:
        """Take what a watch or a list has shown, or the result of `RouteServices`."""
        match happened:
            case inputs.RouteSeen(what, version):
                self.seen[what] = max(version, self.seen.get(what, 0))
            case inputs.SlicesListed(listed):
                # The end of one that is not there any more is a version that is not known.
                gone = {what: version + 1 for what, version in self.versions.items() if what.startswith(_SLICE)}
                for what, version in {**gone, **listed}.items():
                    self.seen[what] = max(version, self.seen.get(what, 0))
            case inputs.ServicesRouted(versions, refusals, above, is_done):
                sent, self.sent = self.sent, None
                self.versions, self.refusals = dict(versions), refusals
                self.above, self.above_at_s = above, now_s
                self.done = sent if is_done and above is None else None
                if self._is_repetition or refusals or self.done is None:
                    self._backoff.failed(now_s)

    @property
    def may_be_left(self) -> bool:
        """Whether there may be slices of Services that the election names no more."""
        return bool(self.seen or self.sent is not None or (self.done is not None and self.done.services))

    def is_settled(self, wanted: RouteServices | None) -> bool:
        """Whether the slices are as they must be, as far as is known."""
        if wanted is None:
            return True
        is_current = all(version <= self.versions.get(what, 0) for what, version in self.seen.items())
        return is_current and not self.refusals and self.done is not None and self.done.says_the_same(wanted)

    def decide(self, now_s: float, wanted: RouteServices, alarm: Alarm) -> list[RouteServices]:
        """Return what is to be carried out.

        What is new is at once. The same again, because it failed or somebody else wrote, waits longer and longer, and
        `alarm` rings when it may be tried.
        """
        if self.sent is not None or self.is_settled(wanted):
            return []
        is_news = self.tried is None or not self.tried.says_the_same(wanted)
        if is_news:
            self._backoff.succeeded()
        elif not self._backoff.may_try(now_s, wake=alarm):
            return []
        self._is_repetition = not is_news
        self.tried = self.sent = wanted
        self.seen = {}
        return [wanted]
