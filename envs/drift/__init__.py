"""Dishonesty drift: assistants that learn from the ratings of users, some of whom like to be told what is not so."""

from typing import TYPE_CHECKING

from populace.lazy import lazily

if TYPE_CHECKING:
    from populace.envs.drift.options import DriftOptions
    from populace.envs.drift.world import Drift

__all__ = ["Drift", "DriftOptions"]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Drift": "populace.envs.drift.world",
        "DriftOptions": "populace.envs.drift.options",
    },
)
