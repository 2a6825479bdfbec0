"""Lock-in of false beliefs: humans and assistants who count each other's beliefs twice."""

from populace.envs.lockin.options import LockInOptions
from populace.envs.lockin.world import LockIn

__all__ = ["LockIn", "LockInOptions"]
