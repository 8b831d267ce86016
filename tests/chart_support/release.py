"""A release of the chart in the environment's cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chart_support.helm import Helm, Manifest, Object
from chart_support.installed import InstalledOperator
from chart_support.permissions import Permission, granted
from environment import Environment


class Release:
    """One name in one namespace; the NATS of the environment is set unless `values` do.

    `wait` is whether Helm returns only when all is as it should be: Deployments available, or everything gone.
    """

    def __init__(
        self,
        environment: Environment,
        helm: Helm,
        namespace: str,
        *,
        name: str = "tenure",
        wait: bool = True,
        **values: Any,
    ) -> None:
        self.name = name
        self.namespace = namespace
        self.is_installed = False
        self._environment = environment
        self._helm = helm
        self._wait = ["--wait"] if wait else []
        self._values = {"nats": {"url": environment.nats_url}, **values}
        self._manifest: Manifest | None = None

    def install(self, *arguments: str) -> str:
        """Install it, and return what Helm says. Raises HelmFailed."""
        return self._apply("install", *arguments)

    def upgrade(self, *arguments: str, **values: Any) -> str:
        """Upgrade it with further values. Raises HelmFailed."""
        self._values = {**self._values, **values}
        return self._apply("upgrade", *arguments)

    def _apply(self, verb: str, *arguments: str) -> str:
        said = self._helm.apply(verb, self.name, self.namespace, self._values, *self._wait, *arguments)
        self.is_installed, self._manifest = True, None
        return said

    def uninstall(self) -> str:
        """Uninstall it, and return what Helm says."""
        self.is_installed = False
        return self._helm.run("uninstall", self.name, "--namespace", self.namespace, *self._wait)

    def test(self) -> str:
        """Run `helm test`. Raises HelmFailed."""
        return self._helm.run("test", self.name, "--namespace", self.namespace, "--timeout", "30s")

    @property
    def manifest(self) -> Manifest:
        """All objects of it."""
        if self._manifest is None:
            self._manifest = Manifest(self._helm.run("get", "manifest", self.name, "--namespace", self.namespace))
        return self._manifest

    @property
    def deployment(self) -> Object:
        """Its Deployment."""
        return self.manifest.one("Deployment")

    @property
    def user(self) -> str:
        """How the API server calls the operator's account."""
        return f"system:serviceaccount:{self.namespace}:{self._account}"

    @property
    def permissions(self) -> set[Permission]:
        """What its roles permit the operator's account."""
        return granted(self.manifest, self._account)

    def operator(self, folder: Path) -> InstalledOperator:
        """Return an operator of this release, not started yet."""
        return InstalledOperator(self._environment, folder, self.deployment)

    @property
    def _account(self) -> str:
        return str(self.deployment["spec"]["template"]["spec"]["serviceAccountName"])


def leftovers(environment: Environment, release: str) -> list[str]:
    """Return what there is of a release by its label, in all namespaces and in none."""
    kinds = environment.kubectl("api-resources", "--verbs=list", "-o", "name").split()
    skipped = {"events", "events.events.k8s.io", "pods", "endpoints"}
    names = environment.kubectl(
        "get", ",".join(kind for kind in kinds if kind not in skipped), "--all-namespaces", "-o", "name",
        "-l", f"app.kubernetes.io/instance={release}",
    )  # fmt: skip
    return names.split()
