"""A Kubernetes control plane on loopback: etcd, the API server and the controller manager. RBAC is really on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

from environment.api import Api
from environment.binaries import Binaries
from environment.certificates import CertificateAuthority, write_private_key
from environment.pod_network import PodNetwork
from environment.ports import LOOPBACK, free_ports
from environment.process import Process, stop_all

_READY_TIMEOUT_S = 60.0
_API_SERVER_STOP_TIMEOUT_S = 2.0  # it would wait a minute for clients that still watch

# Who wrote what, and to what end: writes with their bodies, reads by name only.
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "verbs": ["get", "list", "watch"]},
        {"level": "Metadata", "resources": [{"group": "", "resources": ["secrets", "serviceaccounts/token"]}]},
        {"level": "Request"},
    ],
}


class ControlPlane:
    """etcd, kube-apiserver and kube-controller-manager, with their data, certificates and logs in one folder.

    The kubeconfig is that of a cluster administrator. `audit_log` names a file that is to get a JSON line for every
    request; None keeps no audit log. The processes are attributes: a test may pause, kill and start each of them.

    The node lifecycle controller is off: a node is as ready as its status says, whatever the machine's load is.
    """

    def __init__(self, folder: Path, binaries: Binaries, *, audit_log: Path | None = None) -> None:
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self._certificates = folder / "certificates"
        authority = CertificateAuthority(self._certificates)
        self.pod_network = PodNetwork()
        administrator = authority.issue("administrator", organization="system:masters")
        etcd_port, peer_port, api_port = free_ports(3)
        self.api = Api(api_port, authority=authority.certificate, client=administrator)
        self.api.write_kubeconfig(self.kubeconfig)
        self.etcd = self._process("etcd", binaries, self._etcd_flags(etcd_port, peer_port))
        serving = authority.issue("kube-apiserver", hosts=(LOOPBACK, "localhost", "kubernetes.default.svc"))
        service_account_key = write_private_key(self._certificates / "service-accounts.key")
        self.api_server = self._process("kube-apiserver", binaries, [
            f"--etcd-servers=http://{LOOPBACK}:{etcd_port}",
            f"--bind-address={LOOPBACK}",
            f"--advertise-address={LOOPBACK}",
            f"--secure-port={api_port}",
            f"--tls-cert-file={serving.certificate}",
            f"--tls-private-key-file={serving.key}",
            f"--client-ca-file={authority.certificate}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={service_account_key}",
            f"--service-account-signing-key-file={service_account_key}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--endpoint-reconciler-type=none",  # it would refuse, again and again, to publish a loopback address
            "--profiling=false",
            f"--egress-selector-config-file={self.pod_network.write_config(folder / 'egress-selector.json')}",
            *([] if audit_log is None else self._audit_flags(audit_log)),
        ])  # fmt: skip
        self.controller_manager = self._process("kube-controller-manager", binaries, [
            f"--kubeconfig={self.kubeconfig}",
            "--controllers=*,-node-lifecycle-controller",
            "--leader-elect=false",
            "--secure-port=0",
            f"--service-account-private-key-file={service_account_key}",
            f"--root-ca-file={authority.certificate}",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
        ])  # fmt: skip

    @property
    def processes(self) -> list[Process]:
        """In the order in which they start."""
        return [self.etcd, self.api_server, self.controller_manager]

    def start(self) -> None:
        """Start all three, and return when a pod could be created in the namespace `default`."""
        try:
            self.etcd.start()
            self.start_api_server()
            self.controller_manager.start()
            self.controller_manager.wait_until(
                self._accounts_exist, "the namespace default has its service account", timeout_s=_READY_TIMEOUT_S
            )
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all three; etcd last, because the others say goodbye to it."""
        stop_all([self.controller_manager])
        stop_all([self.api_server], timeout_s=_API_SERVER_STOP_TIMEOUT_S)
        stop_all([self.etcd])
        self.pod_network.close()

    def start_api_server(self) -> None:
        """Start the API server, on the port that it always had, and return when it is ready."""
        self.api_server.start()
        self.api_server.wait_until(self.api.ready, "the API server is ready", timeout_s=_READY_TIMEOUT_S)

    def restart_api_server(self) -> None:
        """Kill the API server and start it on the same port, with the same data.

        An orderly end would take up to a minute: it waits for its clients to end their watches, and they do not.
        """
        self.api_server.kill()
        self.start_api_server()

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """Write a kubeconfig with a token of the service account, valid for an hour: RBAC applies to its user."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        answer = self.api.create(path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})
        file = self.folder / f"kubeconfig-{namespace}-{name}"
        return self.api.write_kubeconfig(file, token=answer["status"]["token"], namespace=namespace)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _process(self, name: str, binaries: Binaries, flags: list[str]) -> Process:
        return Process(name, [binaries[name], *flags], log=self.folder / "logs" / f"{name}.log")

    def _etcd_flags(self, client_port: int, peer_port: int) -> list[str]:
        client, peer = f"http://{LOOPBACK}:{client_port}", f"http://{LOOPBACK}:{peer_port}"
        return [
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",  # nothing here is worth a disk's wait
            "--log-level=warn",
        ]

    def _audit_flags(self, audit_log: Path) -> list[str]:
        policy = self.folder / "audit-policy.json"
        policy.write_text(json.dumps(_AUDIT_POLICY))
        return [f"--audit-policy-file={policy}", f"--audit-log-path={audit_log}", "--audit-log-mode=blocking"]

    def _accounts_exist(self) -> bool:
        status, _ = self.api.request("GET", "/api/v1/namespaces/default/serviceaccounts/default")
        return status == 200
