"""`kubectl tenure switchover`: ask for another leader, and follow what becomes of it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import click

from tenure.api import GROUP, KIND, VERSION
from tenure.api.resource import parse_resource
from tenure.election.clock import rfc3339
from tenure.election.request import Switchover
from tenure.election.resource import Answer, Refusal, Resource, Spec
from tenure.election.switchover import Result, pending
from tenure.kubernetes.errors import ApiUnavailable
from tenure.kubernetes.resources import resource_path
from tenure.plugin.cluster import Cluster, connect
from tenure.plugin.running import explain
from tenure.plugin.target import ExitStatus, Failure, Target
from tenure.plugin.watch import follow

RETRY_S = 2.0


async def ask_for(
    target: Target, name: str, *, to_pod: str | None, at_s: float | None, wait_s: float | None
) -> ExitStatus:
    """Ask for a switchover, and follow it for `wait_s` seconds from when it is due, if that is not None.

    Who may lead the operator decides, when the time has come; here only a second one is refused while one waits.
    """
    async with connect(target) as cluster:
        body = await cluster.read_election(name)
        if (waiting := _pending(body)) is not None:
            raise Failure(
                f"The switchover {waiting.id} of {name} still waits{_describe(waiting)}. Wait for it too, or take it "
                f"back: kubectl tenure switchover {name} -n {cluster.namespace} --cancel"
            )
        asked = Switchover(_make_id(), to_pod, at_s)
        wish = {"id": asked.id, "toPodName": to_pod, "notBeforeTime": None if at_s is None else _second(at_s)}
        manifest = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            # With its UID: an election that is gone meanwhile is not made.
            "metadata": {"name": name, "namespace": cluster.namespace, "uid": body["metadata"]["uid"]},
            "spec": {"switchover": {field: value for field, value in wish.items() if value is not None}},
        }
        await cluster.client.apply(resource_path(cluster.namespace, name), manifest)
        click.echo(f"leaderelection.tenure.dev/{name} switchover {asked.id} asked for{_describe(asked)}")
        if wait_s is None:
            return ExitStatus.DONE
        ahead_s = max(at_s - time.time(), 0.0) if at_s is not None else 0.0
        answer = await _await_answer(cluster, name, asked.id, timeout_s=ahead_s + wait_s)
    assert answer is not None
    if answer.result != Result.SUCCEEDED:
        raise Failure(f"{answer.result}: {answer.message}")
    click.echo(f"{answer.result}: {answer.message}")
    return ExitStatus.DONE


async def take_back(target: Target, name: str, *, wait_s: float | None) -> ExitStatus:
    """Cancel the switchover that waits, whoever asked for it."""
    async with connect(target) as cluster:
        waiting = _pending(await cluster.read_election(name))
        if waiting is None:
            raise Failure(f"No switchover of {name} waits: there is nothing to cancel.")
        path = resource_path(cluster.namespace, name)
        generation = (await cluster.client.merge_patch(path, {"spec": {"switchover": None}}))["metadata"]["generation"]
        click.echo(f"leaderelection.tenure.dev/{name} switchover {waiting.id} taken back")
        if wait_s is None:
            return ExitStatus.DONE
        # One that no operator has seen yet gets no answer.
        answer = await _await_answer(cluster, name, waiting.id, timeout_s=wait_s, taken_back_in=generation)
    if answer is not None and answer.result != Result.CANCELLED:
        raise Failure(f"{answer.result}: {answer.message}")
    click.echo(f"{answer.result}: {answer.message}" if answer is not None else "Cancelled before it was looked at.")
    return ExitStatus.DONE


async def _await_answer(
    cluster: Cluster, name: str, asked_id: str, *, timeout_s: float, taken_back_in: int | None = None
) -> Answer | None:
    """Return the final answer to a switchover. Raises Failure when there is none in time.

    None for one that was taken back, in this generation, before an operator looked at it.
    """
    said = ""
    try:
        async with asyncio.timeout(timeout_s), aclosing(_versions(cluster, name)) as versions:
            async for resource in versions:
                answer = resource.status.switchover
                asked = resource.spec.switchover if isinstance(resource.spec, Spec) else None
                if answer is not None and answer.id == asked_id:
                    if answer.result != Result.PENDING:
                        return answer
                    if answer.message != said:
                        said = answer.message
                        click.echo(said, err=True)
                elif taken_back_in is not None and resource.status.observed_generation >= taken_back_in:
                    return None
                elif asked is not None and asked.id != asked_id:
                    raise Failure(f"The switchover {asked.id}, asked for by somebody else, took its place.")
    except TimeoutError:
        pass
    command = f"kubectl tenure doctor -n {cluster.namespace}"
    raise Failure(
        f"Within {timeout_s:.0f} s no operator has told what became of it. See why: {command}", ExitStatus.TIMED_OUT
    )


async def _versions(cluster: Cluster, name: str) -> AsyncGenerator[Resource, None]:
    """Yield the election as it is, and at every change, also after the API server was away.

    Raises Failure when the election is deleted.
    """
    while True:
        try:
            async with aclosing(follow(cluster, cluster.namespace, name)) as events:
                async for kind, body in events:
                    if kind == "DELETED":
                        raise Failure(f"The election {name} has been deleted meanwhile.", ExitStatus.NOT_FOUND)
                    yield parse_resource(body)
        except ApiUnavailable as error:
            click.echo(f"{explain(error)} Trying again.", err=True)
            await asyncio.sleep(RETRY_S)


def _pending(body: dict[str, Any]) -> Switchover | None:
    resource = parse_resource(body)
    if isinstance(resource.spec, Refusal):
        raise Failure(f"The election is not acted on: {resource.spec.message}")
    return pending(resource.spec, resource.status)


def _make_id() -> str:
    """Return an id that nobody else makes, and that says when it was asked for."""
    return f"{_second(time.time()).replace(':', '').replace('-', '').lower()}-{secrets.token_hex(3)}"


def _describe(asked: Switchover) -> str:
    to = f", to {asked.to_pod_name}" if asked.to_pod_name is not None else ""
    return to + (f", not before {_second(asked.not_before_s)}" if asked.not_before_s is not None else "")


def _second(wall_s: float) -> str:
    return f"{rfc3339(wall_s)[:19]}Z"
