"""Elections in numbers: who leads each, and in which term."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import yaml

from e2e.stage import CROWD, Stage
from environment import EnvironmentFailed, wait_until

ELECTIONS = 200
LEASE_S = 15
"""Within this time after it was last renewed, a lease runs out."""
_TIMEOUT_S = 180.0

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
            "spec": {"selector": {"matchLabels": {"app": "crowd"}}, "lease": {"durationSeconds": LEASE_S}},
        }
        for number in range(ELECTIONS)
    ]
    try:
        manifest = yaml.safe_dump_all(elections)
        stage.kubectl("create", "-n", CROWD, "--filename=-", input=manifest, timeout_s=_TIMEOUT_S)
        yield _await_all(stage)
    finally:
        stage.kubectl("delete", "leaderelections", "--all", "-n", CROWD, timeout_s=_TIMEOUT_S)


def _leaders(stage: Stage) -> Leaders:
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
    now = _await_all(stage)
    changed = sorted(name for name, leader in before.items() if now[name] != leader)
    if changed:
        raise EnvironmentFailed(f"{len(changed)} of {len(before)} elections changed their leader, such as {changed[0]}")


def _await_all(stage: Stage) -> Leaders:
    """Return the leaders as they were read when all were Ready: a moment later one may be so no more."""
    seen = Leaders()

    def all_led() -> bool:
        nonlocal seen
        seen = _leaders(stage)
        return len(seen) == ELECTIONS

    wait_until(all_led, f"all {ELECTIONS} elections of {CROWD} are Ready", timeout_s=_TIMEOUT_S, every_s=1)
    return seen
