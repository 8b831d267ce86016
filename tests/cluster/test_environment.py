"""The environment does what the other tests of this folder rely on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nats
import pytest

from environment import DRAINS, NODES, Environment, EnvironmentFailed, NatsServer, Process, wait_until
from environment.detached import start_time
from environment.ports import free_ports

_TESTS = Path(__file__).parents[1]


class LeftRunning:
    """`python -m environment`, with a state folder of its own; `up` has been begun."""

    def __init__(self, folder: Path) -> None:
        self._environ = {**os.environ, "XDG_STATE_HOME": str(folder)}
        self.record = folder / "tenure" / "environment.json"
        self.first = subprocess.Popen(
            self._command("up"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=_TESTS,
            env=self._environ,
        )

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self._command(command), capture_output=True, text=True, timeout=600, cwd=_TESTS, env=self._environ
        )

    def _command(self, command: str) -> list[str]:
        return [sys.executable, "-m", "environment", command]


@pytest.fixture(scope="module", autouse=True)
def left_running(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LeftRunning]:
    """It starts while the other tests of this module run, and has ended when they have."""
    left_running = LeftRunning(tmp_path_factory.mktemp("state"))
    yield left_running
    left_running.first.communicate(timeout=600)
    left_running.run("down")


def _get(environment: Environment, namespace: str, *what: str) -> Any:
    return json.loads(environment.kubectl("get", *what, "-n", namespace, "-o", "json"))


def _ready(environment: Environment, namespace: str) -> bool:
    conditions = _get(environment, namespace, "pod", "web-0")["status"].get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _run_ready_pod(environment: Environment, namespace: str, **annotations: str) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web-0", "labels": {"app": "web"}, "annotations": annotations},
        "spec": {"terminationGracePeriodSeconds": 3, "containers": [{"name": "main", "image": "none"}]},
    }
    environment.kubectl("create", "-n", namespace, "-f", "-", input=json.dumps(pod))
    wait_until(lambda: _ready(environment, namespace), "the pod is ready")


def _ready_addresses(environment: Environment, namespace: str) -> set[str]:
    slices = _get(environment, namespace, "endpointslices", "-l", "kubernetes.io/service-name=web")["items"]
    endpoints = [endpoint for one in slices for endpoint in one["endpoints"] or []]
    return {endpoint["addresses"][0] for endpoint in endpoints if endpoint["conditions"]["ready"]}


class TestPods:
    """Pods without machines behave as pods with them."""

    def test_a_ready_pod_is_an_endpoint_of_its_service(self, environment: Environment, namespace: str) -> None:
        """A pod is put on a node, gets an address and becomes Ready; its Service's EndpointSlice holds the address."""
        environment.kubectl("create", "service", "clusterip", "web", "--tcp=80", "-n", namespace)
        _run_ready_pod(environment, namespace)
        pod = _get(environment, namespace, "pod", "web-0")

        assert pod["spec"]["nodeName"] == NODES[0]
        wait_until(
            lambda: _ready_addresses(environment, namespace) == {pod["status"]["podIP"]}, "the pod is an endpoint"
        )

    def test_a_written_status_stays(self, environment: Environment, namespace: str) -> None:
        """A pod that a test makes NotReady leaves the EndpointSlice, and is not made Ready again."""
        environment.kubectl("create", "service", "clusterip", "web", "--tcp=80", "-n", namespace)
        _run_ready_pod(environment, namespace)
        wait_until(lambda: len(_ready_addresses(environment, namespace)) == 1, "the pod is an endpoint")

        status = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
        patch = ("patch", "pod", "web-0", "-n", namespace, "--subresource=status")
        environment.kubectl(*patch, "-p", json.dumps(status))

        wait_until(lambda: not _ready_addresses(environment, namespace), "the pod is no endpoint")
        # What kwok does, it does in the order of events. Once it has dealt with a later pod, it has seen the patch.
        environment.kubectl("run", "later", "--image=none", "-n", namespace)
        environment.kubectl("wait", "pod/later", "-n", namespace, "--for=condition=Ready", "--timeout=10s")
        assert not _ready(environment, namespace)

    def test_a_deleted_pod_goes(self, environment: Environment, namespace: str) -> None:
        """Deletion removes the pod long before the end of its grace period."""
        _run_ready_pod(environment, namespace)
        began_s = time.monotonic()
        environment.kubectl("delete", "pod", "web-0", "-n", namespace, "--timeout=10s")

        assert time.monotonic() - began_s < 2.0

    def test_a_draining_pod_takes_its_time(self, environment: Environment, namespace: str) -> None:
        """The annotation keeps a deleted pod to the end of its grace period, though it is written to meanwhile."""
        _run_ready_pod(environment, namespace, **{DRAINS: "true"})
        began_s = time.monotonic()
        environment.kubectl("delete", "pod", "web-0", "-n", namespace, "--wait=false")
        environment.kubectl("label", "pod", "web-0", "role=none", "-n", namespace)
        environment.kubectl("wait", "--for=delete", "pod/web-0", "-n", namespace, "--timeout=10s")

        assert 1.5 < time.monotonic() - began_s < 5.0  # Kubernetes counts in whole seconds

    def test_workloads_run(self, environment: Environment, namespace: str) -> None:
        """The controllers run: a Deployment has its pods, and replaces one that is deleted."""
        environment.kubectl("create", "deployment", "web", "--image=none", "--replicas=2", "-n", namespace)
        environment.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=20s")
        first = _get(environment, namespace, "pods")["items"][0]["metadata"]
        environment.kubectl("delete", "pod", first["name"], "-n", namespace)
        environment.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=20s")

        assert first["uid"] not in {pod["metadata"]["uid"] for pod in _get(environment, namespace, "pods")["items"]}


class TestControlPlane:
    """The API server decides as a real one does, because it is one."""

    def test_rbac_applies_to_service_accounts(self, environment: Environment, namespace: str) -> None:
        """A service account's kubeconfig may do what it was granted, and no more."""
        account = ("--kubeconfig", str(environment.service_account_kubeconfig(namespace, "default")))
        grant = ("create", "rolebinding", "view", "--clusterrole=view", f"--serviceaccount={namespace}:default")
        with pytest.raises(EnvironmentFailed, match="forbidden"):
            environment.kubectl("get", "pods", *account)
        environment.kubectl(*grant, "-n", namespace)

        environment.kubectl("get", "pods", *account)
        with pytest.raises(EnvironmentFailed, match="forbidden"):
            environment.kubectl("delete", "pod", "any", *account)


class TestNatsServer:
    """A nats-server that is ended keeps what it stored."""

    @pytest.mark.parametrize("end", ["stop", "kill"])
    async def test_a_restart_keeps_the_bucket(self, tmp_path: Path, end: str) -> None:
        """A value that was acknowledged is there after a stop and after a crash, behind the same URL."""
        with NatsServer(tmp_path) as server:
            client = await nats.connect(server.url)
            bucket = await client.jetstream().create_key_value(bucket="kept")
            await bucket.put("key", b"value")
            await client.close()
            getattr(server, end)()
            server.start()
            client = await nats.connect(server.url)
            entry = await (await client.jetstream().key_value("kept")).get("key")
            await client.close()

            assert entry.value == b"value"

    def test_a_server_that_does_not_start_says_why(self, tmp_path: Path) -> None:
        """The failure quotes the server's own complaint, and nothing stays behind."""
        server = NatsServer(tmp_path, config={"no_such_setting": 1})

        with pytest.raises(EnvironmentFailed, match="no_such_setting"), server:
            pass
        assert not server.process.running

    def test_a_paused_server_can_be_stopped(self, tmp_path: Path) -> None:
        """A stop resumes a paused server first, so that it ends in an orderly way, and its process is gone."""
        with NatsServer(tmp_path) as server:
            pid = server.process.pid
            server.pause()

        assert start_time(pid) is None
        assert "Server Exiting" in server.process.log.read_text()

    def test_three_servers_form_a_cluster(self, tmp_path: Path) -> None:
        """Servers that are given routes to one another are ready once they have elected a leader."""
        ports = free_ports(3)
        routes = [f"nats://127.0.0.1:{port}" for port in ports]
        clusters = [{"name": "three", "listen": f"127.0.0.1:{port}", "routes": routes} for port in ports]
        servers = [
            NatsServer(tmp_path, name=f"nats-{number}", config={"cluster": cluster})
            for number, cluster in enumerate(clusters)
        ]
        try:
            for server in servers:
                server.launch()
            for server in servers:
                server.wait_until_ready()
        finally:
            for server in servers:
                server.stop()


class TestProcesses:
    """Nothing that was started stays, unless it is meant to."""

    def test_a_process_that_ends_early_is_reported_with_its_log(self, tmp_path: Path) -> None:
        """The failure quotes the exit code, what was awaited, and the end of the log."""
        process = Process("short", ["/bin/sh", "-c", "echo no room left; exit 3"], log=tmp_path / "short.log")
        process.start()

        with pytest.raises(EnvironmentFailed, match=r"(?s)exit code 3.*it listens.*no room left"):
            process.wait_until(lambda: False, "it listens", timeout_s=10)

    def test_a_process_dies_with_the_one_that_started_it(self, tmp_path: Path) -> None:
        """Even SIGKILL to the parent leaves no child behind."""
        program = (
            "import os, signal; from pathlib import Path; from environment import Process;"
            f"p = Process('sleeper', ['sleep', '600'], log=Path({str(tmp_path)!r}) / 'log'); p.start();"
            "print(p.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
        )
        command = [sys.executable, "-c", program]
        parent = subprocess.run(command, capture_output=True, text=True, timeout=20, cwd=_TESTS, check=False)
        pid = int(parent.stdout)

        wait_until(lambda: start_time(pid) is None, "the child is gone")

    def test_up_and_down(self, left_running: LeftRunning) -> None:
        """`up` leaves an environment running, a second `up` finds it, and `down` ends all of it."""
        printed, complained = left_running.first.communicate(timeout=600)
        second = left_running.run("up")
        record = json.loads(left_running.record.read_text())
        pids = [process["pid"] for process in record["processes"]]

        assert left_running.first.returncode == 0, complained
        assert printed.splitlines()[0] == f"export KUBECONFIG={record['kubeconfig']}"
        assert printed.splitlines()[1] == f"export TENURE_NATS_URL={record['nats_url']}"
        assert second.stdout == printed
        assert "already" in second.stderr
        assert len(pids) == 5
        assert all(start_time(pid) for pid in pids)
        third = left_running.run("down")
        assert third.returncode == 0, third.stderr
        assert not any(start_time(pid) for pid in pids)
        assert "no environment" in left_running.run("down").stderr
