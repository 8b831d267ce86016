"""All of it in a cluster of yours: real nodes, three NATS servers with TLS, the chart, and clients that do not stop.

    make e2e CONTEXT=kind-kind IMAGE=registry.example/tenure:0.1.0

`stage` installs everything and takes it away again. `scenes` are the faults and changes, and `play` plays one after the
other. `calls` is what the clients saw, `verdict` what is claimed about it; both are pure. `report` writes it down.
`bed` is for faults that only the machines below the cluster can make. What is in `pods` runs in the cluster.
"""
