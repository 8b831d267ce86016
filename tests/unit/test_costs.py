"""What a renewal, a hand-over and an election at rest cost, counted, so that none of it grows unseen.

Whoever makes one of them dearer on purpose says so here, and in docs/performance.md.
"""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import tracemalloc
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import kopf
import pytest

from model.api import ELECTIONS, PODS, Object
from tenure.api.status import parse_status
from tenure.election.clock import Instant
from tenure.election.effects import Effect, WriteLease, WriteStatus
from tenure.election.election import Election
from tenure.election.inputs import Input
from tenure.election.labels import role_key, term_key
from tenure.election.pod import Pod
from tenure.handlers import NoMemories, build_settings
from tenure.kubernetes.pods import parse_pod
from tenure.runtime.dispatcher import Stepper
from tenure.runtime.executor import EVENT_DELAY_S
from tenure.runtime.witness import Witness
from unit.builders import ELECTION, a_leader, a_record
from unit.shell import Shell
from unit.story import Story, only
from unit.views import a_status
from unit.virtual_time import run

_SETTLED_S = 10.0
_RENEWALS = 20
_RENEW_INTERVAL_S = 3

_ELECTIONS = 50
_BYTES_PER_ELECTION = 11_000
"""Of one with three pods at rest, with a quarter to spare."""

_LARGE_POD = {
    "spec": {
        "nodeName": "node-of-many",
        "containers": [{"name": "main", "env": [{"name": f"VARIABLE_{n}"} for n in range(100)]}],
    }
}


@dataclass
class _Counted:
    """Stands before an election and counts how often it is stepped."""

    election: Stepper
    steps: int = 0

    @property
    def wakes_at_s(self) -> float:
        return self.election.wakes_at_s

    def step(self, now: Instant, happened: Sequence[Input]) -> Sequence[Effect]:
        self.steps += 1
        return self.election.step(now, happened)


class _Costs:
    """Counts from now on what the election `web` does."""

    def __init__(self, shell: Shell) -> None:
        seat = shell.controller._managed["shop", "web"].seat
        assert seat is not None
        assert seat.stepper is not None
        self._stepper = _Counted(seat.stepper)
        seat.stepper = self._stepper
        self._requests = shell.api.requests
        self._requests.clear()
        self.nats_writes = 0
        shell.bucket.listen(self._see_write)

    @property
    def steps(self) -> int:
        return self._stepper.steps

    @property
    def requests(self) -> Counter[str]:
        """Requests to the API, by method and the last part of the path."""
        return Counter(f"{request.partition(' ')[0]} {request.rpartition('/')[2]}" for request in self._requests)

    def _see_write(self, *_: object) -> None:
        self.nats_writes += 1


async def _led_by_web_0(shell: Shell) -> _Costs:
    shell.make_pods("web-0", "web-1", "web-2")
    shell.api.make_election("shop", "web", app="web")
    await asyncio.sleep(_SETTLED_S)
    assert shell.labels()["web-0"] == ("leader", "1")
    return _Costs(shell)


def test_a_renewal_is_one_write_in_nats_two_steps_and_no_request_to_the_api() -> None:
    async def scenario() -> None:
        async with Shell() as shell:
            costs = await _led_by_web_0(shell)
            await asyncio.sleep(_RENEWALS * _RENEW_INTERVAL_S)
            assert (costs.nats_writes, costs.steps) == (_RENEWALS, 2 * _RENEWALS)
            assert costs.requests == {}

    run(scenario())


def _delete_web_0(shell: Shell) -> None:
    _change(shell, PODS, "web-0", lambda pod: pod["metadata"].update(deletionTimestamp="2026-01-01T00:00:00Z"))


def _unready_web_0(shell: Shell) -> None:
    _change(shell, PODS, "web-0", lambda pod: pod["status"]["conditions"][0].update(status="False"))


def _switch_over(shell: Shell) -> None:
    _change(shell, ELECTIONS, "web", lambda election: election["spec"].update(switchover={"id": "1"}))


def _change(shell: Shell, paths: str, name: str, change: Callable[[Object], None]) -> None:
    path = f"{paths.format('shop')}/{name}"
    changed = copy.deepcopy(shell.api.objects[path])
    change(changed)
    shell.api.put(path, changed)


@pytest.mark.parametrize(
    ("cause", "steps", "more", "events"),
    [
        pytest.param(_delete_web_0, 7, {}, 2, id="leader's pod deleted"),
        # It is asked first whether the pod is still not Ready: another operator may know better.
        pytest.param(_unready_web_0, 8, {"GET web-0": 1}, 2, id="leader not Ready"),
        pytest.param(_switch_over, 7, {}, 3, id="switchover"),
    ],
)
def test_a_hand_over_is_two_writes_in_nats_two_of_the_status_two_of_labels_and_then_its_events(
    cause: Callable[[Shell], None], steps: int, more: dict[str, int], events: int
) -> None:
    async def scenario() -> None:
        async with Shell() as shell:
            costs = await _led_by_web_0(shell)
            cause(shell)
            await asyncio.sleep(0.4)
            assert shell.labels()["web-1"] == ("leader", "2")
            assert (costs.nats_writes, costs.steps) == (2, steps)
            needed = {"PATCH status": 2, "PATCH web-0": 1, "PATCH web-1": 1, **more}
            assert costs.requests == needed
            await asyncio.sleep(EVENT_DELAY_S)
            assert costs.requests == {**needed, "POST events": events}

    run(scenario())


def test_an_election_at_rest_keeps_little_and_nothing_of_its_pods_that_it_does_not_look_at() -> None:
    _at_rest()  # What is made once only is made now.
    gc.collect()
    tracemalloc.start()
    try:
        held = [_at_rest() for _ in range(_ELECTIONS)]
        gc.collect()
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept_bytes / len(held) < _BYTES_PER_ELECTION


def test_kopf_copies_no_object_of_an_event() -> None:
    class Uncopied(dict[str, Any]):
        def __deepcopy__(self, _: object) -> Any:
            raise AssertionError("it was copied")

    body: Any = Uncopied(spec=Uncopied())
    persistence = build_settings(pod_selector="").persistence
    essence = persistence.diffbase_storage.build(body=kopf.Body(body))

    assert persistence.progress_storage.clear(essence=essence) == {}
    assert persistence.diffbase_storage.fetch(body=kopf.Body({})) is None


def test_what_kopf_watches_is_listed_in_chunks() -> None:
    """A list of all pods at once is many times as large as what is kept of them."""
    assert build_settings(pod_selector="").watching.chunk_size == 500


def test_kopf_holds_no_object_for_long_after_its_last_event() -> None:
    assert build_settings(pod_selector="").queueing.idle_timeout <= 1.0


def test_kopf_remembers_nothing_of_an_object_between_its_events() -> None:
    async def scenario() -> None:
        memories = NoMemories()
        body: Any = {"metadata": {"uid": "uid-0"}}
        memory = await memories.recall(body, memobase=kopf.Memo(), noticed_by_listing=True)
        assert memory.noticed_by_listing
        assert list(memories.iter_all_memories()) == []

    run(scenario())


def test_the_keys_of_labels_and_the_names_of_nodes_are_kept_once() -> None:
    one, other = _pod("web-0", "leader"), _pod("web-1", "follower")

    assert _identities(*(one.labels or ())) == _identities(*(other.labels or ()))
    assert _identities(one.node) == _identities(other.node)


def test_what_thousands_of_conditions_say_is_kept_once() -> None:
    said = {"type": "Ready", "status": "True", "reason": "LeaderElected", "message": "All is well."}
    text = json.dumps({"conditions": [said]})
    (one,), (other,) = (parse_status(json.loads(text)).conditions for _ in range(2))

    assert one == other
    assert _identities(one.type, one.status, one.reason, one.message) == _identities(
        other.type, other.status, other.reason, other.message
    )


def test_a_status_that_was_written_is_kept_once_whoever_shows_it_first() -> None:
    async def scenario() -> None:
        async with Shell() as shell:
            shell.make_pods("web-0")
            shell.api.make_election("shop", "web", app="web")
            shell.is_watching = False
            await asyncio.sleep(_SETTLED_S)
            seat = shell.controller._managed["shop", "web"].seat
            assert seat is not None
            assert isinstance(seat.stepper, Witness)
            known = shell.controller.resource(("shop", "web"))
            assert known is not None
            assert known.status.leader is not None
            assert seat.stepper._election.state.resource is known

            costs = _Costs(shell)
            shell.is_watching = True
            shell._watch("MODIFIED", shell.api.objects[f"{ELECTIONS.format('shop')}/web"])
            await asyncio.sleep(0.1)
            assert costs.steps == 0

    run(scenario())


def _identities(*held: object) -> list[int]:
    return [id(one) for one in held]


def _at_rest() -> Election:
    leader, *followers = (_pod(f"web-{number}", "follower" if number else "leader") for number in range(3))
    story = Story(leader, *followers, status=a_status(7, a_leader(leader)), revision=7)
    renewal = only(WriteLease, story.begins(a_record(leader, 7, nonce="of-another-process")))
    story.hears(story.written(renewal))
    story.hears(story.acknowledged(only(WriteStatus, story.rests(0.6))))
    return story.election


def _pod(name: str, role: str) -> Pod:
    metadata = {"name": name, "namespace": "shop", "uid": f"uid-of-{name}", "resourceVersion": "1"}
    labels = {"app": "web", role_key(ELECTION): role, term_key(ELECTION): "7"}
    status = {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
    body = json.dumps({"metadata": {**metadata, "labels": labels}, "status": status, **_LARGE_POD})
    return parse_pod(json.loads(body))
