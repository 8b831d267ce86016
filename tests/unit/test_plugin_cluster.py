"""What `kubectl tenure` says of elections that are not there, and of a cluster that has none at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tenure.kubernetes.errors import NotFound, NotServed
from tenure.kubernetes.resources import resources_path
from tenure.plugin.cluster import Cluster
from tenure.plugin.target import ExitStatus, Failure


class _Client:
    """Lists the elections of these names in the namespace shop; without any names it has no CRD."""

    def __init__(self, *names: str) -> None:
        self._names = names

    async def get(self, path: str) -> dict[str, Any]:
        raise NotFound(f"GET {path}: 404")

    async def list_items(self, path: str) -> list[dict[str, Any]]:
        if not self._names:
            raise NotServed(f"GET {path}: 404")
        assert path == resources_path("shop")
        return [{"metadata": {"namespace": "shop", "name": name}} for name in self._names]


def _ask(client: _Client, ask: Callable[[Cluster], Any]) -> Failure:
    cluster = Cluster(client, "shop")  # type: ignore[arg-type]
    with pytest.raises(Failure) as failed, asyncio.Runner() as runner:
        runner.run(ask(cluster))
    assert failed.value.status is ExitStatus.NOT_FOUND
    return failed.value


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        (["web", "db"], "Did you mean web?"),
        (["webs", "web-1", "mail"], "Did you mean webs or web-1?"),
        (["database"], "To see those of all namespaces: kubectl tenure status -A"),
    ],
)
def test_near_names_are_suggested(names: list[str], hint: str) -> None:
    failure = _ask(_Client(*names), lambda cluster: cluster.read_election("wep"))

    assert str(failure) == f"There is no election wep in the namespace shop. {hint}"


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda cluster: cluster.read_election("web"), id="one"),
        pytest.param(lambda cluster: cluster.list_elections("shop"), id="all"),
    ],
)
def test_without_the_crd_it_says_how_to_install_it(ask: Callable[[Cluster], Any]) -> None:
    assert str(_ask(_Client(), ask)) == (
        "This cluster has no LeaderElections. Install the CRD leaderelections.tenure.dev, by the chart or with: "
        "kubectl apply -f crds/leaderelections.yaml"
    )
