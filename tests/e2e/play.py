"""The scenes, one after the other, and what came of each."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from demo.verdict import judge
from demo.watching import Watches
from demo.world import World
from e2e.calls import Reign, Seen, last_answer_s, look, reigns, remembered
from e2e.campaign import Loss, loss, move_to, said
from e2e.clients import Clients
from e2e.scenes import OPERATOR, Leader, Scene, Scenery
from e2e.stage import CAMPAIGN, SYSTEM, WEB, Stage
from e2e.verdict import CLOCKS_AGREE_S, Excuse, judge_calls
from environment import EnvironmentFailed, wait_until

_REPLICAS = 3
_REST_TIMEOUT_S = 300.0
_SETTLES_S = 2.0
"""How long all clients are to be answered by the leader alone before the next scene."""


@dataclass(frozen=True)
class Outcome:
    """One scene that was played. Times are Unix seconds; `reigns` are those that began in it.

    `caught_up_s` is for how long after its node was cut off no more a client there still came to the former leader.
    `campaign_reigns` are those that began in it among the pods that campaign, and `loss` is what became of their leader
    on a node that was lost.
    """

    scene: Scene
    from_s: float
    to_s: float
    leader: Leader
    reigns: list[Reign]
    seen: Seen
    caught_up_s: float | None = None
    campaign_reigns: list[Reign] = field(default_factory=list)
    loss: Loss | None = None


@dataclass
class Result:
    """Everything that was played, what was left out and why, and what did not hold."""

    outcomes: list[Outcome] = field(default_factory=list)
    left_out: list[tuple[Scene, str]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    changes: int = 0
    calls: int = 0
    remembered: int = 0


def play(stage: Stage, watches: Watches, campaign: Watches, clients: Clients, scenes: Sequence[Scene]) -> Result:
    """Play the scenes and judge them. A scene that does not come to its end is a complaint, and the last one.

    `watches` are those of the pods that the operator campaigns for, `campaign` of those that do so themselves.
    """
    result, excuses = Result(), list[Excuse]()
    _check_clocks(clients)
    nodes = len(stage.nodes())
    with stage.terminal.step("Waiting for a leader that answers every client", "The leader answers every client"):
        leader = _await_rest(stage, watches, campaign, clients)
    for scene in scenes:
        if why := _obstacle(stage, scene, nodes):
            result.left_out.append((scene, why))
            stage.terminal.say(f"{'':12}Left out: {scene.title} ({why})")
            continue
        line = scene.title
        try:
            with stage.terminal.step(scene.title, lambda: line):  # noqa: B023 - it is called within this round
                if scene.loses_node:
                    move_to(stage, campaign, leader.node)
                    leader = _await_rest(stage, watches, campaign, clients)
                from_s = time.time()
                scene.act(Scenery(stage, watches, leader))
                over_s = time.time()
                if scene.fault:
                    clients.reconnect()
                former, leader = leader, _await_rest(stage, watches, campaign, clients)
                outcome = _look(scene, former, watches, clients, from_s, over_s)
                outcome = _look_at_campaign(outcome, stage, campaign, over_s)
                line = _line(outcome)
                if scene.node_is_cut:
                    excuses.append(Excuse(former.node, from_s, time.time()))
        except (EnvironmentFailed, TimeoutError) as failure:
            result.complaints.append(f"{scene.title}: {failure}")
            break
        result.outcomes.append(outcome)
        result.complaints += _judge_scene(outcome)
    calls, verdict = clients.calls, judge_calls(clients.calls, _reigns(watches), excuses)
    result.calls = len(calls)
    for changes in (watches.changes, campaign.changes):
        result.changes += len(changes)
        result.complaints += judge(changes)
    result.complaints += verdict.complaints
    result.remembered = verdict.remembered
    return result


def _obstacle(stage: Stage, scene: Scene, nodes: int) -> str:
    if nodes < scene.needs_nodes:
        return f"it needs {scene.needs_nodes} nodes, and there are {nodes}"
    if scene.fault and not stage.bed.offers(scene.fault):
        return "no command for this fault was given"
    return ""


def _await_rest(stage: Stage, watches: Watches, campaign: Watches, clients: Clients) -> Leader:
    """Return the leader once everything is there and Ready, and every client is answered by that leader."""
    stage.rolled_out(SYSTEM, "statefulset/nats", OPERATOR, "daemonset/client")
    stage.rolled_out(WEB, "statefulset/web")
    stage.rolled_out(CAMPAIGN, "statefulset/web")
    complete = "three Ready pods with labels, one leader"
    campaign.wait_until(_is_complete, f"{complete} in {CAMPAIGN}", timeout_s=_REST_TIMEOUT_S)
    world = watches.wait_until(_is_complete, f"{complete} in {WEB}", timeout_s=_REST_TIMEOUT_S)
    uid = world.election.leader_uid
    assert uid is not None

    def all_answered() -> bool:
        since_s, calls = time.time() - _SETTLES_S, clients.calls
        answers = {node: set[str | None]() for node in clients.pods}
        for call in set(calls) - remembered(calls):
            if call.at_s > since_s:
                answers[call.client].add(call.uid)
        return all(answered == {uid} for answered in answers.values())

    wait_until(all_answered, f"every client is answered by {world.election.leader} alone", timeout_s=60, every_s=0.5)
    pod = str(world.election.leader)
    return Leader(pod, uid, stage.node_of(WEB, pod))


def _is_complete(world: World) -> bool:
    pods = [pod for pod in world.pods.values() if pod.ready and pod.role is not None and not pod.ending]
    return len(pods) == len(world.pods) == world.election.candidates == _REPLICAS and world.routes_to(
        world.election.leader_uid
    )


def _check_clocks(clients: Clients) -> None:
    for node in clients.pods:
        offset_s = clients.clock_offset_s(node)
        if offset_s > CLOCKS_AGREE_S:
            raise EnvironmentFailed(
                f"The clock of {node} and that of this machine differ by {offset_s:.1f} s or more: what a client saw "
                "could not be compared with what the API said. Set both by NTP."
            )


def _reigns(watches: Watches) -> list[Reign]:
    return reigns(watches.changes, epoch_s=time.time() - time.monotonic())


def _look(scene: Scene, leader: Leader, watches: Watches, clients: Clients, from_s: float, over_s: float) -> Outcome:
    to_s, all_reigns, calls = time.time(), _reigns(watches), clients.calls
    # A client on the node that was lost says nothing about what others saw.
    lost = {leader.node} if scene.loses_node else set()
    new = [reign for reign in all_reigns if from_s <= reign.from_s]
    seen = look([call for call in calls if call.client not in lost], all_reigns, from_s=from_s, to_s=to_s)
    outcome = Outcome(scene, from_s, to_s, leader, new, seen)
    if not scene.node_is_cut:
        return outcome
    return replace(outcome, caught_up_s=max(0.0, last_answer_s(calls, leader.node, leader.uid) - over_s))


def _look_at_campaign(outcome: Outcome, stage: Stage, campaign: Watches, over_s: float) -> Outcome:
    all_reigns = _reigns(campaign)
    outcome = replace(outcome, campaign_reigns=[reign for reign in all_reigns if outcome.from_s <= reign.from_s])
    if not outcome.scene.loses_node:
        return outcome
    found = loss(all_reigns, functools.partial(said, stage), from_s=outcome.from_s, over_s=over_s)
    return replace(outcome, loss=found)


def _judge_scene(outcome: Outcome) -> list[str]:
    """Whether leaders stayed where they should have. That another one came where it should, the scene has awaited."""
    lost = outcome.loss
    if lost is not None and lost.ended_s is not None and lost.began_s < lost.ended_s - CLOCKS_AGREE_S:
        return [f"{outcome.scene.title}: the programs of two leaders that campaign ran at once"]
    if not outcome.scene.keeps_leader:
        return []
    title, failed = outcome.scene.title, sum(outcome.seen.failed.values())
    new = [*outcome.reigns, *outcome.campaign_reigns]
    complaints = [f"{title}: {reign.pod} became leader in term {reign.term}" for reign in new]
    return complaints + ([f"{title}: {failed} calls failed"] if failed else [])


def _line(outcome: Outcome) -> str:
    seen = outcome.seen
    moves = " → ".join([outcome.leader.pod, *(f"{reign.pod} (term {reign.term})" for reign in outcome.reigns)])
    gap = f"{seen.gap_s[0]:.2f} to {seen.gap_s[1]:.2f} s"
    return f"{outcome.scene.title}: {moves}; without an answer for at most {gap}"
