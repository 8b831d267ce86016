"""What the tests of tests/cluster share: an operator process, workloads, and watchers that miss nothing.

A `Scene` is a fresh namespace with its watchers. Tests create pods and elections in it, and wait for what the watchers
have seen; at the end, the watchers say whether a guarantee was ever broken, at any resourceVersion.
"""

from cluster_support.bucket import Bucket
from cluster_support.campaigners import Campaigner, Campaigners
from cluster_support.front import Front
from cluster_support.kubernetes import FORGER, Kubernetes, Object, Refused
from cluster_support.operator_process import MakeOperator, Operator
from cluster_support.scene import Scene
from cluster_support.views import ElectionView, PodView

__all__ = [
    "FORGER",
    "Bucket",
    "Campaigner",
    "Campaigners",
    "ElectionView",
    "Front",
    "Kubernetes",
    "MakeOperator",
    "Object",
    "Operator",
    "PodView",
    "Refused",
    "Scene",
]
