"""`kubectl tenure status` and `history`: who leads, who might, and who did."""

from __future__ import annotations

import asyncio
import time

import click

from tenure.plugin import tables
from tenure.plugin.cluster import connect
from tenure.plugin.operators import read_lease
from tenure.plugin.output import as_json, say
from tenure.plugin.target import ExitStatus, Format, Target
from tenure.plugin.views import detail, history, summarize


async def show_all(target: Target, *, everywhere: bool, output: Format) -> ExitStatus:
    """Show the elections of a namespace, or of all."""
    async with connect(target) as cluster:
        bodies = await cluster.list_elections(None if everywhere else cluster.namespace)
    lines = [summarize(body) for body in bodies]
    if not lines and output == "table":
        where = "this cluster" if everywhere else f"the namespace {cluster.namespace}"
        click.echo(f"There are no elections in {where}.", err=True)
        return ExitStatus.DONE
    say({"elections": as_json(lines)}, output, tables.summaries(lines, time.time(), with_namespace=everywhere))
    return ExitStatus.DONE


async def show_one(target: Target, name: str, *, output: Format) -> ExitStatus:
    """Show one election with its candidates and conditions."""
    async with connect(target) as cluster:
        body = await cluster.read_election(name)
        pods, lease = await asyncio.gather(
            cluster.read_candidates(body), read_lease(cluster.client, cluster.namespace, name)
        )
    now_s = time.time()
    what = detail(body, pods, wall_s=now_s, lease=lease)
    content = as_json(what)
    say(
        {**content.pop("summary"), **content},
        output,
        tables.head(what, now_s),
        "",
        tables.candidates(what.candidates),
        "",
        tables.conditions(what.conditions, now_s),
    )
    return ExitStatus.DONE


async def show_history(target: Target, name: str, *, output: Format) -> ExitStatus:
    """Show the terms of one election."""
    async with connect(target) as cluster:
        body = await cluster.read_election(name)
    terms = history(body)
    say({"terms": as_json(terms)}, output, tables.reigns(terms, time.time()))
    return ExitStatus.DONE
