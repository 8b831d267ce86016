"""The command line of `kubectl tenure`. What a command needs is imported when it runs: help is there at once."""

from __future__ import annotations

import functools
import signal
from collections.abc import Callable
from typing import Any

import click

from tenure import __version__
from tenure.plugin.moment import Moment
from tenure.plugin.target import Format, Target

Command = Callable[..., None]

_TARGET_OPTIONS = (
    click.option("-n", "--namespace", metavar="NAME", help="The namespace. Default: that of the context."),
    click.option("--context", metavar="NAME", help="The context of the kubeconfig. Default: the current one."),
    click.option(
        "--kubeconfig",
        type=click.Path(),
        help="A kubeconfig file. Default: KUBECONFIG, else the usual file.",
    ),
)

_everywhere = click.option(
    "-A", "--all-namespaces", "everywhere", is_flag=True, help="The elections of all namespaces."
)
_output = click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "yaml"]),
    default="table",
    help="How to answer.",
    show_default=True,
)


def _targeted(command: Command) -> Command:
    """Give a command the options that say where to look, as one argument `target`."""

    @functools.wraps(command)
    def with_target(*, namespace: str | None, context: str | None, kubeconfig: str | None, **others: Any) -> None:
        command(target=Target(kubeconfig, context, namespace), **others)

    for option in reversed(_TARGET_OPTIONS):
        with_target = option(with_target)
    return with_target


def _complete_election(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from tenure.plugin.completion import names_of_elections

    del param
    target = Target(*(ctx.params.get(name) for name in ("kubeconfig", "context", "namespace")))
    return [name for name in names_of_elections(target) if name.startswith(incomplete)]


_election = click.argument("name", shell_complete=_complete_election)
_maybe_election = click.argument("name", required=False, shell_complete=_complete_election)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kubectl tenure", message="%(prog)s %(version)s")
def main() -> None:
    """Ask who leads and why, hand over, pause elections, and find out what is wrong."""


@main.command()
@_maybe_election
@_targeted
@_everywhere
@_output
def status(*, name: str | None, target: Target, everywhere: bool, output: Format) -> None:
    """Show who leads, and who may.

    Without NAME all elections in a line each, with NAME one with its candidates and conditions.
    """
    from tenure.plugin.running import carry_out
    from tenure.plugin.status import show_all, show_one

    _check_scope(name, target, everywhere=everywhere)
    carry_out(
        show_all(target, everywhere=everywhere, output=output)
        if name is None
        else show_one(target, name, output=output)
    )


@main.command()
@_maybe_election
@_targeted
@_everywhere
@_output
def watch(*, name: str | None, target: Target, everywhere: bool, output: Format) -> None:
    """Follow who leads, until Ctrl-C.

    The elections as they are, and then a line for every change.
    """
    from tenure.plugin.running import carry_out
    from tenure.plugin.watch import watch as follow

    _check_scope(name, target, everywhere=everywhere)
    carry_out(follow(target, name, everywhere=everywhere, output=output))


@main.command()
@_election
@_targeted
@_output
def history(*, name: str, target: Target, output: Format) -> None:
    """Show the last terms and why they ended."""
    from tenure.plugin.running import carry_out
    from tenure.plugin.status import show_history

    carry_out(show_history(target, name, output=output))


@main.command()
@_election
@_targeted
def suspend(*, name: str, target: Target) -> None:
    """Leave an election as it stands.

    No other leader is made until it is resumed.
    """
    _set_suspended(target, name, suspended=True)


@main.command()
@_election
@_targeted
def resume(*, name: str, target: Target) -> None:
    """Let a suspended election go on."""
    _set_suspended(target, name, suspended=False)


def _set_suspended(target: Target, name: str, *, suspended: bool) -> None:
    from tenure.plugin.running import carry_out
    from tenure.plugin.suspend import set_suspended

    carry_out(set_suspended(target, name, suspended=suspended))


@main.command()
@_election
@_targeted
@click.option("--to", "to_pod", metavar="POD", help="The pod that is to lead. Default: who would follow the leader.")
@click.option("--at", "at_s", type=Moment(), help="When: 2026-11-24T21:00:00Z, or +30m. Default: at once.")
@click.option("--cancel", is_flag=True, help="Cancel the one that waits.")
@click.option("--wait", is_flag=True, help="Wait for what becomes of it; exit with 0 only if it is done.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.IntRange(1, 86400),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait, from when it is to be made.",
)
def switchover(
    *, name: str, target: Target, to_pod: str | None, at_s: float | None, cancel: bool, wait: bool, timeout_s: int
) -> None:
    """Have another pod lead, now or later."""
    from tenure.plugin.running import carry_out
    from tenure.plugin.switchover import ask_for, take_back

    if cancel and (to_pod is not None or at_s is not None):
        raise click.UsageError("--cancel goes neither with --to nor with --at.")
    wait_s = timeout_s if wait else None
    carry_out(
        take_back(target, name, wait_s=wait_s)
        if cancel
        else ask_for(target, name, to_pod=to_pod, at_s=at_s, wait_s=wait_s)
    )


@main.command()
@_targeted
@_everywhere
@click.option(
    "--operator-namespace", metavar="NAME", help="Where the operator runs. Default: it is looked for everywhere."
)
@_output
def doctor(*, target: Target, everywhere: bool, operator_namespace: str | None, output: Format) -> None:
    """Find out what is wrong, and what to do.

    Looks at the CRD, permissions, the operators, NATS as they see it, elections and labels. The exit status is 1 when
    there is a problem.
    """
    from tenure.plugin.doctor import examine
    from tenure.plugin.running import carry_out

    _check_scope(None, target, everywhere=everywhere)
    carry_out(examine(target, everywhere=everywhere, operator_namespace=operator_namespace, output=output))


def _check_scope(name: str | None, target: Target, *, everywhere: bool) -> None:
    if everywhere and (name is not None or target.namespace is not None):
        raise click.UsageError("--all-namespaces goes neither with a NAME nor with --namespace.")


def run() -> None:
    """Do what `kubectl-tenure` is started for."""
    # Ctrl-C ends it as it ends kubectl, at any moment: there is nothing to put in order.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    main(prog_name="kubectl tenure")
