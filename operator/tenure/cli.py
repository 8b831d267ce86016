"""The command line. Every option is an environment variable as well: TENURE_<OPTION>."""

from __future__ import annotations

import asyncio
import re
import sys

import click

from tenure import __version__, log
from tenure.kubernetes.access import NoConfiguration
from tenure.nats.bucket import BucketRefused
from tenure.process import OperatorProcess, use_kubeconfig
from tenure.settings import DEFAULT_BUCKET, DEFAULT_POLL_INTERVAL_S, Settings

LISTEN = re.compile(r"(?P<address>.*):(?P<port>\d{1,5})")


class ListenAddress(click.ParamType[tuple[str, int]]):
    """An address and a port, as in `0.0.0.0:8080`, `[::]:8080` or `:8080` (all addresses)."""

    name = "address:port"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Return address and port."""
        if isinstance(value, tuple):
            return value
        match = LISTEN.fullmatch(str(value))
        if match is None or int(match["port"]) > 65535:
            self.fail(f"{value!r} is not an address and a port; write for instance 127.0.0.1:8080", param, ctx)
        return match["address"].strip("[]") or "0.0.0.0", int(match["port"])  # noqa: S104 - what ":8080" asks for


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tenure", message="%(prog)s %(version)s")
def main() -> None:
    """Leader election for Kubernetes workloads, with leases in NATS."""


@main.command(context_settings={"auto_envvar_prefix": "TENURE", "show_default": True})
@click.option(
    "--nats-url",
    "nats_urls",
    multiple=True,
    required=True,
    envvar="TENURE_NATS_URL",
    metavar="URL",
    help="A NATS server with JetStream, such as nats://nats:4222. Repeat it for more servers of one cluster "
    "(in the variable: separated by spaces).",
)
@click.option("--bucket", default=DEFAULT_BUCKET, help="The key-value bucket of the leases. Made when it is absent.")
@click.option(
    "--election-interval",
    "election_interval_s",
    envvar="TENURE_ELECTION_INTERVAL",
    type=click.FloatRange(min=0.1, max=3600),
    default=DEFAULT_POLL_INTERVAL_S,
    metavar="SECONDS",
    help="How often a lease that somebody else holds is looked at, behind the watch.",
)
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    envvar="TENURE_NAMESPACE",
    help="Manage elections in this namespace only. Repeatable. Default: all namespaces.",
)
@click.option(
    "--pod-selector",
    default="",
    metavar="SELECTOR",
    help="Watch only pods with these labels, in big clusters; others are never candidates.",
)
@click.option(
    "--listen",
    type=ListenAddress(),
    default="0.0.0.0:8080",
    help="Where to serve /healthz and /readyz.",
)
@click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False),
    help="A kubeconfig file. Default: KUBECONFIG, in a pod its service account, else the usual file.",
)
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False), default="info"
)
@click.option(
    "--log-format",
    type=click.Choice(["auto", "text", "json"]),
    default="auto",
    help="auto: text on a terminal, JSON elsewhere.",
)
def run(  # noqa: PLR0913 - one for each option
    *,
    nats_urls: tuple[str, ...],
    bucket: str,
    election_interval_s: float,
    namespaces: tuple[str, ...],
    pod_selector: str,
    listen: tuple[str, int],
    kubeconfig: str | None,
    log_level: str,
    log_format: log.LogFormat,
) -> None:
    """Run the operator until SIGTERM or Ctrl-C.

    It watches LeaderElections and pods, holds the lease of each leader in NATS, and keeps labels and status right.
    """
    log.configure(log_level, log_format)
    if not re.fullmatch(r"[A-Za-z0-9_-]+", bucket):
        raise click.BadParameter("use letters, digits, '-' and '_'", param_hint="'--bucket'")
    settings = Settings(
        nats_urls=nats_urls,
        bucket=bucket,
        poll_interval_s=election_interval_s,
        namespaces=namespaces,
        pod_selector=pod_selector,
    )
    use_kubeconfig(kubeconfig)
    try:
        asyncio.run(_run(settings, kubeconfig, listen))
    except (NoConfiguration, BucketRefused, OSError) as error:
        click.echo(f"tenure: {error}", err=True)
        sys.exit(1)


async def _run(settings: Settings, kubeconfig: str | None, listen: tuple[str, int]) -> None:
    await OperatorProcess(settings, kubeconfig=kubeconfig, listen=listen).run()
