"""A controller among models, in virtual time: the API server, the bucket, and a watch of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, cast

from model.api import ELECTIONS, PODS, ModelApi, Object
from model.bucket import ModelBucket
from model.lease_store import ModelLeaseStore
from tenure.api.resource import parse_resource
from tenure.election.entry import Entry
from tenure.election.labels import role_key, term_key
from tenure.election.record import LeaseRecord, parse
from tenure.kubernetes.pods import parse_pod
from tenure.metrics import Metrics, Readings
from tenure.nats.bucket import DEFAULT_BUCKET
from tenure.runtime.controller import Controller
from tenure.runtime.leases import Leases
from tenure.runtime.record_book import RecordBook
from tenure.runtime.records import Records
from tenure.runtime.resync import Resync
from tenure.settings import Settings
from unit.virtual_time import read_clock

WRITER = "operator/one"


class ModelLeases(ModelLeaseStore):
    """`Leases` on a modelled bucket that is watched without a flaw."""

    def __init__(self, bucket: ModelBucket) -> None:
        super().__init__(bucket)
        self.entries: dict[str, Entry] = {}
        self.entries.update(bucket.snapshot())
        bucket.listen(self.entries.__setitem__)

    async def start(self) -> None:
        """See `Leases`."""

    async def close(self) -> None:
        """See `Leases`."""

    def listen(self, *, on_entry: Callable[[str, Entry, int], None], on_connection: Callable[[int], None]) -> None:  # noqa: ARG002
        """See `Leases`. The connection never changes."""
        self.bucket.listen(lambda key, entry: on_entry(key, entry, self.connection))

    @property
    def usable_connection(self) -> int:
        return self.connection


class Shell:
    """The controller of one process, and what it looks at. A context of the scenario that it is for.

    `after` is the shell of an earlier process, which has ended: what that one looked at is still there.
    """

    def __init__(self, *, after: Shell | None = None, **settings: Any) -> None:
        self.api: ModelApi = after.api if after is not None else ModelApi()
        self.api.make_namespace("shop")
        self.bucket: ModelBucket = after.bucket if after is not None else ModelBucket(lambda: read_clock().wall_s)
        self.leases = ModelLeases(self.bucket)
        self.buckets: dict[str, ModelBucket] = {}
        """Others than the operator's own, by name."""
        self.settings = Settings(**settings)
        leases = cast(Leases, self.leases)
        book = RecordBook(DEFAULT_BUCKET, self.settings.allowed_records)
        records = Records(leases, book, lambda record: cast(Leases, ModelLeases(self.buckets[record.bucket])))
        self.controller = Controller(
            self.settings, self.api.client, records, writer=WRITER, read_clock=read_clock, metrics=Metrics(Readings)
        )
        self.resync = Resync(self.settings, self.api.client, self.controller, leases)
        self.is_watching = True
        self.api.watchers.append(self._watch)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.controller.close()

    def make_pods(self, *names: str, namespace: str = "shop") -> None:
        """Make pods with the label app=web."""
        for name in names:
            self.api.make_pod(namespace, name, app="web")

    def delete_pod(self, name: str, namespace: str = "shop") -> None:
        self.api.delete(f"{PODS.format(namespace)}/{name}")

    def delete_election(self, name: str = "web", namespace: str = "shop") -> None:
        self.api.delete(f"{ELECTIONS.format(namespace)}/{name}")

    def status(self, name: str = "web", namespace: str = "shop") -> Object:
        """The status of an election, as JSON."""
        return cast(Object, self.api.objects[f"{ELECTIONS.format(namespace)}/{name}"]["status"])

    def labels(self, election: str = "web", namespace: str = "shop") -> dict[str, tuple[str | None, str | None]]:
        """Role and term of each pod."""
        path = PODS.format(namespace) + "/"
        pods = {where: found["metadata"] for where, found in self.api.objects.items() if where.startswith(path)}
        return {
            pod["name"]: (pod["labels"].get(role_key(election)), pod["labels"].get(term_key(election)))
            for pod in pods.values()
        }

    def record(self, key: str = "shop.web") -> LeaseRecord:
        """What stands in the bucket."""
        value = self.bucket.read(key).value
        record = parse(value) if value is not None else None
        assert isinstance(record, LeaseRecord)
        return record

    def _watch(self, word: str, changed: Object) -> None:
        """Tell the controller as Kopf's handlers do, unless the watch is cut."""
        if not self.is_watching or "namespace" not in changed["metadata"]:
            return
        metadata, is_election = changed["metadata"], changed.get("kind") == "LeaderElection"
        match word, is_election:
            case "DELETED", True:
                self.controller.lose_resource((metadata["namespace"], metadata["name"]), metadata["uid"])
            case "DELETED", False:
                self.controller.miss_pod(metadata["namespace"], parse_pod(changed))
            case _, True:
                self.controller.see_resource(parse_resource(changed))
            case _:
                self.controller.see_pod(metadata["namespace"], parse_pod(changed))
