"""Goes through all that can happen in small worlds: a few operator processes and pods, and what may go wrong with them.

The processes run the production core. What a network, a scheduler and the machines can do is a choice at each step:
which request is served next, which answer or event arrives, which timer rings, who is killed, halted or cut off.
`search` makes all choices, breadth first, and visits each world that they lead to once. In every world the guarantees
G1 to G4 are checked; where one is broken, the shortest schedule that leads there is told (`schedule`).

Begin to read in `world`, what there is and what may happen; then `dynamics`, what comes of it. Left to the simulator:
an election that is deleted, several inputs in one step (but for those of a new process or connection), processes that
must not act, strangers who write labels or records.
"""
