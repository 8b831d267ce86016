"""Where the API server is, and the way there."""

from __future__ import annotations

import asyncio
import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import incluster_config

from tenure.kubernetes import access
from tenure.kubernetes.access import load_configuration, load_context, log_in, own_namespace

_KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: here, cluster: {server: "https://api.example:6443"%s}}]
users: [{name: me, user: {token: secret}}]
contexts: [{name: here, context: {cluster: here, user: me}}]
current-context: here
"""


@pytest.fixture
def without_proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("https_proxy", "http_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def _proxy(folder: Path, more: str = "") -> str | None:
    kubeconfig = folder / "config"
    kubeconfig.write_text(_KUBECONFIG % more)
    proxy: str | None = asyncio.run(load_configuration(str(kubeconfig))).proxy
    return proxy


def test_the_proxy_of_the_environment_is_used(tmp_path: Path, without_proxies: pytest.MonkeyPatch) -> None:
    assert _proxy(tmp_path) is None
    without_proxies.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert _proxy(tmp_path) == "http://proxy.example:3128"
    without_proxies.setenv("NO_PROXY", "api.example")
    assert _proxy(tmp_path) is None


def test_the_proxy_of_the_kubeconfig_goes_before_that_of_the_environment(
    tmp_path: Path, without_proxies: pytest.MonkeyPatch
) -> None:
    without_proxies.setenv("HTTPS_PROXY", "http://proxy.example:3128")

    assert _proxy(tmp_path, ', proxy-url: "http://other.example:8080"') == "http://other.example:8080"


def test_no_request_asks_a_thread_for_netrc_or_the_proxy(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(_KUBECONFIG % "")

    async def trusts_environment() -> bool:
        client = ApiClient(await load_configuration(str(tmp_path / "config")))
        session = client.rest_client._create_pool_manager()
        await session.close()
        return bool(session.trust_env)

    assert not asyncio.run(trusts_environment())


@pytest.fixture
def service_account(tmp_path: Path, without_proxies: pytest.MonkeyPatch) -> Path:
    """The folder of the service account of the pod that this process seems to run in."""
    for name, content in {"token": "first", "ca.crt": "a certificate", "namespace": "shop\n"}.items():
        (tmp_path / name).write_text(content)
    without_proxies.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    without_proxies.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    without_proxies.setattr(access, "SERVICE_ACCOUNT_NAMESPACE", tmp_path / "namespace")
    without_proxies.delenv("KUBECONFIG", raising=False)
    without_proxies.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    without_proxies.setenv("KUBERNETES_SERVICE_PORT", "6443")
    return tmp_path


async def _authorization(configuration: Configuration) -> str:
    """What a request says of who we are."""
    settings = await configuration.auth_settings()
    return str(settings["BearerToken"]["value"])


async def test_in_a_pod_its_service_account_says_where_the_api_is_and_who_we_are(service_account: Path) -> None:
    context = await load_context(None)
    login = await log_in(None)

    assert context.namespace == own_namespace() == "shop"
    assert context.configuration.host == login.server == "https://10.0.0.1:6443"
    assert context.configuration.ssl_ca_cert == login.ca_path == str(service_account / "ca.crt")
    assert (await _authorization(context.configuration), login.token) == ("bearer first", "first")
    assert not login.insecure


@pytest.mark.parametrize("content", [None, "\n"])
async def test_a_pod_without_a_namespace_file_is_in_none_and_means_the_default_one(
    service_account: Path, content: str | None
) -> None:
    if content is None:
        (service_account / "namespace").unlink()
    else:
        (service_account / "namespace").write_text(content)

    assert own_namespace() is None
    assert (await load_context(None)).namespace == "default"


async def test_a_token_that_was_replaced_is_used_from_the_next_minute_on(
    service_account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kubelet replaces the file long before the token in it has run out."""
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    clock = SimpleNamespace(timedelta=datetime.timedelta, datetime=SimpleNamespace(now=lambda: now))
    monkeypatch.setattr(incluster_config, "datetime", clock)
    configuration = await load_configuration(None)
    assert await _authorization(configuration) == "bearer first"

    (service_account / "token").write_text("second")
    now += datetime.timedelta(minutes=1)

    assert await _authorization(configuration) == "bearer second"
    assert (await log_in(None)).token == "second"


@pytest.mark.parametrize("told_by", ["option", "variable", "name of a context"])
async def test_in_a_pod_a_kubeconfig_that_is_named_goes_before_its_service_account(
    service_account: Path, monkeypatch: pytest.MonkeyPatch, told_by: str
) -> None:
    kubeconfig = service_account / ".kube" / "config"
    kubeconfig.parent.mkdir()
    kubeconfig.write_text(_KUBECONFIG % "")
    monkeypatch.setenv("HOME", str(service_account))
    if told_by == "variable":
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    option = str(kubeconfig) if told_by == "option" else None
    name = "here" if told_by == "name of a context" else None

    assert (await load_context(option, name)).configuration.host == "https://api.example:6443"
