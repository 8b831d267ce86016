"""NATS as platform teams run it: TLS on both sides, accounts, and no permission that is not needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cluster_support import MakeOperator, Operator, Scene
from cluster_support.scene import SHORT
from environment import NatsServer, wait_until
from environment.certificates import CertificateAuthority
from environment.nats_accounts import PUBLISH, SUBSCRIBE, NatsAccount
from environment.ports import LOOPBACK


class _Secured:
    """A server that wants a certificate and a credentials file of its clients, and the files of one client."""

    def __init__(self, folder: Path) -> None:
        self._account = NatsAccount()
        self._authority = CertificateAuthority(folder / "ca")
        self._credentials = folder / "nats.creds"
        pair = self._authority.issue("server", hosts=(LOOPBACK,))
        ca = str(self._authority.certificate)
        tls = {"cert_file": str(pair.certificate), "key_file": str(pair.key), "ca_file": ca, "verify": True}
        self.server = NatsServer(folder / "nats", config={**self._account.server_config, "tls": tls})
        self.secrets: set[str] = set()
        client = self.renew()
        self.options = [
            *("--nats-url", self.server.url, "--nats-tls-ca", ca, "--nats-credentials", str(self._credentials)),
            *("--nats-tls-cert", str(client.certificate), "--nats-tls-key", str(client.key)),
        ]

    def renew(self) -> Any:
        """Give the client another certificate and another user, each in the same files."""
        client = self._authority.issue("client")
        self._credentials.write_text(self._account.credentials(pub={"allow": PUBLISH}, sub={"allow": SUBSCRIBE}))
        lines = [*client.key.read_text().splitlines(), *self._credentials.read_text().splitlines()]
        self.secrets.update(line for line in lines if line and not line.startswith("-----"))
        return client


def test_an_operator_with_exactly_the_permissions_of_the_documents_elects_and_goes_on_with_new_secrets(
    scene: Scene, make_operator: MakeOperator, tmp_path: Path
) -> None:
    """Its first URL leads nowhere, and what it logs in detail has no secret in it."""
    secured = _Secured(tmp_path / "secured")
    with secured.server as server:
        operator = make_operator(*secured.options, nats_url=f"nats://{LOOPBACK}:1", bucket="leases").start()
        scene.run_pods(2)
        scene.elect(lease=SHORT)
        first = scene.wait_for_leader()
        scene.delete_pod(first)
        second = scene.wait_for_leader(but=first)

        secured.renew()
        server.restart()
        wait_until(lambda: operator.has_logged("connection 2"), "it is connected again")
        scene.delete_pod(second)
        scene.wait_for_leader(but=second)
        assert operator.stop() < 2.0

    assert not operator.has_logged("NATS reports")  # which is how a missing permission would show
    _assert_no_secret_in(operator, secured.secrets)


def test_a_login_that_is_refused_is_said_and_waited_for_and_never_shown(
    scene: Scene, make_operator: MakeOperator, tmp_path: Path
) -> None:
    """It stands in the URL, which is the worst place."""
    server = NatsServer(tmp_path / "nats", config={"authorization": {"user": "anna", "password": "other"}})
    with server:
        url = server.url.replace("//", "//anna:s3cr3t@")
        operator = make_operator(nats_url=url).start(wait=False)
        refusal = f"{server.url} refuses the login in --nats-url (Authorization Violation)"
        wait_until(lambda: operator.has_logged(refusal), "it says that it is refused", timeout_s=20)

        server.config["authorization"] = {"user": "anna", "password": "s3cr3t"}
        server.restart()
        operator.wait_until_ready()
        operator.stop()

    _assert_no_secret_in(operator, {"s3cr3t"})


def _assert_no_secret_in(operator: Operator, secrets: set[str]) -> None:
    log = operator.process.log.read_text()
    assert "Connected to NATS" in log
    assert [secret for secret in secrets if secret in log] == []
