"""Dishonesty drift: assistants that learn from the ratings of users, some of whom like to be told what is not so."""

from populace.envs.drift.options import DriftOptions
from populace.envs.drift.world import Drift

__all__ = ["Drift", "DriftOptions"]
