"""What an outage costs: one thing after another is away, and the outside measures how long nobody is replaced.

`make outages` runs it; docs/failure-modes.md has a report.
"""
