"""Where the API server is, and the way there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from kubernetes.aio.client import ApiClient

from tenure.kubernetes.access import load_configuration

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
