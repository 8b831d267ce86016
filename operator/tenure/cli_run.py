"""The command `tenure run`."""

from __future__ import annotations

import asyncio
import sys

import click

from tenure.election.resource import RecordName
from tenure.kubernetes.access import NoConfiguration, own_namespace
from tenure.log_options import log_options
from tenure.nats.bucket import DEFAULT_BUCKET, BucketRefused, BucketSettings, BucketStorage
from tenure.nats.settings import NatsSettings
from tenure.nats_options import nats_options, option
from tenure.parameters import BUCKET, NAMESPACE, RELEASE, ListenAddress, PodSelector, Record, Seconds
from tenure.process import OperatorFailed, OperatorProcess
from tenure.runtime.collector import collect_rarely
from tenure.settings import DEFAULT_OPERATOR_LEASE_DURATION_S, DEFAULT_POLL_INTERVAL_S, Settings


@click.command(context_settings={"auto_envvar_prefix": "TENURE", "show_default": True})
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
    "--allow-record",
    "allowed_records",
    multiple=True,
    envvar="TENURE_ALLOW_RECORD",
    type=Record(),
    metavar="BUCKET/KEY",
    help="Let an election whose pods campaign name this record in spec.record. Repeatable. Default: none.",
)
@option(
    "--leave-cordoned-nodes",
    is_flag=True,
    help="Watch nodes, and move a leader away from one that is cordoned if another candidate is elsewhere.",
)
@option(
    "--endpoint-slices",
    is_flag=True,
    help="Write the EndpointSlices of the Services that elections name in spec.routing.services.",
)
@option(
    "--listen",
    type=ListenAddress(),
    default="0.0.0.0:8080",
    help="Where to serve /healthz, /readyz, /metrics and /status.",
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
@log_options
def run(  # noqa: PLR0913 - one for each option
    *,
    nats: NatsSettings,
    bucket: str,
    bucket_replicas: str,
    bucket_storage: BucketStorage,
    election_interval_s: float,
    namespaces: tuple[str, ...],
    pod_selector: str,
    allowed_records: tuple[RecordName, ...],
    leave_cordoned_nodes: bool,
    endpoint_slices: bool,
    listen: tuple[str, int],
    kubeconfig: str | None,
    release: str | None,
    operator_namespace: str | None,
    operator_lease_duration_s: int,
) -> None:
    """Run the operator until SIGTERM or Ctrl-C.

    It watches LeaderElections and pods, holds the lease of each leader in NATS, and keeps labels and status right.
    """
    operator_namespace = operator_namespace or own_namespace()
    if release and not operator_namespace:
        raise click.UsageError("--release needs --operator-namespace outside of a pod: name where the replicas run.")
    settings = Settings(
        poll_interval_s=election_interval_s,
        namespaces=namespaces,
        pod_selector=pod_selector,
        leave_cordoned_nodes=leave_cordoned_nodes,
        endpoint_slices=endpoint_slices,
        release=release or "",
        operator_namespace=operator_namespace or "",
        operator_lease_duration_s=operator_lease_duration_s,
        allowed_records=allowed_records,
    )
    collect_rarely()
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
