"""The faults, one after another, each at a moment of its own in the renewals of many elections."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster_support import Operator, Scene
from environment import Environment
from selffencing.figures import Row
from selffencing.stage import BUCKET, Labels, Road, Worker

_TIMEOUT_S = 60.0

PODS = "a pod that campaigns"
OPERATOR = "a pod for which the operator campaigns"


@dataclass
class _Set:
    """Elections that their first pod leads, with the second one ready to follow."""

    scene: Scene
    elections: list[str]
    labels: Labels
    leader: Worker | None = None

    def since(self, began_s: float | Mapping[str, float]) -> tuple[list[float], list[float]]:
        """How long after a moment the label went off the first pod, and how long until it was on the second.

        The moment is one for all, or each election's own.
        """
        off, on = self.labels.off_s, self.labels.on_s
        moments = began_s if isinstance(began_s, Mapping) else dict.fromkeys(self.elections, began_s)
        self.scene.wait(
            lambda: all(on.get((one, f"{one}-1"), 0.0) > moment_s for one, moment_s in moments.items()),
            "all labels have moved",
            timeout_s=_TIMEOUT_S,
        )
        return (
            [off[one, f"{one}-0"] - moment_s for one, moment_s in moments.items()],
            [on[one, f"{one}-1"] - moment_s for one, moment_s in moments.items()],
        )


class Play:
    """Measures on one environment, with one operator."""

    def __init__(self, environment: Environment, folder: Path, *, count: int, seed: int) -> None:
        self._environment = environment
        self._folder = folder
        self._count = count
        self._random = random.Random(seed)

    def rows(self, leases_s: list[int]) -> Iterator[Row]:
        """Measure, and yield each row as soon as it is known."""
        operator = Operator(self._environment, self._folder, bucket=BUCKET).start()
        for lease_s in leases_s:
            for measure in (self._freeze, self._cut_off, self._hang):
                yield measure(lease_s)
        for lease_s in leases_s:
            yield self._turn_not_ready(lease_s)
            yield self._hang_the_operators(lease_s)
        operator.stop()

    def _freeze(self, lease_s: int) -> Row:
        with self._pods_campaign(lease_s) as (elections, _):
            worker = _worker(elections)
            began_s = self._strike(lease_s, worker.process.pause)
            off_s, next_s = elections.since(began_s)
            resumed_s = time.monotonic()
            worker.process.resume()
            knows_s = worker.wait_until_all_are_lost(after_s=resumed_s)
        return Row(
            PODS,
            lease_s,
            "frozen (SIGSTOP)",
            off_s=off_s,
            next_s=next_s,
            knows_instead=f"{max(knows_s) * 1000:.0f} ms after it goes on",
        )

    def _cut_off(self, lease_s: int) -> Row:
        with self._pods_campaign(lease_s) as (elections, road):
            began_s = self._strike(lease_s, road.block)
            off_s, next_s = elections.since(began_s)
            knows_s = _worker(elections).wait_until_all_are_lost(after_s=began_s)
        return Row(PODS, lease_s, "cut off from NATS", knows_s, off_s, next_s)

    def _hang(self, lease_s: int) -> Row:
        with self._pods_campaign(lease_s) as (elections, _):
            nats = self._environment.nats.process
            began_s = self._strike(lease_s, nats.pause)
            try:
                knows_s = _worker(elections).wait_until_all_are_lost(after_s=began_s)
                moved = [one for one in elections.elections if (one, f"{one}-0") in elections.labels.off_s]
            finally:
                nats.resume()
        assert not moved, "a label went although nobody can know whether the lease has run out"
        return Row(PODS, lease_s, "NATS hangs", knows_s, moves_instead="stays until NATS answers")

    def _turn_not_ready(self, lease_s: int) -> Row:
        with self._operator_campaigns(lease_s) as elections:
            began_s = {}
            for one in elections.elections:
                began_s[one] = time.monotonic()
                elections.scene.set_ready(elections.scene.pod(f"{one}-0"), ready=False)
            off_s, next_s = elections.since(began_s)
        return Row(
            OPERATOR, lease_s, "its readiness probe has failed", off_s=off_s, next_s=next_s, knows_instead="never"
        )

    def _hang_the_operators(self, lease_s: int) -> Row:
        """NATS hangs until every lease has run out by far, and answers again."""
        with self._operator_campaigns(lease_s) as elections:
            nats = self._environment.nats.process
            self._strike(lease_s, nats.pause)
            try:
                time.sleep(2 * lease_s)
            finally:
                nats.resume()
            time.sleep(lease_s)
            moved = [one for one in elections.elections if (one, f"{one}-0") in elections.labels.off_s]
        assert not moved, "a leader was changed because NATS was away"
        return Row(OPERATOR, lease_s, "NATS hangs for two leases", knows_instead="never", moves_instead="stays")

    def _strike(self, lease_s: int, fault: Callable[[], object]) -> float:
        """Let the fault happen at a moment by chance, and return when it did."""
        time.sleep(self._random.uniform(0, lease_s / 5))
        began_s = time.monotonic()
        fault()
        return began_s

    @contextmanager
    def _pods_campaign(self, lease_s: int) -> Iterator[tuple[_Set, Road]]:
        with self._elections("Pods", lease_s) as elections:
            scene, road = elections.scene, Road(self._environment)
            first, second = (
                Worker(scene, elections.elections, number=number, url=url, lease_s=lease_s, folder=self._folder)
                for number, url in enumerate((road.url, self._environment.nats_url))
            )
            try:
                first.start()
                elections.leader = first
                _wait_until_all_are_led(elections)
                second.start()
                time.sleep(lease_s)  # It looks at all records by then.
                yield elections, road
            finally:
                for worker in (first, second):
                    worker.process.kill()
                road.close()

    @contextmanager
    def _operator_campaigns(self, lease_s: int) -> Iterator[_Set]:
        with self._elections("Operator", lease_s) as elections:
            _wait_until_all_are_led(elections)
            yield elections

    @contextmanager
    def _elections(self, campaign: str, lease_s: int) -> Iterator[_Set]:
        scene = Scene(self._environment)
        labels, names = Labels(scene), [f"e{number}" for number in range(self._count)]
        try:
            for name in names:
                scene.run_pods(2, name=name)
                scene.elect(
                    name,
                    selector={"matchLabels": {"app": name}},
                    campaign=campaign,
                    lease={"durationSeconds": lease_s},
                )
            yield _Set(scene, names, labels)
        finally:
            labels.close()
            scene.close()


def _worker(elections: _Set) -> Worker:
    assert elections.leader is not None
    return elections.leader


def _wait_until_all_are_led(elections: _Set) -> None:
    scene = elections.scene
    scene.wait(
        lambda: all((leader := scene.leader(one)) and leader.name == f"{one}-0" for one in elections.elections),
        "the first pods lead",
        timeout_s=_TIMEOUT_S,
    )
