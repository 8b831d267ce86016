"""The `LeaderElection` resource as JSON: parse what the API server sends, build what is written to it."""

GROUP = "tenure.dev"
VERSION = "v1alpha1"
PLURAL = "leaderelections"
KIND = "LeaderElection"
