"""The story: three pods, one leader, one Service; the leader's pod is deleted, and the next one takes over."""

from __future__ import annotations

import contextlib
import itertools
import shlex
import shutil
import signal
import time
from collections.abc import Callable

from demo.stage import NAMESPACE, Stage, namespace, operator
from demo.terminal import Terminal
from demo.verdict import in_order, judge
from demo.watching import Watches
from demo.world import ELECTION, SERVICE, Change, World
from tenure.election.labels import role_key, term_key

REPLICAS = 3

_ROUTE_TIMEOUT_S = 60.0
_LATE_NEWS_S = 0.3
_CONTROLLER_IS_LATE_S = 0.5
_WHY_LATE = "(Kubernetes' EndpointSlice controller waits a second when its cache does not show its own last write yet)"
_COMPLAINTS_SHOWN = 5
_LABELS = f"-L {role_key(ELECTION)} -L {term_key(ELECTION)}"


def play(
    stage_manager: contextlib.AbstractContextManager[Stage],
    terminal: Terminal,
    *,
    hold: bool,
    finish: Callable[[], None],
) -> bool:
    """Play the whole of it, and return whether all claims held. `finish` is called before things are taken away."""
    with contextlib.ExitStack() as stack:
        stage = stack.enter_context(stage_manager)
        stack.enter_context(namespace(stage, terminal))
        process = stack.enter_context(operator(stage, terminal))
        watches = stack.enter_context(Watches(stage.kubectl, NAMESPACE, process))
        leader = _elect(stage, watches, terminal)
        _hand_over(stage, watches, terminal, leader)
        is_good = _judge(watches.changes, terminal)
        watches.__exit__()
        if hold:
            _hold(stage, terminal)
        stack.callback(finish)
    return is_good


def _elect(stage: Stage, watches: Watches, terminal: Terminal) -> str:
    """Create the pods, the election and the Service; return the leader's UID when traffic is routed to it."""
    what = "three pods, a LeaderElection, and a Service that selects the leader label"
    with terminal.step("Applying examples/web.yaml", f"Applied examples/web.yaml: {what}"):
        stage.kubectl("apply", "-n", NAMESPACE, "--filename=-", input=stage.manifest())
    with terminal.step("Waiting for a leader and for its endpoint", lambda: f"{_state(world)}"):
        world = watches.wait_until(
            lambda world: _is_complete(world) and world.routes_to(world.election.leader_uid),
            f"{REPLICAS} Ready pods with labels, one of them the leader, and {SERVICE} routes to it",
            timeout_s=stage.patience_s,
        )
    _show(stage, terminal, "get leaderelections")
    assert world.election.leader_uid is not None
    return world.election.leader_uid


def _hand_over(stage: Stage, watches: Watches, terminal: Terminal, leader: str) -> None:
    """Delete the leader's pod; show what happens until traffic is routed to the next one, and the pod is replaced."""
    name = next(change.object["metadata"]["name"] for change in watches.changes if _uid(change) == leader)
    terminal.say(f"\n{terminal.bold(f'$ kubectl -n {NAMESPACE} delete pod {name}')}")
    stage.kubectl("delete", "pod", name, "-n", NAMESPACE, "--wait=false")
    watches.wait_until(
        lambda world: world.election.leader_uid != leader and world.routes_to(world.election.leader_uid),
        f"another pod than {name} leads, and {SERVICE} routes to it",
        timeout_s=_ROUTE_TIMEOUT_S,
    )
    time.sleep(_LATE_NEWS_S)
    _show_timeline(watches.changes, leader, terminal)
    with terminal.step(
        "Waiting for the deleted pod to end and to be replaced",
        lambda: f"{name} is back with another UID, as a follower; {_state(world)}",
    ):
        world = watches.wait_until(
            lambda world: _is_complete(world) and leader not in world.pods and world.election.ready == "True",
            f"{name} is replaced, and the election is at rest",
            timeout_s=stage.patience_s,
        )
    _show(stage, terminal, "get leaderelections")
    _show(stage, terminal, f"get pods {_LABELS}")


def _show_timeline(changes: list[Change], leader: str, terminal: Terminal) -> None:
    """Print a line for each thing that happened since the leader's pod was marked as deleted, which is 0 ms.

    The lines are in the order in which things became true, with the time by which the watches had told so: a change
    that came late, after one that followed it, was true by the time that other one came.
    """
    world, zero_s, crowned_at_s = World(), 0.0, 0.0
    changes = in_order(changes)
    known_at_s = list(itertools.accumulate((change.came_at_s for change in reversed(changes)), min))[::-1]
    for change, at_s in zip(changes, known_at_s, strict=True):
        news = world.apply(change)
        pod = world.pods.get(leader)
        if not zero_s and _uid(change) == leader and (pod is None or pod.ending):
            zero_s = at_s
        if not zero_s:
            continue
        if world.leaders.keys() - {leader}:
            crowned_at_s = crowned_at_s or at_s
        is_the_point = change.kind == "slice" and world.routes_to(world.election.leader_uid)
        for text in news:
            terminal.say(f"{(at_s - zero_s) * 1000:7.0f} ms  {terminal.good(text) if is_the_point else text}")
        if is_the_point and at_s > crowned_at_s + _CONTROLLER_IS_LATE_S:
            terminal.say(f"{'':12}{terminal.faint(_WHY_LATE)}")
    terminal.say()


def _judge(changes: list[Change], terminal: Terminal) -> bool:
    complaints = judge(changes)
    terminal.say()
    if not complaints:
        terminal.say(terminal.good(
            f"In {len(changes)} changes of pods, election and endpoints: never two leaders, never two endpoints,\n"
            "never an endpoint that was not the leader (or, until the endpoints followed, the one before it)."
        ))  # fmt: skip
        return True
    for complaint in complaints[:_COMPLAINTS_SHOWN]:
        terminal.say(terminal.bad(complaint))
    terminal.say(terminal.bad(f"What is claimed did not hold, {len(complaints)} times in {len(changes)} changes."))
    return False


def _hold(stage: Stage, terminal: Terminal) -> None:
    """Say how to look at it, and wait for Ctrl-C."""
    binary = stage.kubectl.binary
    on_path = shutil.which("kubectl") is not None
    terminal.say("\nIt stays up until Ctrl-C. To look at it from another terminal:\n")
    for command in (
        f"export KUBECONFIG={shlex.quote(str(stage.kubectl.kubeconfig))}",
        *(() if on_path else (f"export PATH={shlex.quote(str(binary.parent))}:$PATH",)),
        f"kubectl -n {NAMESPACE} get leaderelections --watch",
        f"kubectl -n {NAMESPACE} get pods {_LABELS} --watch",
        f"kubectl -n {NAMESPACE} describe leaderelection {ELECTION}",
        f"kubectl -n {NAMESPACE} delete pod -l {role_key(ELECTION)}=leader",
        f"tail -f {shlex.quote(str(stage.operator_log))}",
    ):
        terminal.say(f"  {command}")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            signal.pause()


def _is_complete(world: World) -> bool:
    """Whether all replicas are there, Ready, labelled, and counted by the election."""
    pods = [pod for pod in world.pods.values() if pod.ready and pod.role is not None and not pod.ending]
    return len(pods) == len(world.pods) == world.election.candidates == REPLICAS


def _state(world: World) -> str:
    return f"{world.election.leader} leads in term {world.election.term}, and {SERVICE} routes to it alone"


def _show(stage: Stage, terminal: Terminal, command: str) -> None:
    terminal.ran(f"kubectl -n {NAMESPACE} {command}", stage.kubectl("-n", NAMESPACE, *command.split()))


def _uid(change: Change) -> str:
    return str(change.object["metadata"]["uid"])
