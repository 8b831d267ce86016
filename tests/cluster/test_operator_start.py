"""How the operator starts, logs in, waits, complains and ends."""

from __future__ import annotations

import json
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster_support import Kubernetes, MakeOperator, Operator, Scene
from environment import Environment, NatsServer, wait_until
from environment.ports import free_ports

_RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"


def _grant(scene: Scene) -> None:
    """Give the account `default` of the namespace exactly what an operator of this namespace needs."""
    rules = [
        {"apiGroups": ["tenure.dev"], "resources": ["leaderelections"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["tenure.dev"], "resources": ["leaderelections/status"], "verbs": ["patch"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "patch"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"], "resourceNames": [scene.namespace]},
        {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]},
    ]
    metadata, path = {"name": "operator"}, f"{_RBAC}/{scene.namespace}"
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": scene.namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "operator"}
    scene.kubernetes.create(f"{path}/roles", {"metadata": metadata, "rules": rules})
    scene.kubernetes.create(f"{path}/rolebindings", {"metadata": metadata, "subjects": [subject], "roleRef": reference})


# -------------------------------------------------------------------------- what takes its time, and begins before all


class _Token:
    """A token of a namespace's account `default`, good as long as a Secret is there."""

    def __init__(self, scene: Scene, name: str) -> None:
        kubernetes, namespace = scene.kubernetes, scene.namespace
        secret = kubernetes.create(f"/api/v1/namespaces/{namespace}/secrets", {"metadata": {"name": name}})
        bound = {"apiVersion": "v1", "kind": "Secret", "name": name, "uid": secret["metadata"]["uid"]}
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"boundObjectRef": bound}}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default/token"
        self.text = str(kubernetes.create(path, request)["status"]["token"])
        self._kubernetes = kubernetes
        self._secret = f"/api/v1/namespaces/{namespace}/secrets/{name}"

    def revoke(self) -> None:
        """Make it invalid. The API server may take it for ten seconds more."""
        self._kubernetes.delete(self._secret)


class LoggedIn:
    """An operator whose kubeconfig says which command prints a token, as those of cloud providers do."""

    def __init__(self, environment: Environment, common_operator: Operator, folder: Path) -> None:
        self.scene = Scene(environment)
        _grant(self.scene)
        self._token = _Token(self.scene, "first")
        self._file = folder / "credential.json"
        self._print(self._token)
        command = folder / "log-in"
        command.write_text(f"#!/bin/sh\nexec cat {self._file}\n")
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
        config = json.loads(environment.kubeconfig.read_text())
        run = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(command), "interactiveMode": "Never"}
        config["users"][0]["user"] = {"exec": run}
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(json.dumps(config))
        common_operator.stop()
        name = self.scene.namespace
        self.operator = Operator(environment, folder, namespace=name, bucket=name, kubeconfig=kubeconfig).start()
        self.scene.run_pods(2)
        self.scene.elect()
        self.first_leader = self.scene.wait_for_leader()
        # The command prints another token from now on, as it would when the first one runs out.
        self._print(_Token(self.scene, "second"))
        self._token.revoke()

    def is_logged_out(self, kubernetes: Kubernetes) -> bool:
        """Whether the first token is no longer taken."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": self._token.text}}
        answer = kubernetes.create("/apis/authentication.k8s.io/v1/tokenreviews", review)
        return not answer["status"].get("authenticated")

    def close(self) -> None:
        self.operator.stop()
        self.scene.close()

    def _print(self, token: _Token) -> None:
        kind = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
        self._file.write_text(json.dumps({**kind, "status": {"token": token.text}}))


@pytest.fixture(scope="module", autouse=True)
def logged_in(
    environment: Environment, crd: None, common_operator: Operator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LoggedIn]:
    """It has led an election by its first token."""
    logged_in = LoggedIn(environment, common_operator, tmp_path_factory.mktemp("logged-in"))
    yield logged_in
    logged_in.close()


_NATS_PORT = free_ports(1)[0]


@pytest.fixture(scope="module", autouse=True)
def waiting(environment: Environment, crd: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """An operator whose NATS server is not there yet. It says so after ten seconds."""
    folder = tmp_path_factory.mktemp("waiting")
    operator = Operator(environment, folder, namespace="waiting", nats_url=f"nats://127.0.0.1:{_NATS_PORT}")
    yield operator.start(wait=False)
    operator.stop()


# ---------------------------------------------------------------------------------------------------- what it waits for


def test_missing_permissions_are_named_and_waited_for(
    environment: Environment, scene: Scene, make_operator: MakeOperator
) -> None:
    """With exactly the permissions that it asks for, an election runs."""
    namespace = scene.namespace
    kubeconfig = environment.service_account_kubeconfig(namespace, "default")
    operator = make_operator(kubeconfig=kubeconfig).start(wait=False)

    complaint = operator.wait_for_complaint()
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


def test_an_account_that_the_api_server_does_not_know_is_said(
    environment: Environment, scene: Scene, make_operator: MakeOperator, tmp_path: Path
) -> None:
    config = json.loads(environment.service_account_kubeconfig(scene.namespace, "default").read_text())
    config["users"][0]["user"] = {"token": "nobody's"}
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(config))

    complaint = make_operator(kubeconfig=kubeconfig).start(wait=False).wait_for_complaint()

    assert complaint == (
        f"Waiting: The Kubernetes API at {environment.control_plane.api.url} refuses this account: "
        "GET /apis/tenure.dev/v1alpha1: 401 Unauthorized. See the user in the kubeconfig. Trying again every 2 s."
    )


def test_a_namespace_that_is_not_there_yet_is_said_and_its_elections_are_managed_when_it_comes(
    environment: Environment, scene: Scene, make_operator: MakeOperator
) -> None:
    name = f"{scene.namespace}-later"
    operator = make_operator("--namespace", name).start()

    assert operator.has_logged(f"There is no namespace {name}, which --namespace names: its elections wait for it")
    assert not operator.has_logged(f"There is no namespace {scene.namespace},")
    later = Scene(environment, namespace=name)
    later.run_pods(2)
    later.elect()
    later.wait_for_leader()
    later.close()


def test_a_user_without_a_name_can_run_it(make_operator: MakeOperator) -> None:
    """A container's user is a number, of which its /etc/passwd knows nothing."""
    nameless = ["env", *(f"--unset={name}" for name in ("LOGNAME", "USER", "LNAME", "USERNAME"))]
    nameless += ["unshare", "--user", "--map-user=65532"]
    if subprocess.run([*nameless, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine lets nobody make a user namespace")

    make_operator(started_by=nameless).start()


def test_an_operator_that_waits_for_nats_ends_within_two_seconds(scene: Scene, make_operator: MakeOperator) -> None:
    operator = make_operator(nats_url=f"nats://127.0.0.1:{free_ports(1)[0]}").start(wait=False)
    wait_until(lambda: operator.has_logged("No NATS server can be reached"), "it tries NATS", timeout_s=20)

    assert operator.stop() < 2.0


def test_an_operator_whose_login_command_hangs_ends_within_two_seconds(
    environment: Environment, scene: Scene, make_operator: MakeOperator, tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    command = tmp_path / "log-in"
    command.write_text(f"#!/bin/sh\ntouch {asked}\nexec sleep 3600\n")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    config = json.loads(environment.kubeconfig.read_text())
    run = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(command), "interactiveMode": "Never"}
    config["users"][0]["user"] = {"exec": run}
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(config))
    operator = make_operator(kubeconfig=kubeconfig).start(wait=False)
    wait_until(asked.exists, "it logs in", timeout_s=20)

    assert operator.stop() < 2.0


# --------------------------------------------------------------------------------------------- what only a person mends


def test_a_wrong_option_is_status_2_and_a_sentence(scene: Scene, make_operator: MakeOperator) -> None:
    status, said = make_operator("--nats-url", "http://nats:4222").run_to_the_end()

    assert status == 2, said
    assert said.endswith("Write for instance nats://nats.example:4222")


def test_a_port_that_is_taken_is_status_1_and_a_sentence(
    waiting: Operator, scene: Scene, make_operator: MakeOperator
) -> None:
    status, said = make_operator("--listen", waiting.listens_on).run_to_the_end()

    assert status == 1, said
    assert said == f"tenure: --listen {waiting.listens_on} cannot be used: Address already in use."
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"nonsense: [", "", id="no YAML"),
        pytest.param(b"", "it is empty, or no kubeconfig. ", id="empty"),
        pytest.param(b"\xff\xfe", "it is empty, or no kubeconfig. ", id="no text"),
    ],
)
def test_a_kubeconfig_that_is_none_is_status_1_and_a_sentence(
    scene: Scene, make_operator: MakeOperator, tmp_path: Path, content: bytes, reason: str
) -> None:
    file = tmp_path / "kubeconfig"
    file.write_bytes(content)

    status, said = make_operator("--kubeconfig", str(file)).run_to_the_end()

    assert status == 1, said
    assert said.startswith(f"tenure: No Kubernetes configuration in {file}: {reason}")
    assert "Traceback" not in said


def test_ctrl_c_ends_the_operator(scene: Scene, make_operator: MakeOperator) -> None:
    operator = make_operator().start()

    operator.interrupt()

    assert operator.process.wait(timeout_s=2.0)


def test_a_second_signal_does_not_keep_it_from_ending_in_order(scene: Scene, make_operator: MakeOperator) -> None:
    """However late it comes, and however many there are."""
    operator = make_operator().start()
    child = operator.process._child
    assert child is not None

    while child.poll() is None:
        child.terminate()
        time.sleep(0.002)  # Without any pause it would do nothing but take signals.

    assert child.returncode == 0
    assert operator.has_logged("Stopped; leases and labels stay as they are")


# --------------------------------------------------------------------------------------- what has taken its time by now


def test_a_nats_server_that_is_not_there_yet_is_waited_for(waiting: Operator, tmp_path: Path) -> None:
    complaint = waiting.wait_for_complaint()
    assert complaint.startswith(f"Waiting: NATS is not reachable within 10 s: nats://127.0.0.1:{_NATS_PORT} ")
    assert waiting.readiness()[0] == 503

    with NatsServer(tmp_path / "nats", port=_NATS_PORT):
        waiting.wait_until_ready()
        waiting.stop()
    waiting.check()


def test_g5_a_login_that_has_run_out_is_renewed(environment: Environment, logged_in: LoggedIn) -> None:
    """The command of the kubeconfig is run again when the API server does not take its token any more."""
    scene, operator = logged_in.scene, logged_in.operator
    wait_until(lambda: logged_in.is_logged_out(scene.kubernetes), "the first token is no longer taken", timeout_s=20)

    scene.delete_pod(logged_in.first_leader)

    scene.wait_for_leader(but=logged_in.first_leader)
    operator.check()
