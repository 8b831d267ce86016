"""The rounds of a chaos run: the same for a seed, and each as its kind demands."""

from __future__ import annotations

import itertools
from collections import Counter

from chaos.plan import ELECTIONS, Crew, Fault, Kind, Round, RoundKind, plan, pods_of


def _rounds(seed: int, count: int = 12) -> list[Round]:
    return list(itertools.islice(plan(seed), count))


def test_a_seed_gives_the_same_rounds_and_another_one_others() -> None:
    assert _rounds(7) == _rounds(7)
    assert _rounds(7) != _rounds(8)


def test_rounds_of_each_kind_with_each_crew_come_in_turn() -> None:
    kinds = [(round_.crew, round_.kind) for round_ in _rounds(1, 6)]

    assert kinds == list(itertools.product(Crew, RoundKind))


def test_calm_rounds_have_short_faults_one_after_the_other_and_none_of_pods() -> None:
    for round_ in _rounds(3, 60):
        if round_.kind is not RoundKind.CALM:
            continue
        assert not any(fault.kind.is_of_pods for fault in round_.faults)
        assert all(fault.lasts_s <= 3.0 for fault in round_.faults)
        assert all(one.at_s + one.lasts_s < next_.at_s for one, next_ in itertools.pairwise(round_.faults))


def test_nothing_is_broken_that_is_still_broken() -> None:
    def until(fault: Fault) -> float:
        return fault.at_s + fault.lasts_s

    for round_ in _rounds(4, 60):
        broken = [fault for fault in round_.faults if not fault.kind.is_of_pods]
        for one, other in itertools.combinations(broken, 2):
            assert until(one) <= other.at_s or not set(one.targets) & set(other.targets)


def test_every_kind_comes_before_one_comes_for_the_third_time() -> None:
    for kind in RoundKind:
        drawn: Counter[Kind] = Counter()
        for round_ in _rounds(5, 60):
            if round_.kind is kind:
                drawn.update(fault.kind for fault in round_.faults if not fault.kind.is_of_pods)
            if drawn and max(drawn.values()) == 3:
                break
        assert set(drawn) >= {one for one in Kind if not one.is_of_pods}


def test_pods_that_are_to_be_lost_exist_and_leaders_are_lost_more_often_than_others() -> None:
    whom: Counter[str] = Counter()
    for round_ in _rounds(6, 60):
        for fault in round_.faults:
            if fault.kind.is_of_pods:
                election, pod = fault.targets
                whom[pod] += 1
                assert election in ELECTIONS
                assert pod == "leader" or int(pod) < pods_of(election)

    assert whom["leader"] > whom.total() / 2
