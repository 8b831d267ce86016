"""One run: rounds of faults with a rest after each, until the time is over or something is violated."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from chaos.history import History, Phase
from chaos.injection import Injector
from chaos.judge import Violation, judge
from chaos.leadership import is_eligible
from chaos.machine import describe
from chaos.observers import ApiObserver, BucketObserver
from chaos.plan import ELECTIONS, OPERATORS, Crew, Round, plan, pods_of
from chaos.stage import BUCKET, NAMESPACE, Stage
from cluster_support.kubernetes import Refused
from demo.terminal import Terminal
from environment import EnvironmentFailed
from tenure.nats.bucket import BucketSettings

PROGRESS_BOUND_S = 60.0
"""How long elections may take to settle once all is mended and reachable again.

A hand-over takes tens of milliseconds. The rest is for clients that wait up to 2 s between attempts, for a watch that
lagged, for processes that have just been started, and for a machine that does much else.
"""

_REACHABLE_TIMEOUT_S = 180.0
_LOOK_EVERY_S = 0.2
_QUIET_S = 2.0
_STUCK_AFTER_S = 3.0


@dataclass
class Outcome:
    """What is known in the end; `facts` are what it was run with."""

    history: History
    violations: list[Violation]
    facts: dict[str, str]


class Run:
    """Everything that one run needs, from the start of the first program."""

    def __init__(self, folder: Path, terminal: Terminal) -> None:
        self._terminal = terminal
        self._began_at_s = time.time()
        self._history = History()
        self._stage = Stage(folder)
        self._injector = Injector(self._stage, self._history, self._now_s, lambda: self._api.state)
        self._api: ApiObserver
        self._bucket: BucketObserver

    def _now_s(self) -> float:
        # The wall clock, which all the programs of one machine share: NATS stamps its records with it.
        return time.time() - self._began_at_s

    async def run(self, seed: int, *, for_s: float) -> Outcome:
        """Run, and end all programs. Raises EnvironmentFailed and ObserverFailed when nothing can be said."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._stage.stop)
            await self._start(stack)
            began_s = self._now_s()
            async with asyncio.TaskGroup() as group:
                lookers = [
                    group.create_task(self._bucket.follow(), name="reader of the bucket"),
                    group.create_task(self._supervise(), name="supervisor of the operators"),
                ]
                violations = await self._play(seed, until_s=began_s + for_s)
                for looker in lookers:
                    looker.cancel()
            facts = {"Run": f"seed {seed}, {self._now_s() - began_s:.0f} s", **describe(self._stage.kubernetes)}
            return Outcome(self._history, violations, facts)

    async def _start(self, stack: AsyncExitStack) -> None:
        with self._terminal.step(
            "Starting a control plane and three NATS servers", "Started a control plane and three NATS servers"
        ):
            await self._stage.start()
        self._bucket = BucketObserver(
            self._stage.nats_urls,
            BucketSettings(name=BUCKET, replicas=3),
            NAMESPACE,
            self._history,
            run_began_at_s=self._began_at_s,
        )
        await self._bucket.open()
        stack.push_async_callback(self._bucket.close)
        self._api = await asyncio.to_thread(ApiObserver, self._stage.kubernetes, NAMESPACE, self._history, self._now_s)
        stack.callback(self._api.stop)
        await asyncio.to_thread(self._stage.populate)
        for operator in self._stage.operators.values():
            operator.start(wait=False)

    async def _play(self, seed: int, *, until_s: float) -> list[Violation]:
        violations = await self._rest()
        for round_ in plan(seed):
            if not violations and round_.crew is not self._stage.crew:
                violations = await self._change_crew(round_.crew)
            left_s = until_s - self._now_s()
            if violations or left_s <= 0:
                break
            # What does not fit any more is left out; what comes before it is the same for every length.
            await self._play_round(replace(round_, faults=tuple(one for one in round_.faults if one.at_s < left_s)))
            violations = await self._rest()
        if not violations:
            taken_back = await self._bucket.read_again()
            violations = [Violation(None, f"NATS took back revision {revision}.") for revision in taken_back]
        return violations

    async def _play_round(self, round_: Round) -> None:
        name = f"Round {round_.number}, {round_.kind}: {len(round_.faults)} faults"
        began_s = self._now_s()
        with self._terminal.step(name, name):
            await self._injector.carry_out(round_.faults)
        self._history.phases.append(Phase(round_.kind, round_.crew, began_s, self._now_s()))

    async def _change_crew(self, crew: Crew) -> list[Violation]:
        """Have other operators, and return what was violated up to now."""
        with self._terminal.step("Changing the operators", f"From now on {crew}"):
            try:
                await self._stage.change_crew(crew)
            except EnvironmentFailed as error:
                self._history.complaints.append(str(error))
        return await self._rest()

    async def _rest(self) -> list[Violation]:
        """Let everything come to rest, and return what was violated up to now."""
        with self._terminal.step("Waiting until all is reachable again", "All is reachable again"):
            await self._wait_until_reachable()
        began_s = self._now_s()
        with self._terminal.step("Waiting until all elections are settled", self._said_of_rest):
            while self._api.state.unsettled():
                if self._now_s() > began_s + PROGRESS_BOUND_S:
                    break
                await asyncio.sleep(_LOOK_EVERY_S)
        self._history.phases.append(Phase("rest", self._stage.crew, began_s, self._now_s()))
        await asyncio.sleep(_QUIET_S)
        await self._api.catch_up()
        await self._bucket.catch_up()
        for operator in self._stage.everybody:
            try:
                await asyncio.to_thread(operator.check)
            except AssertionError as error:
                self._history.complaints.append(str(error))
        return await asyncio.to_thread(judge, self._history.snapshot())

    def _said_of_rest(self) -> str:
        lacks = [f"{election} ({lack})" for election, lack in self._api.state.unsettled().items()]
        return f"Not settled: {', '.join(lacks)}" if lacks else "All elections are settled"

    async def _wait_until_reachable(self) -> None:
        """Return when each server answers, the bucket has a leader, and all pods are back and Ready."""
        try:
            async with asyncio.timeout(_REACHABLE_TIMEOUT_S):
                for server in self._stage.servers.values():
                    await _insist(server.wait_until_ready)
                while not await self._bucket.has_leader():
                    await asyncio.sleep(_LOOK_EVERY_S)
                while not self._pods_are_back():
                    await _insist(self._stage.delete_stuck_pods)
                    await asyncio.sleep(_STUCK_AFTER_S)
        except TimeoutError:
            raise EnvironmentFailed(f"Not all was reachable {_REACHABLE_TIMEOUT_S:g} s after it was mended.") from None

    def _pods_are_back(self) -> bool:
        pods = self._api.state.pods
        return all(sum(map(is_eligible, pods[name].values())) == pods_of(name) for name in ELECTIONS)

    async def _supervise(self) -> None:
        """Start an operator again that has ended by itself, as its node would, and write that down."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            for name in OPERATORS:
                operator = self._stage.operators[name]
                if not operator.process.running and not self._injector.is_at_work_on(name):
                    self._history.complaints.append(
                        f"{name} ended by itself at {self._now_s():.1f} s.\n{operator.process.last_log_lines()}"
                    )
                    operator.kill()
                    operator.start(wait=False)


async def _insist(work: Callable[[], object]) -> None:
    """Do it, again and again until it succeeds: what it needs may still be starting."""
    while True:
        try:
            await asyncio.to_thread(work)
        except (OSError, Refused, EnvironmentFailed):
            await asyncio.sleep(_LOOK_EVERY_S)
        else:
            return
