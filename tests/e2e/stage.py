"""Where it is played: a user's cluster, with NATS, the operator, the workloads and the clients in namespaces of ours.

What this makes, it takes away, also after a failure and after Ctrl-C.
"""

from __future__ import annotations

import contextlib
import functools
import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from demo.kubectl import Kubectl
from demo.terminal import Terminal
from demo.world import SERVICE
from e2e.bed import Bed
from e2e.helm import Helm
from e2e.interruption import ignore_signals
from environment import EnvironmentFailed, wait_until
from environment.certificates import CertificateAuthority

WEB = "tenure-e2e"
"""The namespace of the workload."""
CAMPAIGN = "tenure-e2e-campaign"
"""The namespace of the pods that campaign for themselves."""
CROWD = "tenure-e2e-crowd"
"""The namespace of the elections that come in numbers."""
SYSTEM = "tenure-e2e-system"
"""The namespace of NATS, the operator and the clients."""
EVICTABLE = "tenure-e2e"
"""The label of all pods that a drain may evict: nobody else's."""

NATS_SERVERS = 3
NATS_URLS = [f"tls://nats-{number}.nats.{SYSTEM}.svc:4222" for number in range(NATS_SERVERS)]
NODES = 3
"""How many nodes it takes to lose one of them."""

_NAMESPACES = (WEB, CAMPAIGN, CROWD, SYSTEM)
_FOLDER = Path(__file__).parent
_CRD = "leaderelections.tenure.dev"
_READY_TIMEOUT_S = 300
_DELETION_TIMEOUT_S = 180


@dataclass(frozen=True)
class Stage:
    """A cluster, and the means to change things in it."""

    kubectl: Kubectl
    helm: Helm
    bed: Bed
    image: str
    nats_image: str
    folder: Path
    """For what ends with the test."""
    logs: Path
    """For what the operators and the NATS servers have logged."""
    terminal: Terminal

    def read(self, *arguments: str) -> Any:
        """Run kubectl and return the JSON that it prints."""
        return json.loads(self.kubectl(*arguments, "--output=json"))

    def nodes(self) -> list[str]:
        """Return the nodes on which pods can be placed."""
        return [
            node["metadata"]["name"]
            for node in self.read("get", "nodes")["items"]
            if not node["spec"].get("unschedulable")
            and all(taint["effect"] == "PreferNoSchedule" for taint in node["spec"].get("taints", []))
        ]

    def node_of(self, namespace: str, pod: str) -> str:
        """Return the node that a pod is on."""
        return str(self.read("get", "pod", pod, "-n", namespace)["spec"]["nodeName"])

    def rolled_out(self, namespace: str, *what: str) -> None:
        """Return when all pods of these workloads are there and Ready."""
        for one in what:
            self.kubectl(
                "rollout", "status", one, "-n", namespace, f"--timeout={_READY_TIMEOUT_S}s",
                timeout_s=_READY_TIMEOUT_S + 10,
            )  # fmt: skip

    def upgrade(self, **changes: Any) -> None:
        """Install the chart, or change values of the release."""
        self.helm.install(_values(self) | changes)


@contextlib.contextmanager
def installed(stage: Stage) -> Iterator[None]:
    """Have NATS and the operator installed and Ready. Take away everything at the end, the workload as well."""
    kubectl, terminal = stage.kubectl, stage.terminal
    for name in _NAMESPACES:
        if kubectl("get", "namespace", name, "--ignore-not-found", "--output=name"):
            raise EnvironmentFailed(
                f"There is a namespace {name} already; only one that this test made itself is used. "
                f"If it is left of an earlier run: kubectl delete namespace {name}"
            )
    had_crd = bool(kubectl("get", "customresourcedefinition", _CRD, "--ignore-not-found", "--output=name"))
    try:
        with terminal.step("Creating namespaces", f"Created the namespaces {', '.join(_NAMESPACES)}"):
            _make_namespaces(stage)
        with terminal.step("Starting NATS", f"Started {NATS_SERVERS} NATS servers with TLS"):
            _start_nats(stage)
        with terminal.step("Installing the chart", "Installed the chart, with two operators"):
            stage.upgrade(**({"crds": {"install": False}} if had_crd else {}))
        with terminal.step("Running the chart's test", "`helm test` passed"):
            stage.helm.test()
        yield
    finally:
        ignore_signals()
        save_logs(stage)
        with terminal.step("Taking everything away", "Took everything away"):
            _take_away(stage, with_crd=not had_crd)


def start_workload(stage: Stage) -> None:
    """Start what is elected, and who calls it, and return when all of it is Ready."""
    done = "Started three web servers, a client on each node, three pods that campaign, and three for the crowd"
    with stage.terminal.step("Starting the workloads", done):
        apply(stage, WEB, "web.yaml")
        apply(stage, SYSTEM, "clients.yaml")
        apply(stage, CAMPAIGN, "campaigners.yaml")
        apply(stage, CROWD, "crowd.yaml")
        stage.rolled_out(WEB, "statefulset/web")
        stage.rolled_out(CAMPAIGN, "statefulset/web")
        stage.rolled_out(CROWD, "statefulset/crowd")
        stage.rolled_out(SYSTEM, "daemonset/client")


def save_logs(stage: Stage) -> None:
    """Write what the operators and the NATS servers have logged, as far as it can be had."""
    shutil.rmtree(stage.logs, ignore_errors=True)
    stage.logs.mkdir(parents=True)
    with contextlib.suppress(EnvironmentFailed):
        for pod in stage.read("get", "pods", "-n", SYSTEM, "-l", "app!=client")["items"]:
            name = pod["metadata"]["name"]
            for suffix, flags in {"": [], ".previous": ["--previous"]}.items():
                with contextlib.suppress(EnvironmentFailed):
                    text = stage.kubectl("logs", name, "-n", SYSTEM, *flags)
                    (stage.logs / f"{name}{suffix}.log").write_text(text)


def apply(stage: Stage, namespace: str, manifest: str) -> None:
    """Apply one of the manifests."""
    text = (_FOLDER / "manifests" / manifest).read_text()
    service = f"{SERVICE}.{WEB}.svc"
    images = {"image": stage.image, "nats_image": stage.nats_image}
    for name, value in {**images, "nats_urls": " ".join(NATS_URLS), "service": service}.items():
        text = text.replace(f'"{{{name}}}"', json.dumps(value))
    documents: list[dict[str, Any]] = list(yaml.safe_load_all(text))
    if len(stage.nodes()) < NODES:
        for document in documents:  # better on one node than not at all
            document.get("spec", {}).get("template", {}).get("spec", {}).pop("affinity", None)
    stage.kubectl("apply", "-n", namespace, "--filename=-", input=yaml.safe_dump_all(documents))


def _make_namespaces(stage: Stage) -> None:
    for name in _NAMESPACES:
        stage.kubectl("create", "namespace", name)
        stage.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
        stage.kubectl("create", "configmap", "pods", "-n", name, f"--from-file={_FOLDER / 'pods'}")

        def has_account(name: str = name) -> bool:
            return bool(stage.kubectl("get", "serviceaccount", "default", "-n", name, "--ignore-not-found", "-o=name"))

        wait_until(has_account, f"{name} has its service account", timeout_s=30)


def _start_nats(stage: Stage) -> None:
    names = [f"nats-{number}.nats" for number in range(NATS_SERVERS)]
    hosts = tuple(f"{name}{domain}" for name in names for domain in ("", f".{SYSTEM}.svc"))
    authority = CertificateAuthority(stage.folder / "certificates")
    pair = authority.issue("nats", hosts=hosts)
    stage.kubectl(
        "create", "secret", "generic", "nats-tls", "-n", SYSTEM, f"--from-file=tls.crt={pair.certificate}",
        f"--from-file=tls.key={pair.key}", f"--from-file=ca.crt={authority.certificate}",
    )  # fmt: skip
    password = stage.folder / "password"
    password.touch(mode=0o600)
    password.write_text(f"p-{secrets.token_hex(16)}")  # a letter first: NATS would take some texts for numbers
    for namespace in (SYSTEM, CAMPAIGN):
        stage.kubectl("create", "configmap", "nats-ca", "-n", namespace, f"--from-file=ca.crt={authority.certificate}")
        stage.kubectl("create", "secret", "generic", "nats-user", "-n", namespace, f"--from-file=password={password}")
    apply(stage, SYSTEM, "nats.yaml")
    stage.rolled_out(SYSTEM, "statefulset/nats")


def _values(stage: Stage) -> dict[str, Any]:
    repository, tag = stage.image, ""
    if ":" in stage.image.rpartition("/")[2]:
        repository, _, tag = stage.image.rpartition(":")
    return {
        "image": {"repository": repository, "tag": tag},
        "nats": {
            "url": NATS_URLS,
            "user": "tenure",
            "password": {"secret": {"name": "nats-user"}},
            "tls": {"ca": {"configMap": {"name": "nats-ca"}}},
            "bucket": {"replicas": NATS_SERVERS},
        },
        "podLabels": {EVICTABLE: "evictable"},
    }


def _take_away(stage: Stage, *, with_crd: bool) -> None:
    """Try each step, also after one that failed, and say what is left."""
    kubectl, problems = stage.kubectl, list[str]()

    def attempt(step: Callable[[], object]) -> None:
        try:
            step()
        except EnvironmentFailed as failure:
            problems.append(str(failure))

    def delete_namespace(name: str) -> None:
        patience = f"--timeout={_DELETION_TIMEOUT_S}s"
        kubectl("delete", "namespace", name, "--ignore-not-found", patience, timeout_s=_DELETION_TIMEOUT_S + 10)

    def delete_crd() -> None:
        if not kubectl("get", _CRD, "--all-namespaces", "--ignore-not-found", "--output=name"):
            kubectl("delete", "customresourcedefinition", _CRD, "--ignore-not-found")

    attempt(stage.helm.uninstall)
    for name in _NAMESPACES:
        attempt(functools.partial(delete_namespace, name))
    if with_crd and not problems:
        attempt(delete_crd)
    if problems:
        raise EnvironmentFailed(f"Something is left in your cluster. {' '.join(problems)}")
