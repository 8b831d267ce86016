"""`kubectl tenure suspend` and `resume`."""

from __future__ import annotations

import click

from tenure.kubernetes.resources import resource_path
from tenure.plugin.cluster import connect
from tenure.plugin.target import ExitStatus, Failure, Target


async def set_suspended(target: Target, name: str, *, suspended: bool) -> ExitStatus:
    """Set `spec.suspend`, or take it away.

    Taking it away leaves nobody in charge of the field. It is a merge patch, which also overrides who was in charge.
    """
    async with connect(target) as cluster:
        was = bool((await cluster.read_election(name))["spec"].get("suspend"))
        body = {"spec": {"suspend": True if suspended else None}}
        after = await cluster.client.merge_patch(resource_path(cluster.namespace, name), body)
    if bool(after["spec"].get("suspend")) is not suspended:
        raise Failure(f"spec.suspend of {name} is {not suspended} all the same: somebody else sets it.")
    done = "suspended" if suspended else "resumed"
    already = " already" if was is suspended else ""
    click.echo(f"leaderelection.tenure.dev/{name} {f'was{already} ' if already else ''}{done}")
    return ExitStatus.DONE
