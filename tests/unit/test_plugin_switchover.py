"""Following a switchover to its end, whatever happens on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tenure.election.resource import Answer
from tenure.kubernetes.errors import ApiUnavailable
from tenure.plugin import switchover
from tenure.plugin.cluster import Cluster
from tenure.plugin.target import ExitStatus, Failure
from unit.virtual_time import run


def _election(*, asked: str | None = "s1", answered: str = "", result: str = "", observed: int = 3) -> dict[str, Any]:
    status: dict[str, Any] = {"observedGeneration": observed}
    if answered:
        status["switchover"] = {"id": answered, "result": result, "message": "So it is."}
    return {
        "metadata": {"namespace": "shop", "name": "web", "uid": "e1", "resourceVersion": "7", "generation": 3},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **({"switchover": {"id": asked}} if asked else {})},
        "status": status,
    }


class _Client:
    """Shows an election as it is at first, and then what each watch shows: events, or an error."""

    def __init__(self, first: dict[str, Any], *watches: list[dict[str, Any] | Exception]) -> None:
        self._first = first
        self._watches = list(watches)

    async def get(self, _: str, **__: Any) -> dict[str, Any]:
        return {"items": [self._first], "metadata": {"resourceVersion": "7"}}

    async def watch(self, *_: str, **__: Any) -> AsyncIterator[dict[str, Any]]:
        for event in self._watches.pop(0) if self._watches else [TimeoutError()]:
            if isinstance(event, TimeoutError):
                await asyncio.sleep(1000)
            elif isinstance(event, Exception):
                raise event
            else:
                yield event


def _changed(election: dict[str, Any], kind: str = "MODIFIED") -> dict[str, Any]:
    return {"type": kind, "object": election}


def _follow(client: _Client, *, taken_back_in: int | None = None) -> Answer | None:
    cluster = Cluster(client, "shop")  # type: ignore[arg-type]
    return run(switchover._await_answer(cluster, "web", "s1", timeout_s=60, taken_back_in=taken_back_in))


_PENDING = _election(answered="s1", result="Pending")
_DONE = _election(answered="s1", result="Succeeded")


def test_what_is_pending_is_waited_for() -> None:
    answer = _follow(_Client(_election(), [_changed(_PENDING), _changed(_DONE)]))

    assert answer is not None
    assert answer.result == "Succeeded"


def test_an_api_server_that_was_away_is_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    answer = _follow(_Client(_election(), [ApiUnavailable("cut")], [_changed(_DONE)]))

    assert answer is not None
    assert answer.result == "Succeeded"
    assert capsys.readouterr().err == "The API server does not answer: cut. Trying again.\n"


@pytest.mark.parametrize(
    ("event", "sentence", "status"),
    [
        (
            _changed(_election(asked="s2", answered="s2", result="Pending")),
            "The switchover s2, asked for by somebody",
            1,
        ),
        (_changed(_election(), "DELETED"), "The election web has been deleted meanwhile.", 3),
        (TimeoutError(), "Within 60 s no operator has told what became of it.", 6),
    ],
)
def test_when_there_can_be_no_answer_it_says_why(event: Any, sentence: str, status: int) -> None:
    with pytest.raises(Failure) as failed:
        _follow(_Client(_election(), [event]))

    assert str(failed.value).startswith(sentence)
    assert failed.value.status == ExitStatus(status)


def test_one_that_is_taken_back_before_it_is_looked_at_has_no_answer() -> None:
    late = _election(asked=None, observed=3)

    assert _follow(_Client(late, [_changed(_election(asked=None, observed=4))]), taken_back_in=4) is None


def test_one_that_was_made_before_it_could_be_taken_back_is_told() -> None:
    made = _election(asked=None, answered="s1", result="Succeeded", observed=4)

    answer = _follow(_Client(made), taken_back_in=4)

    assert answer is not None
    assert answer.result == "Succeeded"
