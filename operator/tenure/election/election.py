"""One election: from what it knows to what is to be done, as a step function without I/O.

Data goes round in one direction: inputs change the `State`, decisions are read off the state, effects carry them out,
their results are inputs. There is no handler per kind of event: after every batch of inputs the whole election is
decided anew, in this order:

1. the lease: which candidate may campaign, and what it writes (`campaigner`); where the pods campaign for themselves,
   who leads by their record (`observer`);
2. the status: the floor before any claim, the ledger before any label, the conditions (`scribe`);
3. the labels: stamp, crown, followers (`labeller`).
"""

from __future__ import annotations

from collections.abc import Sequence

from tenure.election.alarm import FOREVER_S
from tenure.election.campaigner import Campaigner
from tenure.election.clock import Instant
from tenure.election.effects import Effect
from tenure.election.inputs import Input
from tenure.election.labeller import Labeller
from tenure.election.mandate import Mandate
from tenure.election.news import news_between
from tenure.election.observer import Observer
from tenure.election.outlook import Outlook, look_out
from tenure.election.scribe import Scribe
from tenure.election.state import State


class Election:
    """The decisions of one `LeaderElection`, taken by one operator process.

    `writer` is the process's own name, unique among all processes. `namespace_uid` tells clusters apart.
    `poll_interval_s` is how often a record is read that somebody else holds, behind the watch.
    """

    def __init__(self, *, writer: str, namespace_uid: str | None, poll_interval_s: float) -> None:
        self.state = State()
        self.wakes_at_s = FOREVER_S
        """The monotonic time at which `step` must be called again, even with no input."""
        self._campaigner = Campaigner(
            self.state, writer=writer, namespace_uid=namespace_uid, poll_interval_s=poll_interval_s
        )
        self._observer = Observer(self.state, namespace_uid=namespace_uid, poll_interval_s=poll_interval_s)
        self._scribe = Scribe(self.state, namespace_uid=namespace_uid)
        self._labeller = Labeller(self.state)
        self._namespace_uid = namespace_uid
        self._outlook: Outlook | None = None

    def step(self, now: Instant, happened: Sequence[Input]) -> list[Effect]:
        """Take what happened, decide, and return what to do."""
        state = self.state
        before = state.resource
        for one in happened:
            state.absorb(now, one)
        if state.resource is None:
            return []
        if now.mandate is Mandate.STAND_BY:
            state.forget_irrelevant_pods()
            self.wakes_at_s = FOREVER_S
            return []
        if now.mandate is Mandate.RENEW:
            decided = self._lead.decide(now)
            self.wakes_at_s = self._lead.alarm.at_s
            return decided
        # What a new process finds is no news.
        decided = [] if before is None else list(news_between(before.status, state.resource.status))
        lead = self._lead
        decided += lead.decide(now)
        rests_until_s = min(self._scribe.alarm.at_s, self._labeller.alarm.at_s)
        outlook = look_out(now, state, lead.decision, self._namespace_uid)
        if state.is_changed or outlook != self._outlook or now.monotonic_s >= rests_until_s:
            state.is_changed, self._outlook = False, outlook
            plan = self._labeller.plan()
            decided += self._scribe.decide(now, outlook, plan)
            decided += self._labeller.decide(now, plan)
            state.forget_irrelevant_pods()
        self.wakes_at_s = min(lead.alarm.at_s, self._scribe.alarm.at_s, self._labeller.alarm.at_s)
        return decided

    @property
    def _lead(self) -> Campaigner | Observer:
        """Whatever decides who leads."""
        spec = self.state.spec
        return self._observer if spec is not None and spec.pods_campaign else self._campaigner
