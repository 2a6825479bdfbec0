"""Lock-in of false beliefs: humans and assistants who count each other's beliefs twice."""

from typing import TYPE_CHECKING

from populace.lazy import lazily

if TYPE_CHECKING:
    from populace.envs.lockin.options import LockInOptions
    from populace.envs.lockin.world import LockIn

__all__ = ["LockIn", "LockInOptions"]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "LockIn": "populace.envs.lockin.world",
        "LockInOptions": "populace.envs.lockin.options",
    },
)
