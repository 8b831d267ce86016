"""The demo: one election and one hand-over on a real control plane, shown as it happens and judged at the end.

    make demo                     a control plane and a nats-server of its own, ended again
    make demo DEMO_HOLD=1         the same, left up until Ctrl-C
    make demo CONTEXT=kind-kind   in the namespace tenure-demo of a cluster of yours

`play` is the story, and `stage` is where it is played. `watching` brings every change of the pods, the election and the
endpoints. `world` is what these amount to, and `verdict` is what is claimed about it; both are pure.
"""
