"""One election: from what it knows to what is to be done, as a step function without I/O.

Data goes round in one direction: inputs change the `State`, decisions are read off the state, effects carry them out,
their results are inputs. There is no handler per kind of event: after every batch of inputs the whole election is
decided anew, in this order:

1. the lease: which candidate may campaign, and what it writes (`campaign`, `elector`);
2. the status: the floor before any claim, the ledger before any label, the conditions (`ledger`, `conditions`);
3. the labels: stamp, crown, followers (`routing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tenure.election import campaign, conditions, effects, ledger, routing
from tenure.election.clock import Instant
from tenure.election.effects import Effect
from tenure.election.elector import Elector, Role, Wish
from tenure.election.inputs import Input
from tenure.election.lease import Lease
from tenure.election.news import news_between
from tenure.election.pod import Pod
from tenure.election.record import LeaseRecord, Signature, Unbelievable, claim
from tenure.election.resource import Leader, Refusal, Spec, Status
from tenure.election.state import LeaseOperation, State, StatusOperation

COSMETIC_DELAY_S = 0.5
"""How long a status waits in which only numbers and sentences changed, so that a burst of pods costs one write."""

FOREVER_S = float("inf")


class Election:
    """The decisions of one `LeaderElection`, taken by one operator process.

    `writer` is the process's own name, unique among all processes. `namespace_uid` tells clusters apart.
    `poll_interval_s` is how often a record is read that somebody else holds, behind the watch.
    """

    def __init__(self, *, writer: str, namespace_uid: str | None, poll_interval_s: float) -> None:
        self.state = State()
        self.wakes_at_s = FOREVER_S
        """The monotonic time at which `step` must be called again, even with no input."""
        self._writer = writer
        self._namespace_uid = namespace_uid
        self._poll_interval_s = poll_interval_s
        self._writes = 0
        self._decision: campaign.Decision = campaign.Wait()
        self._cosmetic_since_s: float | None = None

    def step(self, now: Instant, happened: Sequence[Input]) -> list[Effect]:
        """Take what happened, decide, and return what to do."""
        state = self.state
        before = state.resource.status if state.resource is not None else Status()
        for one in happened:
            state.absorb(now, one)
        self.wakes_at_s = FOREVER_S
        if state.resource is None:
            return []
        decided: list[Effect] = list(news_between(before, state.resource.status))
        self._decide_lease(now, decided)
        plan = self._plan_labels()
        self._decide_status(now, plan, decided)
        self._decide_labels(now, plan, decided)
        if state.pods_changed:
            state.forget_irrelevant_pods()
        return decided

    # 1. The lease

    def _decide_lease(self, now: Instant, decided: list[Effect]) -> None:
        state, now_s = self.state, now.monotonic_s
        self._decision = campaign.Wait()
        leading = self._leading()
        if leading is not None and state.lease is not None:
            leading.observe(now_s, state.lease, state.timing)
            if leading.role is Role.LEADER:
                self._wake(leading.deadline_s(state.timing))
        if state.spec is None or not state.pods_complete or not state.connection or state.lease_operation is not None:
            return
        if now_s < state.lease_backoff.not_before_s:
            self._wake(state.lease_backoff.not_before_s)
            return
        if state.lease is None or not state.lease_certain:
            self._read_lease(now_s, decided)
            return
        self._decision = decision = self._decide_campaign(now_s, state.lease)
        match decision:
            case campaign.Wait(foreign):
                if foreign:
                    self._poll_foreign(now_s, state.lease, decided)
            case campaign.ReadAgain():
                self._read_lease(now_s, decided)
            case campaign.Confirm(ref):
                if ref.uid not in state.pod_reads and self._api_is_ready(now_s):
                    state.pod_reads.add(ref.uid)
                    decided.append(effects.ReadPod(ref))
            case campaign.Hold(pod):
                self._write_lease(now, self._elector(pod.identity), Wish.LEAD, None, decided)
            case campaign.Release(identity):
                self._write_lease(now, self._elector(identity), Wish.RELEASE, None, decided)
            case campaign.Claim(None, term):
                self._send(now, claim("", term, self._signature(now)), None, decided)
            case campaign.Claim(pod, term) if pod is not None:
                self._write_lease(now, self._elector(pod.identity), Wish.LEAD, term, decided)
            case _:
                pass  # The floor is raised by the status.

    def _decide_campaign(self, now_s: float, lease: Lease) -> campaign.Decision:
        state = self.state
        assert state.resource is not None and state.spec is not None
        status = state.resource.status
        if status.term_floor is None:
            return campaign.Wait()
        candidates = state.candidates
        if state.spec.suspend:
            holder = next((pod for pod in candidates if pod.identity == lease.holder), None)
            return campaign.Hold(holder) if holder is not None and lease.term >= status.term else campaign.Wait()
        if len(status.unfenced or ()) >= ledger.MAX_UNFENCED:
            return campaign.Wait()
        candidate_uids = {pod.uid for pod in candidates}
        outsiders = state.pods.keys() - candidate_uids
        return campaign.decide(
            campaign.View(
                now_s=now_s,
                lease=lease,
                status=status,
                resource_seen_at_s=state.resource_seen_at_s,
                candidates=candidates,
                gone=state.gone | outsiders if outsiders else state.gone,
                namespace_uid=self._namespace_uid,
                highest_label=state.highest_label,
                fresh=state.fresh,
                floor_raised=state.floor_raised,
            )
        )

    def _write_lease(self, now: Instant, elector: Elector, wish: Wish, term: int | None, decided: list[Effect]) -> None:
        state, timing = self.state, self.state.timing
        assert state.lease is not None
        if elector.role is Role.LEADER and wish is Wish.LEAD and term is None:
            renews_at_s = elector.renews_at_s(timing)
            if now.monotonic_s < renews_at_s:
                self._wake(renews_at_s)
                return
        if state.lease.connection != state.connection:
            self._read_lease(now.monotonic_s, decided)
            return
        record = elector.step(
            now.monotonic_s, state.lease, wish, signature=self._signature(now), timing=timing, claim_term=term
        )
        if record is not None:
            self._send(now, record, elector, decided)

    def _send(self, now: Instant, record: LeaseRecord, elector: Elector | None, decided: list[Effect]) -> None:
        state = self.state
        assert state.lease is not None
        if state.lease.connection != state.connection:
            self._read_lease(now.monotonic_s, decided)
            return
        if record.term != state.lease.term:
            state.fresh = state.floor_raised = False  # From here on the term may have been claimed.
        write = effects.WriteLease(record, state.lease.revision, state.connection, self._timeout_s())
        state.lease_operation = LeaseOperation(now.monotonic_s, state.connection, write, elector)
        decided.append(write)

    def _read_lease(self, now_s: float, decided: list[Effect]) -> None:
        self.state.lease_operation = LeaseOperation(now_s, self.state.connection)
        decided.append(effects.ReadLease(self._timeout_s()))

    def _poll_foreign(self, now_s: float, lease: Lease, decided: list[Effect]) -> None:
        """Read a record of somebody else behind the watch, and once more before it counts as run out."""
        polls_at_s = max(lease.read_at_s or 0.0, lease.seen_at_s) + self._poll_interval_s
        if now_s >= polls_at_s:
            self._read_lease(now_s, decided)
        else:
            self._wake(min(polls_at_s, lease.runs_out_at_s()))

    def _timeout_s(self) -> float:
        """One hung request must leave time for others before the deadline."""
        return max(1.0, self.state.timing.renew_deadline_s / 6)

    def _signature(self, now: Instant) -> Signature:
        self._writes += 1
        return Signature(
            wall_s=now.wall_s,
            duration_s=self.state.timing.duration_s,
            writer=self._writer,
            nonce=f"{self._writer}#{self._writes}",
            namespace_uid=self._namespace_uid,
        )

    def _elector(self, identity: str) -> Elector:
        return self.state.electors.setdefault(identity, Elector(identity))

    def _leading(self) -> Elector | None:
        return next((elector for elector in self.state.electors.values() if elector.role is Role.LEADER), None)

    # 2. The status

    def _decide_status(self, now: Instant, plan: routing.Plan, decided: list[Effect]) -> None:
        state, now_s = self.state, now.monotonic_s
        assert state.resource is not None
        if state.status_write is not None:
            return
        if state.resource_is_stale:
            self._read_resource(now_s, decided)
            return
        last = state.resource.status
        status = self._next_ledger(now, last)
        if status is last and plan.settled and last.unfenced != ():
            status = ledger.settle(last)
        is_urgent = status is not last
        status = self._describe(now, status, plan, settled=plan.settled and status.term == last.term)
        if not is_urgent:
            if _says_the_same(status, last):
                self._cosmetic_since_s = None
                return
            if self._cosmetic_since_s is None:
                self._cosmetic_since_s = now_s
            if now_s < self._cosmetic_since_s + COSMETIC_DELAY_S:
                self._wake(self._cosmetic_since_s + COSMETIC_DELAY_S)
                return
        if not self._api_is_ready(now_s):
            return
        self._cosmetic_since_s = None
        write = effects.WriteStatus(status, state.resource.resource_version)
        state.status_write = StatusOperation(
            write,
            is_first_floor=last.term_floor is None and status.term_floor is not None,
            raises_lost_floor=isinstance(self._decision, campaign.RaiseFloor) and self._decision.lost,
        )
        decided.append(write)

    def _next_ledger(self, now: Instant, last: Status) -> Status:
        """Return the status with the next entry of the ledger or the next floor; `last` itself when there is neither."""
        state = self.state
        if not state.pods_complete or (state.lease is None and last.term_floor is None):
            return last
        status = last
        if last.term_floor is None:
            status = replace(last, term_floor=max(last.term, self._believed_term(0), state.highest_label))
        if isinstance(self._decision, campaign.RaiseFloor):
            status = replace(status, term_floor=max(status.term_floor or 0, self._decision.floor))
        entry = self._next_entry(last)
        if entry is None:
            return status
        term, leader, acquired_at_s = entry
        return ledger.advance(
            status, term=term, leader=leader, acquired_at_s=acquired_at_s, now_wall_s=now.wall_s, why=self._why_ended(last)
        )

    def _next_entry(self, last: Status) -> tuple[int, Leader | None, float | None] | None:
        """Return the term, leader and start that the status must show next, None when it shows what is."""
        state, lease = self.state, self.state.lease
        if last.term_floor is None or lease is None or not isinstance(lease.record, LeaseRecord):
            return None
        leading = self._leading()
        if leading is not None:
            pod = next((pod for pod in state.pods.values() if pod.identity == leading.identity), None)
            if pod is not None and leading.term > last.term:
                return leading.term, Leader(pod.identity, pod.ref, pod.node), lease.record.started_at_s
            return None
        if not isinstance(self._decision, campaign.Wait):
            return None
        holder = lease.record.holder
        if self._decision.foreign and self._believed_term(last.term_floor) and holder and (last.leader is None or last.leader.identity != holder):
            return max(lease.term, last.term + 1), Leader(holder, None), lease.record.started_at_s
        if not self._decision.foreign and not holder and last.leader is not None and last.term < lease.term:
            return (lease.term, None, None) if self._vacancy_is_due() else None
        return None

    def _vacancy_is_due(self) -> bool:
        """Whether the wait is one for candidates: not for NATS, for an operation, or for the end of a suspension."""
        state = self.state
        is_idle = state.lease_operation is None and state.pods_complete and bool(state.connection)
        return is_idle and state.lease_certain and state.spec is not None and not state.spec.suspend

    def _why_ended(self, last: Status) -> str:
        state = self.state
        if last.leader is None or last.leader.pod is None:
            return campaign.EndOfTerm.LEASE_LOST
        uid = last.leader.pod.uid
        lost = (last.term_floor or 0) >= last.term + campaign.CLAIM_GAP
        return campaign.why_ended(uid, state.candidates, state.pods, lost=lost)

    def _believed_term(self, floor: int) -> int:
        term = self.state.lease.term if self.state.lease is not None else 0
        return term if term <= floor + campaign.MAX_TERM_JUMP else 0

    def _describe(self, now: Instant, status: Status, plan: routing.Plan, *, settled: bool) -> Status:
        """Return the status with its numbers and conditions."""
        state = self.state
        assert state.resource is not None
        spec, lease = state.resource.spec, state.lease
        leading = self._leading()
        if not state.pods_complete and status.conditions and not isinstance(spec, Refusal):
            return status
        facts = conditions.Facts(
            refusal=spec if isinstance(spec, Refusal) else None,
            suspended=isinstance(spec, Spec) and spec.suspend,
            candidates=len(state.candidates),
            eligible=sum(pod.eligible for pod in state.candidates),
            leader=_name(status.leader),
            leader_is_pod=status.leader is not None and status.leader.pod is not None,
            lease_held=leading is not None and status.leader is not None and leading.identity == status.leader.identity,
            nats_available=bool(state.connection) and state.lease_backoff.failures < 2,
            settled=settled,
            refused_label=next(iter(state.refused_labels.values()), None),
            conflict=lease is not None and self._is_other_cluster(lease) and not lease.expired(now.monotonic_s),
            unbelievable=lease.record.reason if lease is not None and isinstance(lease.record, Unbelievable) else None,
        )
        if isinstance(spec, Refusal):
            facts = replace(facts, candidates=status.candidates, eligible=status.eligible)
        return replace(
            status,
            term_floor=None if status.term_floor is None else max(status.term_floor, self._believed_term(status.term_floor)),
            candidates=facts.candidates,
            eligible=facts.eligible,
            observed_generation=state.resource.generation,
            conditions=conditions.derive(
                facts, status, generation=state.resource.generation, now_wall_s=now.wall_s
            ),
        )

    def _is_other_cluster(self, lease: Lease) -> bool:
        record = lease.record
        return isinstance(record, LeaseRecord) and bool(record.holder) and record.namespace_uid not in (None, self._namespace_uid)

    # 3. The labels

    def _plan_labels(self) -> routing.Plan:
        state = self.state
        if state.resource is None or not state.pods_complete:
            return routing.Plan()
        status = state.resource.status
        if state.repairs_term != status.term:
            state.repairs, state.repairs_term = {}, status.term
        forged = frozenset(
            uid for uid, seen_at_s in state.pod_seen_at_s.items() if state.resource_read_at_s >= seen_at_s
        )
        return routing.plan(
            state.resource.name,
            status,
            pods=state.pods,
            candidates=state.candidates,
            gone=state.gone,
            listed=state.listed[1] if state.listed is not None and state.listed[0] == status.term else None,
            forged=forged,
        )

    def _decide_labels(self, now: Instant, plan: routing.Plan, decided: list[Effect]) -> None:
        state, now_s = self.state, now.monotonic_s
        assert state.resource is not None
        status = state.resource.status
        if state.spec is None or state.spec.suspend or state.resource_is_stale:
            return
        if state.status_write is not None and state.status_write.write.status.term != status.term:
            return  # What is being decided now may forbid what the last decision allows.
        for write in plan.writes:
            self._write_labels(now_s, write, decided)
        if (plan.unknown or plan.suspects or plan.needs_list) and self._api_is_ready(now_s):
            for ref in plan.unknown:
                if ref.uid not in state.pod_reads:
                    state.pod_reads.add(ref.uid)
                    decided.append(effects.ReadPod(ref))
            if plan.suspects:
                self._read_resource(now_s, decided)
            if plan.needs_list and state.list_sent_for_term is None:
                state.list_sent_for_term = status.term
                decided.append(effects.ListPods())

    def _write_labels(self, now_s: float, write: effects.WriteLabels, decided: list[Effect]) -> None:
        state = self.state
        if write.ref.uid in state.label_writes:
            return
        repairs = state.repairs.get(write.ref.uid)
        if repairs is not None and now_s < repairs.not_before_s:
            self._wake(repairs.not_before_s)
            return
        state.label_writes[write.ref.uid] = write
        decided.append(write)

    # Shared

    def _read_resource(self, now_s: float, decided: list[Effect]) -> None:
        if self.state.resource_read_sent_at_s is None and self._api_is_ready(now_s):
            self.state.resource_read_sent_at_s = now_s
            decided.append(effects.ReadResource())

    def _api_is_ready(self, now_s: float) -> bool:
        not_before_s = self.state.api_backoff.not_before_s
        if now_s < not_before_s:
            self._wake(not_before_s)
        return now_s >= not_before_s

    def _wake(self, at_s: float) -> None:
        self.wakes_at_s = min(self.wakes_at_s, at_s)


def _name(leader: Leader | None) -> str | None:
    if leader is None:
        return None
    return leader.pod.name if leader.pod is not None else leader.identity


def _says_the_same(status: Status, last: Status) -> bool:
    """Whether nothing but times differs."""
    if len(status.conditions) != len(last.conditions):
        return False
    if not all(new.says_the_same(old) for new, old in zip(status.conditions, last.conditions, strict=True)):
        return False
    return replace(status, conditions=(), term_floor=None) == replace(last, conditions=(), term_floor=None)


