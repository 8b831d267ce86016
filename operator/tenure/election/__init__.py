"""The pure core: what one election decides, from its state, its inputs and the time.

Nothing in here does I/O, reads a clock or logs. `election.Election.step` takes inputs and returns effects;
the runtime carries the effects out and brings their results back as inputs.
"""
