"""A short way to run the lock-in world in tests."""

from typing import Any

import torch

from populace.envs.lockin import LockIn, LockInOptions
from populace.policy import Policy
from populace.registry import policies
from populace.run import Run, start


def lockin(
    worlds: int | torch.Tensor = 8, users: int = 10, assistant: str = "aggregate", seed: int = 1, **options: Any
) -> tuple[LockIn, dict[str, Policy], Run]:
    """A lock-in world, its policies and a run at its start."""
    chosen = LockInOptions(**options)
    population = LockIn.population(users, chosen)
    world = LockIn(chosen, population.census)
    players = {"assistant": policies.get(assistant, "lockin")()}
    return world, players, start(world, players, population, seed=seed, worlds=worlds)
