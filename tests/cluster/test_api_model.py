"""The modelled API servers, on which the runtime's unit tests and the simulator rest, answer as the real one does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from model.api import ModelApi
from model.api_server import NAMESPACE, PODS, ApiServer
from model.served_client import ServedClient
from tenure.api import GROUP, KIND, PLURAL, VERSION
from tenure.election.effects import WriteLabels, WriteStatus
from tenure.election.inputs import LabelOutcome
from tenure.election.labels import PodRole, role_key
from tenure.election.pod import Pod, PodRef
from tenure.kubernetes.access import load_configuration
from tenure.kubernetes.client import KubernetesClient
from tenure.kubernetes.errors import Conflict, NotFound, NotServed
from tenure.kubernetes.metadata import list_metadata, read_namespace_uid
from tenure.kubernetes.pods import parse_pod, pod_path, pods_path, read_pod, write_labels
from tenure.kubernetes.resources import read_resource, resources_path, write_status


@dataclass
class Server:
    """An API server with an election `web` and two pods in one namespace, and no operator."""

    client: KubernetesClient
    namespace: str


@pytest.fixture(params=["model of the unit tests", "model of the simulator", "kube-apiserver"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    tiers = {"web-0": "front", "web-1": "back"}
    if request.param == "model of the unit tests":
        model = ModelApi()
        model.make_namespace("shop")
        for name, tier in tiers.items():
            model.make_pod("shop", name, app="web", tier=tier)
        model.make_election("shop", "web", app="web")
        yield Server(model.client, "shop")
        return
    kind = {"apiVersion": f"{GROUP}/{VERSION}", "kind": KIND}
    spec = {"selector": {"matchLabels": {"app": "web"}}}
    if request.param == "model of the simulator":
        server = ApiServer(lambda: 0.0)
        for name, tier in tiers.items():
            metadata = {"name": name, "uid": f"uid-of-{name}", "labels": {"app": "web", "tier": tier}}
            server.put(PODS, {"metadata": metadata, "spec": {}, "status": {"phase": "Running"}})
        election = {"name": "web", "uid": "uid-of-web", "generation": 1}
        server.put(PLURAL, {**kind, "metadata": election, "spec": spec})
        yield Server(ServedClient(server), NAMESPACE)
        return
    for fixture in ("crd", "nobody"):
        request.getfixturevalue(fixture)
    namespace = request.getfixturevalue("namespace")
    kubeconfig = str(request.getfixturevalue("environment").kubeconfig)
    client = KubernetesClient(await load_configuration(kubeconfig), lambda: load_configuration(kubeconfig))
    for name, tier in tiers.items():
        metadata = {"name": name, "labels": {"app": "web", "tier": tier}}
        containers = [{"name": "main", "image": "none"}]
        await client.create(pods_path(namespace), {"metadata": metadata, "spec": {"containers": containers}})
    await client.create(resources_path(namespace), {**kind, "metadata": {"name": "web"}, "spec": spec})
    yield Server(client, namespace)
    await client.close()


async def _pod(server: Server, name: str = "web-0") -> Pod:
    return parse_pod(await server.client.get(pod_path(server.namespace, name)))


async def test_a_status_is_written_to_the_version_that_was_read_and_to_no_other(server: Server) -> None:
    read = await read_resource(server.client, server.namespace, "web")
    write = WriteStatus(replace(read.status, term_floor=3, candidates=2), read.resource_version)

    written = await write_status(server.client, server.namespace, "web", write)
    with pytest.raises(Conflict):
        await write_status(server.client, server.namespace, "web", write)
    with pytest.raises(NotFound):
        await write_status(server.client, server.namespace, "nothing", write)

    assert written.resource_version > read.resource_version
    assert (written.uid, written.spec, written.generation) == (read.uid, read.spec, read.generation)
    assert (written.status.term_floor, written.status.candidates) == (3, 2)
    assert await read_resource(server.client, server.namespace, "web") == written


async def test_labels_are_written_to_the_pod_that_was_seen_as_it_was_seen(server: Server) -> None:
    pod = await _pod(server)
    stamp = WriteLabels(pod.ref, expected_term=None, expected_role=None, role=PodRole.FOLLOWER, term=1)
    outcomes = []
    for write in (
        stamp,
        stamp,
        replace(stamp, ref=PodRef(pod.name, "another"), expected_term="1"),
        replace(stamp, ref=PodRef("nothing", pod.uid)),
        replace(stamp, expected_term="1", role=PodRole.LEADER, term=2),
        replace(stamp, expected_term="1", expected_role="follower", role=PodRole.LEADER, term=2),
        replace(stamp, expected_term="2", role=None, term=None),
    ):
        result = await write_labels(server.client, server.namespace, "web", write)
        outcomes.append(result.outcome)

    applied, changed, gone = LabelOutcome.APPLIED, LabelOutcome.CHANGED, LabelOutcome.GONE
    assert outcomes == [applied, changed, gone, gone, changed, applied, applied]
    after = await _pod(server)
    assert (after.role("web"), after.term("web")) == (None, "2")
    assert after.resource_version > pod.resource_version
    assert await read_pod(server.client, server.namespace, PodRef(pod.name, "another")) is None


async def test_lists_are_of_one_namespace_or_of_all_and_by_label(server: Server) -> None:
    client, namespace = server.client, server.namespace
    pods = await list_metadata(client, pods_path(namespace))
    assert [(pod.namespace, pod.name) for pod in pods] == [(namespace, "web-0"), (namespace, "web-1")]
    assert {pod.uid for pod in pods} <= {pod.uid for pod in await list_metadata(client, pods_path(None))}
    for selector, names in (("tier=front", ["web-0"]), ("tier", ["web-0", "web-1"]), (role_key("web"), [])):
        found = await list_metadata(client, pods_path(namespace), label_selector=selector)
        assert [pod.name for pod in found] == names
    elections = await list_metadata(client, resources_path(None))
    assert (namespace, "web") in {(election.namespace, election.name) for election in elections}
    assert await list_metadata(client, pods_path("nothing")) == ()


async def test_a_namespace_has_a_uid_or_is_not_there(server: Server) -> None:
    assert await read_namespace_uid(server.client, server.namespace)
    with pytest.raises(NotFound):
        await read_namespace_uid(server.client, "nothing")


@pytest.mark.parametrize("server", ["kube-apiserver"], indirect=True)
@pytest.mark.parametrize(
    "path", ["/apis/none.{group}/v1/things/web", "/apis/{group}/v0/leaderelections", "{pod}/nothing"]
)
async def test_what_is_not_served_is_no_word_about_an_object(server: Server, path: str) -> None:
    with pytest.raises(NotServed):
        await server.client.get(path.format(group=GROUP, pod=pod_path(server.namespace, "web-0")))
