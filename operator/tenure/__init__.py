"""Leader election for Kubernetes workloads, with leases in NATS JetStream."""

__version__ = "0.1.0"
