"""A simulation: the production runtime and core in virtual time, modelled servers, and all faults from one seed.

`world` owns time and chance; `loop` is asyncio in virtual time. `life` is one life of an operator process, put
together as `tenure.process` does it: others are what keeps the bucket connected and watched (`leases`), HTTP
(`client`), and Kopf (`watch`). The servers are in `tests/model`. `profile` says what a world is like, `faults` and its
parts decide what goes wrong, and `invariants`, `conduct`, `reasons` and `progress` watch what must hold.
`python -m simulator --seed N` replays a world exactly. `mutations` are mistakes that must be found.
"""
