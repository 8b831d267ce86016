"""`python -m e2e`.

Ends with 0 when all went as claimed, 1 when it could not be played, 2 when a claim did not hold, and as a shell expects
it when it was interrupted.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from pathlib import Path

import click

from demo.kubectl import Kubectl
from demo.terminal import Terminal
from demo.watching import Watches
from e2e import report
from e2e.bed import FAULTS, Bed
from e2e.clients import Clients
from e2e.helm import Helm
from e2e.interruption import Interrupted, watch_signals
from e2e.play import Result, play
from e2e.scenes import SCENES, Scene
from e2e.stage import CAMPAIGN, SYSTEM, WEB, Stage, installed, start_workload
from environment import EnvironmentFailed

_COMPLAINTS_SHOWN = 5


_EPILOG = (
    "Faults of machines, by shell commands that find NODE, or NAMESPACE, POD and CONTAINER, in their environment: "
    + ("; ".join(f"{begin} and {end}" for begin, end in FAULTS.values()) + ".")
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EPILOG)
@click.option(
    "--context", envvar="CONTEXT", show_envvar=True, help="A context of your kubeconfig. Default: the current one."
)
@click.option(
    "--image", envvar="IMAGE", show_envvar=True, required=True, help="The operator's image, for your nodes to pull."
)
@click.option(
    "--nats-image",
    envvar="NATS_IMAGE",
    show_envvar=True,
    default="nats:2.12",
    show_default=True,
    help="The NATS server's image. tests/e2e/nats/Dockerfile builds one.",
)
@click.option(
    "--report",
    "report_file",
    envvar="REPORT",
    show_envvar=True,
    type=click.Path(dir_okay=False, path_type=Path),
    default="dist/e2e.md",
    show_default=True,
    help="Where the report goes. The same with .json has all figures.",
)
@click.option("--scene", "wanted", multiple=True, help="Play only scenes with this text in their title. Repeatable.")
def main(context: str | None, image: str, nats_image: str, report_file: Path, wanted: tuple[str, ...]) -> None:
    """Install everything in a cluster of yours, break it in every way, and look at what clients saw.

    It makes namespaces whose names begin with tenure-e2e, and takes away what it made.
    """
    scenes = [scene for scene in SCENES if not wanted or any(text.lower() in scene.title.lower() for text in wanted)]
    if not scenes:
        raise click.BadParameter(f"no scene has this in its title; there are: {'; '.join(one.title for one in SCENES)}")
    terminal, logs = Terminal(), report_file.with_suffix(".logs")
    folder = Path(tempfile.mkdtemp(prefix="tenure-e2e-"))
    watch_signals()
    try:
        result = _run(_stage(context, image, nats_image, folder, logs, terminal), scenes, report_file)
    except Interrupted as interruption:
        terminal.say("Interrupted. What was made is taken away.")
        sys.exit(interruption.status)
    except (EnvironmentFailed, TimeoutError) as failure:
        terminal.say(terminal.bad(f"It could not be played. {failure}"))
        sys.exit(1)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    terminal.say(f"Wrote {report_file}, the figures beside it, and logs into {logs}")
    for complaint in result.complaints[:_COMPLAINTS_SHOWN]:
        terminal.say(terminal.bad(f"{complaint}."))
    if result.complaints:
        terminal.say(terminal.bad(f"What is claimed did not hold, {len(result.complaints)} times."))
        sys.exit(2)
    terminal.say(terminal.good("Everything held that is claimed."))


def _run(stage: Stage, scenes: list[Scene], report_file: Path) -> Result:
    with contextlib.ExitStack() as stack:
        stack.enter_context(installed(stage))
        watches = stack.enter_context(Watches(stage.kubectl, WEB))
        campaign = stack.enter_context(Watches(stage.kubectl, CAMPAIGN))
        start_workload(stage)
        clients = stack.enter_context(Clients(stage.kubectl, SYSTEM))
        result = play(stage, watches, campaign, clients, scenes)
        about = report.about(stage)
        report_file.parent.mkdir(parents=True, exist_ok=True)
        report_file.write_text(report.as_markdown(result, about))
        report_file.with_suffix(".json").write_text(report.as_json(result, about))
    return result


def _stage(context: str | None, image: str, nats_image: str, folder: Path, logs: Path, terminal: Terminal) -> Stage:
    """Find the cluster, and copy how to reach it: what is changed in the user's kubeconfig meanwhile is not seen."""
    kubeconfig, cache = folder / "kubeconfig", folder / "kubectl-cache"
    kubeconfig.touch(mode=0o600)
    binary = _program("kubectl")
    chosen = () if context is None else (f"--context={context}",)
    kubeconfig.write_text(Kubectl(binary, None, cache=cache)("config", "view", "--minify", "--flatten", *chosen))
    kubectl = Kubectl(binary, kubeconfig, cache=cache)
    with terminal.step("Asking the cluster", "The cluster answers"):
        kubectl("get", "--raw", "/version", "--request-timeout=10s")
    helm = Helm(_program("helm"), kubeconfig, SYSTEM, folder)
    return Stage(kubectl, helm, Bed(), image, nats_image, folder, logs, terminal)


def _program(name: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise EnvironmentFailed(f"{name} is needed, and there is none on the PATH.")
    return Path(found)


if __name__ == "__main__":
    main()
