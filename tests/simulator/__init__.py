"""A seeded simulation: the production core against modelled NATS, Kubernetes and clocks, all faults from one seed.

`world` owns time and chance, `cluster` models the Kubernetes API, `process` is one operator, `faults` decides what goes
wrong, `invariants` watches every change. `python -m simulator --seed N` replays a run exactly.
"""
