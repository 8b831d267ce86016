"""How the operator starts, waits, complains and ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster_support import Kubernetes, MakeOperator, Operator, Scene
from environment import Environment, NatsServer, wait_until
from environment.ports import free_ports

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_CRD = f"{_CRDS}/leaderelections.tenure.dev"


def _waits(operator: Operator) -> list[str]:
    return [str(line["message"]) for line in operator.log() if str(line["message"]).startswith("Waiting:")]


def _wait_for_complaint(operator: Operator) -> str:
    wait_until(lambda: _waits(operator), "the operator says what it waits for", timeout_s=20)
    return _waits(operator)[0]


# ---------------------------------------------------------------------------------------------------- what it waits for


def test_a_missing_crd_is_waited_for(environment: Environment, crd: None, tmp_path: Path) -> None:
    kubernetes = Kubernetes(environment)
    definition = kubernetes.get(_CRD)
    kubernetes.delete(_CRD)
    wait_until(lambda: kubernetes.find(_CRD) is None, "the CRD is gone")
    operator = Operator(environment, tmp_path, bucket="crd").start(wait=False)
    try:
        complaint = _wait_for_complaint(operator)
        status, said = operator.readiness()
    finally:
        metadata = {"name": definition["metadata"]["name"], "annotations": definition["metadata"]["annotations"]}
        kubernetes.create(_CRDS, {**definition, "metadata": metadata, "status": None})
    operator.wait_until_ready()
    scene = Scene(environment)
    scene.run_pods(1)
    scene.elect()
    scene.wait_for_leader()
    scene.close()
    operator.stop()
    operator.check()

    sentence = "The CRD leaderelections.tenure.dev is not there yet: apply crds/leaderelections.yaml."
    assert complaint == f"Waiting: {sentence} Trying again every 2 s."
    assert (status, said) == (503, f"waiting for the Kubernetes API: {sentence}")


def test_a_nats_server_that_is_not_there_yet_is_waited_for(
    scene: Scene, make_operator: MakeOperator, tmp_path: Path
) -> None:
    port = free_ports(1)[0]
    url = f"nats://127.0.0.1:{port}"
    operator = make_operator(nats_url=url).start(wait=False)

    complaint = _wait_for_complaint(operator)
    assert complaint.startswith(f"Waiting: NATS is not reachable at {url} within 10 s: ")
    assert operator.readiness()[0] == 503

    with NatsServer(tmp_path / "nats", port=port):
        operator.wait_until_ready()
        scene.run_pods(1)
        scene.elect()
        scene.wait_for_leader()
        operator.stop()


def test_an_api_server_that_is_not_there_yet_is_waited_for(
    environment: Environment, scene: Scene, make_operator: MakeOperator
) -> None:
    environment.control_plane.api_server.kill()
    try:
        operator = make_operator().start(wait=False)
        complaint = _wait_for_complaint(operator)
    finally:
        environment.control_plane.start_api_server()

    operator.wait_until_ready()
    assert complaint.startswith(f"Waiting: The Kubernetes API at {environment.control_plane.api.url} does not answer: ")
    assert "Trying again every 2 s." in complaint


def test_missing_permissions_are_named_and_waited_for(
    environment: Environment, scene: Scene, make_operator: MakeOperator
) -> None:
    """With exactly the permissions that it asks for, an election runs."""
    namespace = scene.namespace
    kubeconfig = environment.service_account_kubeconfig(namespace, "default")
    operator = make_operator(kubeconfig=kubeconfig).start(wait=False)

    complaint = _wait_for_complaint(operator)
    _grant(scene)
    operator.wait_until_ready()
    scene.run_pods(2)
    scene.elect()
    leader = scene.wait_for_leader()
    scene.delete_pod(leader)
    scene.wait_for_leader(but=leader)
    scene.wait(lambda: len(scene.events()) >= 3, "events are there")

    verbs = [f"{verb} leaderelections.tenure.dev" for verb in ("get", "list", "watch")]
    verbs.append("patch leaderelections/status.tenure.dev")
    verbs += [f"{verb} pods" for verb in ("get", "list", "watch", "patch")]
    verbs += ["get namespaces", "create events.events.k8s.io"]
    missing = ", ".join(f"{verb} in namespace {namespace}" for verb in verbs)
    assert complaint == f"Waiting: This account may not {missing}: grant it in a role. Trying again every 2 s."


def _grant(scene: Scene) -> None:
    rules = [
        {"apiGroups": ["tenure.dev"], "resources": ["leaderelections"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["tenure.dev"], "resources": ["leaderelections/status"], "verbs": ["patch"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "patch"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"], "resourceNames": [scene.namespace]},
        {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]},
    ]
    metadata, path = {"name": "operator"}, f"/apis/rbac.authorization.k8s.io/v1/namespaces/{scene.namespace}"
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": scene.namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "operator"}
    scene.kubernetes.create(f"{path}/roles", {"metadata": metadata, "rules": rules})
    scene.kubernetes.create(f"{path}/rolebindings", {"metadata": metadata, "subjects": [subject], "roleRef": reference})


@pytest.mark.parametrize("what", ["NATS", "the API server"])
def test_an_operator_that_waits_ends_within_two_seconds(
    environment: Environment, scene: Scene, make_operator: MakeOperator, what: str
) -> None:
    if what == "NATS":
        operator = make_operator(nats_url=f"nats://127.0.0.1:{free_ports(1)[0]}").start(wait=False)
        wait_until(lambda: operator.has_logged("No NATS server can be reached"), "it tries NATS", timeout_s=20)
        assert operator.stop() < 2.0
        return
    environment.control_plane.api_server.pause()
    try:
        operator = make_operator().start(wait=False)
        wait_until(lambda: operator.readiness()[0] == 503, "it waits", timeout_s=20)
        assert operator.stop() < 2.0
    finally:
        environment.control_plane.api_server.resume()


# --------------------------------------------------------------------------------------------- what only a person mends


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--bucket", "a b"], "Error: Invalid value for '--bucket': use letters, digits, '-' and '_'"),
        (["--listen", "nowhere"], "'nowhere' is not an address and a port; write for instance 127.0.0.1:8080"),
        (["--listen", "127.0.0.1:65536"], "'127.0.0.1:65536' is not an address and a port"),
        (["--election-interval", "0"], "0.0 is not in the range 0.1<=x<=3600"),
        (["--election-interval", "soon"], "'soon' is not a valid float"),
        (["--log-level", "loud"], "'loud' is not one of"),
        (["--kubeconfig", "/no/such/file"], "File '/no/such/file' does not exist"),
        (["--no-such-option"], "No such option"),
        (["--nats-url", ""], "nats-url"),
        (["--nats-url", "http://nats:4222"], "nats-url"),
        (["--nats-url", "not a url"], "nats-url"),
        (["--namespace", "No_Name"], "namespace"),
        (["--pod-selector", "a b c"], "pod-selector"),
    ],
)
def test_a_wrong_option_is_status_2_and_a_sentence(
    scene: Scene, make_operator: MakeOperator, arguments: list[str], sentence: str
) -> None:
    status, said = make_operator(*arguments).run_to_the_end()

    assert status == 2, said
    assert sentence in said
    assert "Traceback" not in said


def test_a_port_that_is_taken_is_status_1_and_a_sentence(scene: Scene, make_operator: MakeOperator) -> None:
    first = make_operator().start()

    status, said = make_operator("--listen", first.listens_on).run_to_the_end()

    assert status == 1, said
    assert said.startswith("tenure: ")
    assert first.listens_on.rpartition(":")[2] in said
    assert len(said.splitlines()) == 1


def test_a_kubeconfig_that_is_none_is_status_1_and_a_sentence(
    scene: Scene, make_operator: MakeOperator, tmp_path: Path
) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text("nonsense: [")

    status, said = make_operator("--kubeconfig", str(file)).run_to_the_end()

    assert status == 1, said
    assert said.startswith(f"tenure: No Kubernetes configuration in {file}: ")
    assert "Traceback" not in said


# ---------------------------------------------------------------------------------------------------------- how it ends


def test_ctrl_c_ends_the_operator(scene: Scene, operator: Operator) -> None:
    operator.interrupt()

    assert operator.process.wait(timeout_s=2.0)


def test_the_environment_gives_options(
    scene: Scene, make_operator: MakeOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every option is a variable too; what the command line says goes before it."""
    monkeypatch.setenv("TENURE_ELECTION_INTERVAL", "0")

    status, said = make_operator().run_to_the_end()

    assert status == 2
    assert "0.0 is not in the range 0.1<=x<=3600" in said
