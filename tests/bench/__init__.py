"""How fast a leader is replaced, what many elections cost, and how both grow; client-go's leader election beside it.

`make bench` runs it; docs/performance.md has a report.
"""
