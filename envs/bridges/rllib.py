"""Worlds for RLlib: the Parallel view as a multi-agent environment, with one policy for each role.

PPOConfig().environment(rllib.register("populace/payoff-v0")).multi_agent(**rllib.by_role("populace/payoff-v0"))
"""

from typing import Any

from populace.envs import views
from populace.envs.views.build import WorldName
from populace.errors import MissingExtra

try:
    from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv
    from ray.tune.registry import register_env
except ImportError:
    raise MissingExtra("populace.envs.bridges.rllib", "ray[rllib] with gymnasium 1.2.2", "rllib") from None


def env(world: WorldName, **arguments: Any) -> ParallelPettingZooEnv:
    """A world in which RLlib plays the focal roles: observations are vectors, actions arrays.

    Args:
        world: As for `populace.envs.views.parallel_env`.
        arguments: The other arguments of `parallel_env`.
    """
    made = views.parallel_env(world, **{"flat": True, "flat_actions": True, **arguments})
    return ParallelPettingZooEnv(made)  # type: ignore[no-untyped-call, unused-ignore]  # where Ray is there without types


def register(world: str, **arguments: Any) -> str:
    """Make `env(world, **arguments)` known to RLlib; returns the name for `environment(...)`.

    Each of RLlib's environments has worlds of its own: its seed is the worker's and its own number.
    """
    name = f"populace:{world}"

    def make(context: Any) -> ParallelPettingZooEnv:
        place = getattr(context, "worker_index", 0) * 10_000 + getattr(context, "vector_index", 0)
        return env(world, **{**arguments, "seed": arguments.get("seed", 0) + place})

    register_env(name, make)
    return name


def role_of(agent: str, *_: Any, **__: Any) -> str:
    """The role of an agent, as a `policy_mapping_fn`: seats of a role share a policy."""
    return agent.rsplit("_", 1)[0]


def by_role(world: WorldName, **arguments: Any) -> dict[str, Any]:
    """Arguments for `multi_agent`: a policy for each role that RLlib plays.

    Args:
        world: As for `env`.
        arguments: Those of `env`.
    """
    roles = {role_of(str(agent)) for agent in env(world, **arguments).possible_agents}
    return {"policies": roles, "policy_mapping_fn": role_of}
