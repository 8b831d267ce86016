"""The Kubernetes API: a client with deadlines, and what Tenure reads and writes there."""
