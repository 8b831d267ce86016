"""The imperative shell: mailboxes and timers that step the elections, executors that carry out what they decide."""
