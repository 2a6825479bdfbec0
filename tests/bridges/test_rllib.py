"""The bridge to RLlib: spaces, names, and PPO with a policy for each of two roles."""

import pytest
from training import gains, without

pytest.importorskip(
    "ray.rllib.env.wrappers.pettingzoo_env",
    reason='RLlib is not installed: pip install "populace[rllib]", or run `make test-bridges`',
    exc_type=ImportError,
)

import numpy as np
from gymnasium import spaces
from ray.rllib.utils.pre_checks.env import check_multiagent_environments  # noqa: F401 - there or the version is another

from populace.envs.bridges import rllib
from populace.registry import manifests


@pytest.mark.parametrize("name", manifests.shipped())
def test_every_world_is_played_with_arrays(name):
    env = rllib.env(name, users=4, max_cycles=3)
    seen, _ = env.reset(seed=1)
    for _ in range(3):
        for agent, observation in seen.items():
            assert env.observation_space[agent].contains(observation)
            assert not isinstance(env.action_space[agent], spaces.Dict)
        seen, rewards, ended, cut, _ = env.step({agent: env.action_space[agent].sample() for agent in seen})
        assert all(np.isfinite(list(rewards.values())))
    assert ended["__all__"] or cut["__all__"]


def test_seats_of_a_role_share_a_policy():
    found = rllib.by_role("populace/payoff-v0", users=3)
    assert found["policies"] == {"user", "assistant"}
    assert [found["policy_mapping_fn"](agent, None) for agent in ("user_2", "assistant_0")] == ["user", "assistant"]


def test_the_example_learns():
    for gain, interval in gains("rllib_ppo.py"):
        assert gain > interval


def test_without_rllib_the_line_that_installs_it_is_told():
    assert 'pip install "populace[rllib]"' in without("ray.rllib", "populace.envs.bridges.rllib")
