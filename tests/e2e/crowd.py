"""Elections in numbers: who leads each, and in which term."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import yaml

from e2e.stage import CROWD, Stage
from environment import EnvironmentFailed, wait_until

ELECTIONS = 200
_LED_TIMEOUT_S = 180.0

Leaders = dict[str, tuple[str, int]]
"""Of each election, its leader's UID and the term."""


@contextlib.contextmanager
def gathered(stage: Stage) -> Iterator[Leaders]:
    """Have `ELECTIONS` elections, all of them led, whose leaders are yielded; delete them at the end."""
    elections = [
        {
            "apiVersion": "tenure.dev/v1alpha1",
            "kind": "LeaderElection",
            "metadata": {"name": f"crowd-{number}"},
            "spec": {"selector": {"matchLabels": {"app": "crowd"}}},
        }
        for number in range(ELECTIONS)
    ]
    try:
        stage.kubectl("create", "-n", CROWD, "--filename=-", input=yaml.safe_dump_all(elections))
        _await_all(stage)
        yield leaders(stage)
    finally:
        stage.kubectl("delete", "leaderelections", "--all", "-n", CROWD)


def leaders(stage: Stage) -> Leaders:
    """Return the leaders of those that are Ready."""
    return {
        election["metadata"]["name"]: (election["status"]["leader"]["podUID"], election["status"]["term"])
        for election in stage.read("get", "leaderelections", "-n", CROWD)["items"]
        if any(
            condition["type"] == "Ready" and condition["status"] == "True"
            for condition in election.get("status", {}).get("conditions", ())
        )
    }


def none_has_changed(stage: Stage, before: Leaders) -> None:
    """Wait until all are Ready again, and raise EnvironmentFailed if one has another leader or term than before."""
    _await_all(stage)
    now = leaders(stage)
    changed = sorted(name for name, leader in before.items() if now[name] != leader)
    if changed:
        raise EnvironmentFailed(f"{len(changed)} of {len(before)} elections changed their leader, such as {changed[0]}")


def _await_all(stage: Stage) -> None:
    done = f"all {ELECTIONS} elections of {CROWD} are Ready"
    wait_until(lambda: len(leaders(stage)) == ELECTIONS, done, timeout_s=_LED_TIMEOUT_S, every_s=1)
