"""The environment from a terminal: `python -m environment up`, and `down` when done."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path

from environment import Environment, EnvironmentFailed
from environment.binaries import control_plane_binaries, helm_binary, promtool_binary
from environment.detached import Detached, Record
from environment.go_build import exclusively

_HOME = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "tenure"
_FOLDER = _HOME / "environment"
_RECORD = _HOME / "environment.json"


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _alone() -> AbstractContextManager[None]:
    return exclusively(_HOME / "environment.lock", "another `python -m environment` is at work")


def build() -> None:
    """Build all programs that tests need now, or say where they are."""
    _say(f"The control plane's programs are in {control_plane_binaries().folder}")
    _say(f"Helm is {helm_binary()}")
    _say(f"promtool is {promtool_binary()}")


def up() -> None:
    """Start an environment, leave it running, and print how to reach it."""
    with _alone():
        record = _found() or _start()
    _say(f"Its files and logs: {record.folder}\nkubectl: {record.kubectl}")
    print(f"export KUBECONFIG={shlex.quote(record.kubeconfig)}")
    print(f"export TENURE_NATS_URL={shlex.quote(record.nats_url)}")


def _found() -> Record | None:
    record = Record.load(_RECORD)
    if record is None or not any(process.running for process in record.processes):
        return None
    if ended := [process.name for process in record.processes if not process.running]:
        raise EnvironmentFailed(f"The environment runs without {', '.join(ended)}: `down` ends what is left of it.")
    _say("The environment is running already, and each user has one: this is how to reach it. `down` ends it.")
    return record


def _start() -> Record:
    shutil.rmtree(_FOLDER, ignore_errors=True)
    environment = Environment(_FOLDER)
    _say("Starting etcd, kube-apiserver, kube-controller-manager, kwok and nats-server.")
    began_s = time.monotonic()
    with environment:
        processes = [Detached.of(process.name, process.pid) for process in environment.processes]
        kubeconfig, kubectl = str(environment.kubeconfig), str(environment.kubectl_binary)
        record = Record(str(environment.folder), kubeconfig, environment.nats_url, kubectl, processes)
        record.save(_RECORD)
        environment.release()
    _say(f"The environment is ready after {time.monotonic() - began_s:.1f} s. It runs until `down`.")
    return record


def down() -> None:
    """End the environment that `up` started; its logs stay."""
    with _alone():
        _end()


def _end() -> None:
    record = Record.load(_RECORD)
    if record is None:
        _say("There is no environment to end.")
        return
    running = [process for process in reversed(record.processes) if process.running]
    for process in running:
        process.end()
    _RECORD.unlink()
    names = ", ".join(process.name for process in running)
    _say(f"Ended {names}. The logs are in {record.folder}/logs" if names else "The environment had ended already.")


def main() -> int:
    """Run the command that the arguments name. Returns the exit code: 0, or 1 when it failed."""
    parser = argparse.ArgumentParser(
        prog="python -m environment",
        description="A Kubernetes control plane without machines, and a nats-server, on free ports of loopback.",
        epilog='Typical use: eval "$(python -m environment up)"; kubectl get nodes; python -m environment down',
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (build, up, down):
        summary = (command.__doc__ or "").strip()
        commands.add_parser(command.__name__, help=summary, description=summary).set_defaults(command=command)
    arguments = parser.parse_args()
    try:
        arguments.command()
    except (EnvironmentFailed, TimeoutError) as failure:
        _say(f"{failure}")
        return 1
    except KeyboardInterrupt:
        _say("Interrupted.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
