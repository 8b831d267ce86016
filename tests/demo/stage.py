"""Where the demo is played: a cluster of its own, or a namespace of one of yours. What it makes, it takes away."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from demo.bucket import check_server, delete_bucket
from demo.kubectl import Kubectl
from demo.terminal import Terminal
from environment import DRAINS, Environment, EnvironmentFailed, Process, wait_until
from environment.binaries import control_plane_binaries
from environment.ports import LOOPBACK, free_ports

NAMESPACE = "tenure-demo"

_ROOT = Path(__file__).parents[2]
_CRD = "leaderelections.tenure.dev"
_OPERATOR_TIMEOUT_S = 30.0
_DELETION_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Stage:
    """A cluster and a NATS server. `is_own` tells that both are the demo's own and end with it."""

    kubectl: Kubectl
    nats_url: str
    bucket: str
    folder: Path
    is_own: bool

    @property
    def patience_s(self) -> float:
        """How long pods may take to be Ready: a cluster with machines may have to fetch an image first."""
        return 30.0 if self.is_own else 300.0

    @property
    def operator_log(self) -> Path:
        """What the operator writes."""
        return self.folder / "operator.log"

    def manifest(self) -> str:
        """Return examples/web.yaml. On the demo's own nodes its pods take their time to end, as real ones do."""
        text = (_ROOT / "examples" / "web.yaml").read_text()
        if not self.is_own:
            return text
        documents: list[dict[str, Any]] = list(yaml.safe_load_all(text))
        for document in documents:
            if document["kind"] == "StatefulSet":
                document["spec"]["template"]["metadata"]["annotations"] = {DRAINS: "true"}
        return yaml.safe_dump_all(documents)


@contextlib.contextmanager
def own_cluster(folder: Path, terminal: Terminal) -> Iterator[Stage]:
    """Start a control plane and a nats-server, building the programs first where they are not there."""
    control_plane_binaries()
    environment = Environment(folder / "cluster")
    try:
        with terminal.step("Starting a control plane and a NATS server", "Started a control plane and a NATS server"):
            environment.start()
        kubectl = Kubectl(environment.kubectl_binary, environment.kubeconfig, cache=folder / "kubectl-cache")
        yield Stage(kubectl, environment.nats_url, "leader-elections", folder, is_own=True)
    finally:
        environment.stop()


@contextlib.contextmanager
def users_cluster(context: str, nats_url: str | None, folder: Path, terminal: Terminal) -> Iterator[Stage]:
    """Use the cluster of a kubeconfig context, and a bucket of the demo's own on the NATS server that is named."""
    if not nats_url:
        raise EnvironmentFailed(
            "CONTEXT needs TENURE_NATS_URL as well: a NATS server with JetStream that can be reached from here, "
            "such as nats://127.0.0.1:4222 behind a `kubectl port-forward`."
        )
    binary = shutil.which("kubectl")
    if binary is None:
        raise EnvironmentFailed("CONTEXT needs kubectl, and there is none on the PATH.")
    kubeconfig = folder / "kubeconfig"
    kubeconfig.touch(mode=0o600)
    kubectl = Kubectl(Path(binary), kubeconfig, cache=folder / "kubectl-cache")
    users_files = Kubectl(Path(binary), None, cache=folder / "kubectl-cache")
    kubeconfig.write_text(users_files("config", "view", "--minify", "--flatten", f"--context={context}"))
    with terminal.step(f"Asking the cluster of the context {context}", f"The cluster of the context {context} answers"):
        kubectl("get", "--raw", "/version", "--request-timeout=10s")
    with terminal.step("Asking for NATS", "NATS answers, with JetStream"):
        check_server(tuple(nats_url.split()))
    bucket = f"tenure-demo-{secrets.token_hex(3)}"
    try:
        yield Stage(kubectl, nats_url, bucket, folder, is_own=False)
    finally:
        try:
            delete_bucket(tuple(nats_url.split()), bucket)
        except EnvironmentFailed as failure:
            terminal.say(f"The bucket {bucket} may be left on your NATS server: {failure}")


@contextlib.contextmanager
def namespace(stage: Stage, terminal: Terminal) -> Iterator[None]:
    """Have the CRD and an empty namespace. In a cluster of yours both go again, but not a CRD that was there before."""
    kubectl = stage.kubectl
    if kubectl("get", "namespace", NAMESPACE, "--ignore-not-found", "--output=name"):
        raise EnvironmentFailed(
            f"There is a namespace {NAMESPACE} already; the demo only uses one that it made itself. "
            f"If it is left of an earlier demo: kubectl delete namespace {NAMESPACE}"
        )
    had_crd = bool(kubectl("get", "customresourcedefinition", _CRD, "--ignore-not-found", "--output=name"))
    try:
        if had_crd:
            terminal.say(f"{'':12}The CRD {_CRD} is there already, and stays as it is")
        else:
            with terminal.step("Applying the CRD", "Applied crds/leaderelections.yaml"):
                kubectl("apply", f"--filename={_ROOT / 'crds' / 'leaderelections.yaml'}")
                kubectl("wait", "--for=condition=Established", f"customresourcedefinition/{_CRD}", "--timeout=30s")
        kubectl("create", "namespace", NAMESPACE)
        wait_until(lambda: _has_service_account(kubectl), f"{NAMESPACE} has its service account", timeout_s=30)
        yield
    finally:
        if not stage.is_own:
            done = f"Deleted the namespace {NAMESPACE}" + ("" if had_crd else " and the CRD")
            with terminal.step(f"Deleting the namespace {NAMESPACE}", done):
                _delete(kubectl, with_crd=not had_crd)


@contextlib.contextmanager
def operator(stage: Stage, terminal: Terminal) -> Iterator[Process]:
    """Run the operator for the namespace, as a program of this machine. What times out meanwhile, its log explains."""
    port = free_ports(1)[0]
    shown = f"tenure run --namespace {NAMESPACE}"
    process = Process(
        "The operator",
        [
            sys.executable, "-m", *shown.split(),
            f"--kubeconfig={stage.kubectl.kubeconfig}",
            *(f"--nats-url={url}" for url in stage.nats_url.split()),
            f"--bucket={stage.bucket}",
            f"--listen={LOOPBACK}:{port}",
            "--log-format=text",
        ],
        log=stage.operator_log,
    )  # fmt: skip
    try:
        with terminal.step("Starting the operator", f"Started the operator: {shown}"):
            process.start()
            process.wait_until(lambda: _is_ready(port), "it is ready", timeout_s=_OPERATOR_TIMEOUT_S)
        yield process
    except TimeoutError as error:
        raise EnvironmentFailed(f"{error}\n{process.last_log_lines()}") from None
    finally:
        process.stop()


def _has_service_account(kubectl: Kubectl) -> bool:
    return bool(kubectl("get", "serviceaccount", "default", "-n", NAMESPACE, "--ignore-not-found", "--output=name"))


def _delete(kubectl: Kubectl, *, with_crd: bool) -> None:
    try:
        kubectl(
            "delete", "namespace", NAMESPACE, "--ignore-not-found", f"--timeout={_DELETION_TIMEOUT_S:.0f}s",
            timeout_s=_DELETION_TIMEOUT_S + 10,
        )  # fmt: skip
    except EnvironmentFailed as failure:
        raise EnvironmentFailed(f"The namespace {NAMESPACE} is left in your cluster. {failure}") from None
    if with_crd and not kubectl("get", _CRD, "--all-namespaces", "--ignore-not-found", "--output=name"):
        kubectl("delete", "customresourcedefinition", _CRD, "--ignore-not-found")


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
