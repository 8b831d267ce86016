"""Models of what Tenure talks to: in memory, deterministic, and with the failures at hand."""
