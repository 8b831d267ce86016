"""On what a run was made."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version

from cluster_support.kubernetes import Kubernetes
from environment.binaries import nats_server_binary


def describe(kubernetes: Kubernetes, *, nats_servers: int = 3) -> dict[str, str]:
    """Return the machine, how busy it was, and the versions of all that matters."""
    nats = subprocess.run([nats_server_binary(), "--version"], capture_output=True, text=True, timeout=10, check=True)
    memory_gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    load = " ".join(f"{average:.1f}" for average in os.getloadavg())
    packages = ", ".join(f"{name} {version(name)}" for name in ("tenure", "kopf", "nats-py", "kubernetes"))
    return {
        "Machine": f"{os.cpu_count()} cores, {memory_gib:.0f} GiB, {platform.system()} {platform.release()}; "
        f"load averages in the end: {load}",
        "Servers": f"{nats_servers} × {nats.stdout.strip()}, Kubernetes {kubernetes.get('/version')['gitVersion']}",
        "Packages": f"Python {platform.python_version()}, {packages}",
    }
