"""What a status waits for before it is written."""

from __future__ import annotations

from typing import Any, cast

import pytest

from model.api import ModelApi
from tenure.election.effects import WriteStatus
from tenure.election.resource import Status
from tenure.kubernetes.client import KubernetesClient, Lane
from tenure.kubernetes.resources import write_status
from unit.builders import a_leader
from unit.views import FIRST, a_status
from unit.virtual_time import run


class _Client:
    """Notes with what each merge patch waits for its turn."""

    def __init__(self, client: KubernetesClient) -> None:
        self._client = client
        self.lanes: list[Lane] = []

    async def merge_patch(self, path: str, body: dict[str, Any], *, lane: Lane) -> dict[str, Any]:
        self.lanes.append(lane)
        return await self._client.merge_patch(path, body)


@pytest.mark.parametrize(
    ("status", "lane"),
    [
        pytest.param(Status(), Lane.START, id="nothing is known yet"),
        pytest.param(a_status(0, floor=40), Lane.START, id="the floor under the first claim"),
        pytest.param(a_status(41, a_leader(FIRST)), Lane.PROMPT, id="a leader"),
        pytest.param(a_status(42), Lane.PROMPT, id="nobody leads any more"),
    ],
)
def test_elections_that_begin_do_not_hold_up_those_that_are_led(status: Status, lane: Lane) -> None:
    async def scenario() -> list[Lane]:
        api = ModelApi()
        api.make_namespace("shop")
        api.make_election("shop", "web", app="web")
        client = _Client(api.client)
        version = int(
            api.objects["/apis/tenure.dev/v1alpha1/namespaces/shop/leaderelections/web"]["metadata"]["resourceVersion"]
        )
        await write_status(cast(KubernetesClient, client), "shop", "web", WriteStatus(status, version))
        return client.lanes

    assert run(scenario()) == [lane]
