"""Leader election for a Python program that campaigns for itself: see `Candidate`."""

from tenure.candidate.candidate import Candidate, NotLeader
from tenure.candidate.config import ElectionConfig
from tenure.election.notices import Leadership

__all__ = ["Candidate", "ElectionConfig", "Leadership", "NotLeader"]
