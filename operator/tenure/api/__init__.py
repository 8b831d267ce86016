"""The `LeaderElection` resource as JSON: parse what the API server sends, build what is written to it."""

GROUP = "tenure.dev"
VERSION = "v1alpha1"
PLURAL = "leaderelections"
KIND = "LeaderElection"

SPEC_FIELDS = (
    "campaign",
    "eligibility",
    "failoverDelaySeconds",
    "handOver",
    "lease",
    "preference",
    "record",
    "routing",
    "selector",
    "suspend",
    "switchover",
)
"""What the spec has in this version. An older CRD drops what it does not know."""
