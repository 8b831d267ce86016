"""Who led when, and what it was like without a leader: read off a history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from chaos.history import Change, History, Object
from cluster_support.follower import version_of
from cluster_support.views import FOLLOWER, LEADER, ElectionView, PodView


@dataclass(frozen=True, slots=True)
class EndOfReign:
    """A leader that the status named, and names no longer.

    `reason` is the one in `status.history`. It is `explained` when that pod was at some time of its reign not Ready or
    on its way out.
    """

    election: str
    at_s: float
    term: int
    leader: str
    reason: str
    explained: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without a leader: some pod was Ready and not on its way out, and none of these had the leader label.

    `ended_s` is None when it was not over by the end of the history.
    """

    election: str
    began_s: float
    ended_s: float | None

    def length_s(self, until_s: float) -> float:
        """How long it was, or has been by `until_s`."""
        return (until_s if self.ended_s is None else self.ended_s) - self.began_s


def is_eligible(pod: PodView) -> bool:
    """Whether a pod may lead."""
    return pod.ready and not pod.terminating


class State:
    """All pods and elections, as the changes so far have left them."""

    def __init__(self) -> None:
        self.pods: dict[str, dict[str, PodView]] = defaultdict(dict)
        """By election and UID."""
        self.elections: dict[str, ElectionView] = {}
        self._homes: dict[str, str] = {}

    def apply(self, change: Change) -> str:
        """Take one change, and return the election that it is about."""
        if change.collection == "elections":
            if change.object is None:
                self.elections.pop(self._homes[change.uid])
            else:
                view = ElectionView(change.object)
                self._homes[change.uid] = view.name
                self.elections[view.name] = view
        elif change.object is None:
            self.pods[self._homes[change.uid]].pop(change.uid)
        else:
            pod = PodView(change.object)
            self._homes[change.uid] = pod.labels["app"]
            self.pods[pod.labels["app"]][change.uid] = pod
        return self._homes[change.uid]

    def lacks_a_leader(self, election: str) -> bool:
        """Whether some pod may lead, and none of those that may has the leader label."""
        eligible = [pod for pod in self.pods[election].values() if is_eligible(pod)]
        return bool(eligible) and all(pod.role(election) != LEADER for pod in eligible)

    def unsettled(self) -> dict[str, str]:
        """Return what each election lacks that is not at rest: status and labels agree on one that may lead."""
        lacks = {name: self._lack(view) for name, view in sorted(self.elections.items())}
        return {name: lack for name, lack in lacks.items() if lack}

    def _lack(self, view: ElectionView) -> str:
        pods = self.pods[view.name]
        leader = pods.get(view.leader_uid or "")
        if self.lacks_a_leader(view.name):
            return "no pod that may lead has the leader label"
        if view.condition("Ready") != "True (Ready)":
            return f"its status says Ready {view.condition('Ready')}"
        if leader is None or (leader.role(view.name), leader.term(view.name)) != (LEADER, str(view.term)):
            return f"the status says {view.holder} in term {view.term}, its labels {leader}"
        others = [pod for pod in pods.values() if pod is not leader and pod.role(view.name) != FOLLOWER]
        return f"{others[0].name} is no follower" if others else ""


def gaps(history: History) -> list[Gap]:
    """Return all times without a leader, in the order of their beginnings."""
    state = State()
    began_s: dict[str, float] = {}
    found: list[Gap] = []
    for change in history.changes:
        election = state.apply(change)
        if state.lacks_a_leader(election):
            began_s.setdefault(election, change.at_s)
        elif election in began_s:
            found.append(Gap(election, began_s.pop(election), change.at_s))
    found += [Gap(election, at_s, None) for election, at_s in began_s.items()]
    return sorted(found, key=lambda gap: gap.began_s)


def ends_of_reigns(history: History) -> list[EndOfReign]:
    """Return each end of a leader, in the order in which we heard of them."""
    eligibility: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    for change in history.changes:
        if change.collection == "pods" and change.object is not None:
            eligibility[change.uid].append((version_of(change.object), is_eligible(PodView(change.object))))
    return list(_ends([change for change in history.changes if change.collection == "elections"], eligibility))


def _ends(changes: list[Change], eligibility: dict[str, list[tuple[int, bool]]]) -> Iterator[EndOfReign]:
    reigns: dict[str, tuple[ElectionView, int]] = {}
    for change in changes:
        if change.object is None:
            reigns.pop(change.uid, None)
            continue
        view, version = ElectionView(change.object), version_of(change.object)
        last, since = reigns.get(change.uid, (None, version))
        if last is not None and last.leader_uid == view.leader_uid:
            continue
        reigns[change.uid] = view, version
        if last is not None and last.leader_uid is not None:
            yield EndOfReign(
                election=view.name,
                at_s=change.at_s,
                term=last.term,
                leader=str(last.leader_name),
                reason=_reason(view.status, last.term),
                explained=_was_unfit(eligibility[last.leader_uid], since, version),
            )


def _was_unfit(log: list[tuple[int, bool]], since: int, until: int) -> bool:
    """Whether a pod was not eligible at any version from `since` up to `until`."""
    before = [eligible for version, eligible in log if version <= since]
    during = [eligible for version, eligible in log if since < version < until]
    return not all([*before[-1:], *during])


def _reason(status: Object, term: int) -> str:
    """Return why a term ended, as the status that ended it says; an end that it does not tell of has none."""
    # The same pod may have led in several terms after that one, all of which this status was the first to show.
    return next((past["reason"] for past in status.get("history") or () if past["term"] >= term), "")
