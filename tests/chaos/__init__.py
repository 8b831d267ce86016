"""Chaos: everything that the operator relies on is broken on purpose, and what the outside saw of it is judged.

    make chaos                          10 minutes, with a seed that is printed
    make chaos FOR=30m SEED=7           another length, and the faults of that seed again
    make chaos REPORT=report.md         the report as a file as well: Markdown, or JSON for a name that ends so

Three nats-servers in a cluster, a control plane, two operators and twenty elections, all of them real; kwok plays the
machines of the pods. `plan` draws rounds of faults from the seed, `injection` carries them out on the `stage`, and
`observers` write down every version of every pod and election and every record that NATS accepted: a `history`. `judge`
says what in it breaks a guarantee, `leadership` and `report` what it amounts to. These four and `plan` are pure.
"""
