"""The lease store on NATS JetStream: connection, bucket, compare-and-set, watch."""
