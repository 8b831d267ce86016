"""The command line. Every option is an environment variable as well: TENURE_<OPTION>."""

from __future__ import annotations

import importlib

import click

from tenure import __version__

COMMANDS = {"campaign": "tenure.cli_campaign", "run": "tenure.cli_run"}
"""The module of each command, which has its name. It is loaded when it is asked for: a candidate needs neither Kopf nor
the Kubernetes client."""


class Commands(click.Group):
    """The commands of `COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return their names."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one; None when there is none of this name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(COMMANDS[cmd_name]), cmd_name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tenure", message="%(prog)s %(version)s")
def main() -> None:
    """Leader election for Kubernetes workloads, with leases in NATS."""
