"""Runs of the drift world for tests of learners."""

from typing import Any

import torch

from populace import registry
from populace.policy import Policy
from populace.population import PlainPopulation
from populace.rollout import Keep, rollout
from populace.run import Run, start
from populace.world import AnyWorld

BASE = {"correct": 0.916, "hedge": 0.04, "dont_know": 0.016, "omit": 0.008, "nudge": 0.01, "affirm_falsehood": 0.01}
BOOKING = {"admit": 0.88, "omit": 0.08, "nudge": 0.03, "affirm_falsehood": 0.01}


def world_of(users: int, **options: Any) -> AnyWorld:
    kind = registry.worlds.get("populace/drift-v0")
    return kind(kind.Options(**options), PlainPopulation(users, ("interest",)).census)


def policy(name: str, **options: Any) -> Policy:
    kind = registry.policies.get(name, "drift")
    return kind(kind.Options(**options))


def begin(world: AnyWorld, policies: dict[str, Policy], worlds: Any, seed: int = 1) -> Run:
    return start(world, policies, PlainPopulation(world.census.size, ("interest",)), seed=seed, worlds=worlds)


def play(
    learner: str, rounds: int, *, worlds: Any = 8, users: int = 200, seed: int = 1, learn: dict[str, Any],
    world: dict[str, Any] | None = None, user: dict[str, Any] | None = None, learn_every: int = 1, check: bool = False,
) -> tuple[Run, dict[str, torch.Tensor]]:  # fmt: skip
    """The run after `rounds`, and every measure [rounds, worlds]."""
    made = world_of(users, **(world or {}))
    policies = {"assistant": policy(f"learning/{learner}", **learn), "user": policy("candid", **(user or {}))}
    keep = Keep()
    run = rollout(
        made, policies, begin(made, policies, worlds, seed), rounds, keep, learn_every=learn_every, check=check
    )
    return run, {name: torch.stack(series[-rounds:]) for name, series in keep.series.items()}
