"""The command line. Every option is an environment variable as well: TENURE_<OPTION>."""

from __future__ import annotations

import asyncio
import math
import re
import sys
from typing import Any

import click

from tenure import __version__, log
from tenure.election.selector import parse_selector
from tenure.kubernetes.access import NoConfiguration, own_namespace
from tenure.nats.bucket import DEFAULT_BUCKET, BucketRefused, BucketSettings, BucketStorage
from tenure.nats.settings import NatsSettings
from tenure.nats_options import nats_options, option
from tenure.process import OperatorFailed, OperatorProcess
from tenure.settings import DEFAULT_OPERATOR_LEASE_DURATION_S, DEFAULT_POLL_INTERVAL_S, Settings

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


class Text(click.ParamType[str]):
    """A text of a certain form."""

    def __init__(self, name: str, pattern: str, rule: str) -> None:
        self.name = name
        self._pattern = re.compile(pattern)
        self._rule = rule

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, or fail with the rule."""
        if not self._pattern.fullmatch(str(value)):
            self.fail(f"{value!r} is not valid: {self._rule}", param, ctx)
        return str(value)


class PodSelector(click.ParamType[str]):
    """A label selector, as kubectl takes it."""

    name = "selector"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, or fail with what is wrong in it."""
        try:
            parse_selector(str(value))
        except ValueError as error:
            self.fail(f"{error}. Write for instance app=web or 'tier in (a, b)'", param, ctx)
        return str(value)


BUCKET = Text("bucket", r"[A-Za-z0-9_-]+", "use letters, digits, '-' and '_'")
RELEASE = Text(
    "release", r"[a-z0-9]([a-z0-9.-]{0,51}[a-z0-9])?", "use small letters, digits, '-' and '.', 53 characters at most"
)
NAMESPACE = Text("namespace", r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "use a namespace's name, such as shop")


class Seconds(click.FloatRange):
    """A finite number of seconds in a range: no comparison holds a NaN back."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds."""
        seconds = float(super().convert(value, param, ctx))
        if not math.isfinite(seconds):
            self.fail(f"{value!r} is not a number of seconds", param, ctx)
        return seconds


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tenure", message="%(prog)s %(version)s")
def main() -> None:
    """Leader election for Kubernetes workloads, with leases in NATS."""


@main.command(context_settings={"auto_envvar_prefix": "TENURE", "show_default": True})
@nats_options
@option(
    "--bucket", type=BUCKET, default=DEFAULT_BUCKET, help="The key-value bucket of the leases. Made when it is absent."
)
@option(
    "--bucket-replicas",
    type=click.Choice(["1", "3", "5"]),
    default="1",
    help="On how many servers a bucket that is made is kept.",
)
@option(
    "--bucket-storage",
    type=click.Choice(["file", "memory"]),
    default="file",
    help="Where a bucket that is made is kept.",
)
@option(
    "--election-interval",
    "election_interval_s",
    envvar="TENURE_ELECTION_INTERVAL",
    type=Seconds(min=0.1, max=3600),
    default=DEFAULT_POLL_INTERVAL_S,
    metavar="SECONDS",
    help="How often a lease that somebody else holds is looked at, behind the watch.",
)
@option(
    "--namespace",
    "namespaces",
    multiple=True,
    envvar="TENURE_NAMESPACE",
    type=NAMESPACE,
    help="Manage elections in this namespace only. Repeatable. Default: all namespaces.",
)
@option(
    "--pod-selector",
    type=PodSelector(),
    default="",
    metavar="SELECTOR",
    help="Watch only pods with these labels, in big clusters; others are never candidates.",
)
@option(
    "--listen",
    type=ListenAddress(),
    default="0.0.0.0:8080",
    help="Where to serve /healthz, /readyz and /metrics.",
)
@option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False),
    help="A kubeconfig file. Default: KUBECONFIG, in a pod its service account, else the usual file.",
)
@option(
    "--release",
    type=RELEASE,
    metavar="NAME",
    help="Run as one of several replicas: those of one name in one namespace elect one that acts, the others stand by.",
)
@option(
    "--operator-namespace",
    type=NAMESPACE,
    metavar="NAMESPACE",
    help="Where the replicas run, with --release. Default: in a pod, its own namespace.",
)
@option(
    "--operator-lease-duration",
    "operator_lease_duration_s",
    envvar="TENURE_OPERATOR_LEASE_DURATION",
    type=click.IntRange(3, 60),
    default=DEFAULT_OPERATOR_LEASE_DURATION_S,
    metavar="SECONDS",
    help="How long after a crash of the replica that acts another one takes over, with --release.",
)
@option("--log-level", type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False), default="info")
@option(
    "--log-format",
    type=click.Choice(["auto", "text", "json"]),
    default="auto",
    help="auto: text on a terminal, JSON elsewhere.",
)
def run(  # noqa: PLR0913 - one for each option
    *,
    nats: NatsSettings,
    bucket: str,
    bucket_replicas: str,
    bucket_storage: BucketStorage,
    election_interval_s: float,
    namespaces: tuple[str, ...],
    pod_selector: str,
    listen: tuple[str, int],
    kubeconfig: str | None,
    release: str | None,
    operator_namespace: str | None,
    operator_lease_duration_s: int,
    log_level: str,
    log_format: log.LogFormat,
) -> None:
    """Run the operator until SIGTERM or Ctrl-C.

    It watches LeaderElections and pods, holds the lease of each leader in NATS, and keeps labels and status right.
    """
    operator_namespace = operator_namespace or own_namespace()
    if release and not operator_namespace:
        raise click.UsageError("--release needs --operator-namespace outside of a pod: name where the replicas run.")
    log.configure(log_level, log_format)
    settings = Settings(
        poll_interval_s=election_interval_s,
        namespaces=namespaces,
        pod_selector=pod_selector,
        release=release or "",
        operator_namespace=operator_namespace or "",
        operator_lease_duration_s=operator_lease_duration_s,
    )
    lease_bucket = BucketSettings(bucket, replicas=int(bucket_replicas), storage=bucket_storage)
    try:
        asyncio.run(_run(settings, nats, lease_bucket, kubeconfig, listen))
    except (NoConfiguration, BucketRefused, OperatorFailed, OSError) as error:
        click.echo(f"tenure: {error}", err=True)
        sys.exit(1)


async def _run(
    settings: Settings, nats: NatsSettings, bucket: BucketSettings, kubeconfig: str | None, listen: tuple[str, int]
) -> None:
    await OperatorProcess(settings, nats=nats, bucket=bucket, kubeconfig=kubeconfig, listen=listen).run()
