"""What the tests of tests/chart share: Helm, releases, and operators that run as a release would have them run."""

from chart_support.helm import CHART, ROOT, Helm, HelmFailed, Manifest, Object
from chart_support.installed import InstalledOperator
from chart_support.network_policy import NetworkPolicy, connections
from chart_support.permissions import Requests
from chart_support.release import Release

__all__ = [
    "CHART",
    "ROOT",
    "Helm",
    "HelmFailed",
    "InstalledOperator",
    "Manifest",
    "NetworkPolicy",
    "Object",
    "Release",
    "Requests",
    "connections",
]
