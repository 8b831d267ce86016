"""The floor: what a hand-over cannot do without, made in sequence by a client that does nothing else."""

from __future__ import annotations

import time

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext

from bench.api import JSON_PATCH, MERGE_PATCH, Api
from cluster_support.kubernetes import Object, elections_path, pods_path
from environment import EnvironmentFailed
from tenure.election.labels import role_key, term_key

_KEY = "floor"
_TIMEOUT_S = 10.0
_SPREAD = 1000
"""Terms above the present one, so that no operator's status is below, whatever the floor's are."""


class Floor:
    """Two compare-and-sets in NATS, one write of a status, two of a pod's labels: all that a hand-over consists of.

    They are made on an election that no operator looks at, with copies of what an operator wrote for another one.
    """

    def __init__(self, api: Api, namespace: str, election: str, *, status: Object, record: bytes) -> None:
        self._api = api
        self._status_path = f"{elections_path(namespace, election)}/status"
        self._pods = [pods_path(namespace, f"{election}-{number}") for number in (0, 1)]
        self._labels = [
            f"/metadata/labels/{key.replace('/', '~1')}" for key in (role_key(election), term_key(election))
        ]
        self._status = status
        self._record = record
        self._term = status["term"] + _SPREAD
        self._revision = 0
        self._client: Client
        self._stream: JetStreamContext

    async def start(self, nats_url: str) -> None:
        """Connect, and make what is needed: a bucket."""
        self._client = await nats.connect(nats_url, connect_timeout=5)
        self._stream = self._client.jetstream(timeout=_TIMEOUT_S)
        await self._stream.create_key_value(bucket=_KEY)

    async def stop(self) -> None:
        """Disconnect."""
        await self._client.close()

    async def measure(self) -> float:
        """Return how long one after another took, in seconds."""
        self._term += 1
        began_s = time.monotonic()
        await self._compare_and_set()
        await self._compare_and_set()
        await self._write_status()
        await self._label(self._pods[0], "follower")
        await self._label(self._pods[1], "leader")
        took_s = time.monotonic() - began_s
        self._pods.reverse()
        return took_s

    async def _compare_and_set(self) -> None:
        headers = {"Nats-Expected-Last-Subject-Sequence": str(self._revision)}
        acknowledged = await self._stream.publish(f"$KV.{_KEY}.{_KEY}", self._record, headers=headers)
        self._revision = acknowledged.seq

    async def _write_status(self) -> None:
        # The version is tested by an operator, too; here it is not looked up, which would be a request more.
        status = {**self._status, "term": self._term, "termFloor": self._term + 1}
        answer = await self._api.request("PATCH", self._status_path, {"status": status}, content=MERGE_PATCH)
        if answer["status"]["term"] != self._term:
            raise EnvironmentFailed("The floor's status was not written.")

    async def _label(self, pod: str, role: str) -> None:
        values = (role, str(self._term))
        patch = [{"op": "add", "path": path, "value": value} for path, value in zip(self._labels, values, strict=True)]
        await self._api.request("PATCH", pod, patch, content=JSON_PATCH)
