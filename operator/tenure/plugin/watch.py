"""`kubectl tenure watch`: a line for each change, until Ctrl-C."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import click
import yaml

from tenure.kubernetes.client import CHUNK_TIMEOUT_S
from tenure.kubernetes.resources import resources_path
from tenure.plugin import tables
from tenure.plugin.cluster import Cluster, connect
from tenure.plugin.output import as_json, render
from tenure.plugin.target import ExitStatus, Failure, Format, Target
from tenure.plugin.views import Summary, summarize

_GONE = 410
"""The API server does not remember any more what happened since the last event: the list tells."""


async def watch(target: Target, name: str | None, *, everywhere: bool, output: Format) -> ExitStatus:
    """Show the elections as they are, and then each change of one."""
    async with connect(target) as cluster:
        if name is None:
            await cluster.list_elections(None if everywhere else cluster.namespace)  # It says why there can be none.
        else:
            await cluster.read_election(name)
        is_first, shown = True, dict[str, Summary]()
        async for kind, body in follow(cluster, None if everywhere else cluster.namespace, name):
            uid, line = body["metadata"]["uid"], summarize(body)
            if kind == "DELETED" or shown.get(uid) != line:
                _say(kind, line, output, is_first=is_first)
                is_first = False
            shown[uid] = line
            if kind == "DELETED":
                del shown[uid]
    return ExitStatus.DONE


async def follow(
    cluster: Cluster, namespace: str | None, name: str | None
) -> AsyncGenerator[tuple[str, dict[str, Any]], None]:
    """Yield what is there, as ADDED, and then every event. Raises ApiError."""
    path = resources_path(namespace)
    query = {"fieldSelector": f"metadata.name={name}"} if name else {}
    version = ""
    while True:
        if not version:
            listed = await cluster.client.get(path, timeout_s=CHUNK_TIMEOUT_S, **query)
            for body in listed["items"]:
                yield "ADDED", body
            version = listed["metadata"]["resourceVersion"]
        async with aclosing(cluster.client.watch(path, version, **query)) as events:
            async for event in events:
                kind, body = event["type"], event["object"]
                if kind == "ERROR":
                    if body.get("code") != _GONE:
                        raise Failure(f"The API server ends the watch: {body.get('message')}.")
                    version = ""
                    break
                version = body["metadata"]["resourceVersion"]
                if kind != "BOOKMARK":
                    yield kind, body


def _say(kind: str, line: Summary, output: Format, *, is_first: bool) -> None:
    match output:
        case "json":
            click.echo(json.dumps({"type": kind, "election": as_json(line)}))
        case "yaml":
            click.echo(yaml.safe_dump({"type": kind, "election": as_json(line)}, sort_keys=False, explicit_start=True))
        case "table":
            click.echo(render(tables.change(kind, line, time.time(), with_head=is_first)))
