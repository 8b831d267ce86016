"""The Secrets that the values name become files, and with these the operator gets into NATS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chart_support import Helm, InstalledOperator, Release
from environment import Environment, NatsServer
from environment.certificates import CertificateAuthority
from environment.nats_accounts import NatsAccount
from environment.ports import LOOPBACK


@pytest.fixture(scope="module")
def release(environment: Environment, helm: Helm, make_namespace: Callable[[], str]) -> Iterator[Release]:
    """A release whose account may do what the operator has to. None of its own operators runs."""
    namespace = make_namespace()
    release = Release(environment, helm, namespace, namespaces=[namespace], replicaCount=0)
    release.install("--take-ownership")
    yield release
    release.uninstall()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    """Who has signed the certificates of server and client."""
    return CertificateAuthority(tmp_path_factory.mktemp("certificates"))


def test_a_password_and_a_client_certificate(
    environment: Environment, offline: Helm, release: Release, authority: CertificateAuthority, tmp_path: Path
) -> None:
    client = authority.issue("tenure")
    (tmp_path / "password").write_text("correct horse")
    _secret(environment, release, "login", password=tmp_path / "password")
    _secret(environment, release, "client", **{"tls.crt": client.certificate, "tls.key": client.key})
    _secret(environment, release, "ca", bundle=authority.certificate)

    _get_in(
        environment, offline, release, tmp_path,
        server={"authorization": {"user": "anna", "password": "correct horse"}, "tls": _tls(authority, verify=True)},
        values={
            "user": "anna",
            "password": {"secret": {"name": "login"}},
            "tls": {"ca": {"secret": {"name": "ca", "key": "bundle"}}, "client": {"secret": {"name": "client"}}},
        },
    )  # fmt: skip


def test_a_credentials_file_and_a_ca_from_a_config_map(
    environment: Environment, offline: Helm, release: Release, authority: CertificateAuthority, tmp_path: Path
) -> None:
    account = NatsAccount()
    (tmp_path / "mine.creds").write_text(account.credentials())
    _secret(environment, release, "credentials", **{"mine.creds": tmp_path / "mine.creds"})
    file = f"--from-file=ca.crt={authority.certificate}"
    environment.kubectl("create", "configmap", "ca", "--namespace", release.namespace, file)

    _get_in(
        environment, offline, release, tmp_path,
        server={**account.server_config, "tls": {**_tls(authority), "handshake_first": True}},
        values={
            "credentials": {"secret": {"name": "credentials", "key": "mine.creds"}},
            "tls": {"first": True, "ca": {"configMap": {"name": "ca"}}},
        },
    )  # fmt: skip


def _tls(authority: CertificateAuthority, **more: Any) -> dict[str, Any]:
    pair = authority.issue("nats", hosts=(LOOPBACK,))
    ca = str(authority.certificate)
    return {"cert_file": str(pair.certificate), "key_file": str(pair.key), "ca_file": ca, **more}


def _secret(environment: Environment, release: Release, name: str, **files: Path) -> None:
    sources = [f"--from-file={key}={path}" for key, path in files.items()]
    environment.kubectl("create", "secret", "generic", name, "--namespace", release.namespace, *sources)


def _get_in(
    environment: Environment,
    offline: Helm,
    release: Release,
    folder: Path,
    *,
    server: dict[str, Any],
    values: dict[str, Any],
) -> None:
    """Run an operator as the release would run it with these values of `nats`, until it works."""
    with NatsServer(folder / "nats", config=server) as nats:
        all_values = {"nats": {"url": nats.url, **values}, "namespaces": [release.namespace]}
        manifest = offline.template(values=all_values, name=release.name, namespace=release.namespace)
        operator = InstalledOperator(environment, folder, manifest.one("Deployment"))
        operator.start()
        operator.stop()
        operator.check()
