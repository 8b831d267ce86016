"""The command `tenure campaign`."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import NoReturn

import click

from tenure.candidate.candidate import NotLeader
from tenure.candidate.config import LEASE_TIMEOUT_S, ElectionConfig
from tenure.candidate.session import Session, SessionSettings
from tenure.log_options import log_options
from tenure.nats.bucket import DEFAULT_BUCKET, BucketRefused
from tenure.nats.settings import NatsSettings
from tenure.nats_options import nats_options, option
from tenure.parameters import BUCKET, ELECTION, IDENTITY, ListenAddress, Seconds


@click.command(
    context_settings={"auto_envvar_prefix": "TENURE", "show_default": True, "ignore_unknown_options": False},
    epilog="The program gets TENURE_TERM, its fencing token, and TENURE_IDENTITY in its environment.",
)
@nats_options
@option("--election", required=True, type=ELECTION, metavar="NAMESPACE/NAME", help="The election to take part in.")
@option(
    "--identity",
    type=IDENTITY,
    metavar="TEXT",
    help="The name of this candidate, which must be no other one's: in a pod, its name and UID joined by '_'. "
    "Default: the host's name.",
)
@option("--bucket", type=BUCKET, default=DEFAULT_BUCKET, help="The key-value bucket of the leases; made when absent.")
@option(
    "--lease-duration",
    "lease_duration_s",
    envvar="TENURE_LEASE_DURATION",
    type=click.IntRange(3, 3600),
    default=LEASE_TIMEOUT_S,
    metavar="SECONDS",
    help="For how long others respect this candidate after they last saw its lease renewed.",
)
@option(
    "--grace",
    "grace_s",
    envvar="TENURE_GRACE",
    type=Seconds(min=0, max=3600),
    default=10.0,
    metavar="SECONDS",
    help="How long the program has to end after SIGTERM, when this command is asked to end. When the lease is lost, it "
    "is killed before the lease can have run out.",
)
@option(
    "--hook-became",
    metavar="SHELL",
    help="A shell command that is run before the program, whenever the candidate becomes leader.",
)
@option("--hook-lost", metavar="SHELL", help="A shell command that is run when the candidate does not lead any more.")
@option("--listen", type=ListenAddress(), help="Where to serve GET /leader: 200 while this candidate leads, else 503.")
@log_options
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def campaign(  # noqa: PLR0913 - one for each option
    *,
    nats: NatsSettings,
    election: str,
    identity: str | None,
    bucket: str,
    lease_duration_s: int,
    grace_s: float,
    hook_became: str | None,
    hook_lost: str | None,
    listen: tuple[str, int] | None,
    command: tuple[str, ...],
) -> None:
    """Take part in an election, and run COMMAND only while leading.

    The exit status is COMMAND's. Without COMMAND it takes part until SIGTERM or Ctrl-C, calls the hooks, and tells who
    leads on --listen.
    """
    if not (command or hook_became or hook_lost or listen):
        raise click.UsageError("Nothing would happen: give a COMMAND after --, a hook, or --listen.")
    settings = SessionSettings(
        identity=identity or socket.gethostname(),
        key=election.replace("/", "."),
        bucket=bucket,
        nats=nats,
        config=ElectionConfig(lease_timeout_s=lease_duration_s),
        command=command,
        grace_s=grace_s,
        hook_became=hook_became,
        hook_lost=hook_lost,
        listen=listen,
    )
    try:
        session = Session(settings)
    except ValueError as error:
        _fail(error)
    try:
        status = asyncio.run(session.run())
    except (BucketRefused, NotLeader, OSError) as error:
        _fail(error)
    sys.exit(status)


def _fail(error: Exception) -> NoReturn:
    click.echo(f"tenure: {error}", err=True)
    sys.exit(1)
