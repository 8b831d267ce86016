"""What an election knows, and no longer believes."""

from __future__ import annotations

from tenure.election.clock import Instant
from tenure.election.effects import WriteLabels
from tenure.election.inputs import LabelOutcome, LabelsWritten, PodGone, PodSeen
from tenure.election.labels import PodRole
from tenure.election.state import State
from unit.builders import a_pod

_NOW = Instant(100.0, 100.0)
_MANY = 200


def test_a_pod_that_is_gone_does_not_come_back_with_a_late_answer_however_many_went_with_it() -> None:
    state, pod = State(), a_pod("web-0")
    state.absorb(_NOW, PodSeen(pod))
    state.label_writes[pod.uid] = WriteLabels(
        pod.ref, expected_term=None, expected_role=None, role=PodRole.FOLLOWER, term=1
    )
    state.absorb(_NOW, PodGone(pod.uid))
    for number in range(_MANY):
        state.absorb(_NOW, PodGone(f"uid-{number}"))
    state.absorb(_NOW, LabelsWritten(pod.ref, LabelOutcome.APPLIED, pod))

    assert state.pods == {}
    assert len(state.gone) < _MANY
