"""Which guarantee a history breaks, and when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chaos.history import History, Object
from chaos.leadership import State, ends_of_reigns
from chaos.plan import RoundKind
from cluster_support.views import ElectionView
from cluster_support.watchers import Findings, PodRules, StatusRules, unannounced


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must not be. `at_s` is when it was heard of; None for what has no such moment."""

    at_s: float | None
    what: str

    def __str__(self) -> str:
        return self.what if self.at_s is None else f"at {self.at_s:.3f} s: {self.what}"


def judge(history: History) -> list[Violation]:
    """Return all violations of G1 to G6, and what the operators complained of, in the order of time."""
    found = [
        *_labels_and_status(history),
        *_records(history),
        *_progress(history),
        *_needless_changes(history),
        *(Violation(None, complaint) for complaint in history.complaints),
    ]
    return sorted(found, key=lambda violation: violation.at_s if violation.at_s is not None else float("inf"))


def _labels_and_status(history: History) -> Iterator[Violation]:
    """G1 to G4, by every version of every pod and election."""
    findings = Findings()
    pods, elections = PodRules(findings), StatusRules(findings)
    objects: dict[str, dict[str, Object]] = {"pods": {}, "elections": {}}
    for change in history.changes:
        known = objects[change.collection]
        before = known.pop(change.uid, None)
        if change.object is not None:
            known[change.uid] = change.object
        rules = pods if change.collection == "pods" else elections
        count = len(findings.failures)
        rules.see(before, change.object, known)
        yield from (Violation(change.at_s, failure) for failure in findings.failures[count:])
    yield from (Violation(None, complaint) for complaint in unannounced(pods.crowned, elections.announced))


def _records(history: History) -> Iterator[Violation]:
    """G1 and G2, by every record that NATS accepted; and that what the status says of a term, its record says."""
    holders: dict[tuple[str, int], str] = {}
    terms: dict[str, int] = defaultdict(int)
    for record in history.records:
        if record.term < terms[record.election]:
            yield Violation(
                record.at_s,
                f"G2: the term in the record of {record.election} fell from {terms[record.election]} to {record.term}.",
            )
        terms[record.election] = record.term
        if record.holder:
            holder = holders.setdefault((record.election, record.term), record.holder)
            if holder != record.holder:
                yield Violation(
                    record.at_s, f"G1: term {record.term} of {record.election} had {holder} and {record.holder}."
                )
    yield from _other_holders(history, holders)


def _other_holders(history: History, holders: Mapping[tuple[str, int], str]) -> Iterator[Violation]:
    reported: set[tuple[str, int]] = set()
    for change in history.changes:
        if change.collection != "elections" or change.object is None:
            continue
        view = ElectionView(change.object)
        reign = view.name, view.term
        if view.holder is not None and holders.get(reign) != view.holder and reign not in reported:
            reported.add(reign)
            yield Violation(
                change.at_s,
                f"G1: the status gave term {view.term} of {view.name} to {view.holder}, NATS to {holders.get(reign)}.",
            )


def _progress(history: History) -> Iterator[Violation]:
    """G5: by the end of a rest, every election is settled."""
    rests = iter(sorted((phase for phase in history.phases if phase.kind == "rest"), key=lambda rest: rest.ended_s))
    rest, state = next(rests, None), State()
    for change in [*history.changes, None]:
        while rest is not None and (change is None or change.at_s > rest.ended_s):
            for election, lack in state.unsettled().items():
                yield Violation(
                    rest.ended_s,
                    f"G5: {rest.ended_s - rest.began_s:.1f} s after all had been mended, {election} is not settled: "
                    f"{lack}.",
                )
            rest = next(rests, None)
        if change is not None:
            state.apply(change)


def _needless_changes(history: History) -> Iterator[Violation]:
    """G6: in a calm round, no leader ends that was Ready and not on its way out."""
    calm = [phase for phase in history.phases if phase.kind == RoundKind.CALM]
    for end in ends_of_reigns(history):
        if not end.explained and any(phase.began_s <= end.at_s <= phase.ended_s for phase in calm):
            yield Violation(
                end.at_s,
                f"G6: {end.leader} stopped leading {end.election} in term {end.term} ({end.reason}), and was well.",
            )
