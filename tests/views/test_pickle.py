"""Environments can be pickled and copied at any time, and go on as if they had not been."""

import copy
import pickle

import numpy as np
import pytest
import torch
import toy

from populace.envs import views
from populace.registry import manifests

WORLDS = manifests.shipped()

KINDS = {
    "parallel": views.parallel_env,
    "lazy": lambda *a, **k: views.parallel_env(*a, lazy=True, **k),
    "acting": lambda *a, **k: views.parallel_env(*a, turns="acting", **k),
    "aec": views.env,
    "raw": views.raw_env,
    "converter": lambda *a, **k: views.env(*a, turns="all", **k),
    "vector": lambda *a, **k: views.vector_env(*a, num_envs=2, **k),
    "seat": views.seat_env,
    "tensors": lambda *a, **k: views.world(*a, worlds=2, **k),
}


def seed(env, kind):
    """Samples must be the same in a copy; a space that was never asked has no generator yet."""
    if kind in ("vector", "seat"):
        env.action_space.seed(0)
    elif kind != "tensors":
        for number, agent in enumerate(env.possible_agents):
            env.action_space(agent).seed(number)


def step(env, kind):
    if kind in ("aec", "raw", "converter"):
        agent = env.agent_selection
        env.step(env.action_space(agent).sample())
        return env.observe(env.agent_selection)
    if kind == "tensors":
        role = env.stage.world.cast[next(iter(env.observe()))]
        phase = env.phase
        acts = {f.name: f.omitted(2, role.seats) for f in role.done_in(phase)}
        return dict(env.step({role.name: acts}).observations)
    if kind in ("vector", "seat"):
        return env.step(env.action_space.sample())[:4]
    observation, rewards, *_ = env.step({agent: env.action_space(agent).sample() for agent in env.agents})
    return dict(observation), dict(rewards)


def equal(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    return np.array_equal(a, b)


@pytest.mark.parametrize("again", [lambda env: pickle.loads(pickle.dumps(env)), copy.deepcopy], ids=["pickle", "copy"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [*WORLDS, toy.Toy], ids=lambda name: str(name).split("/")[-1])
def test_at_any_time(name, kind, again):
    env = again(KINDS[kind](name, users=4))  # before the first reset
    env.reset(seed=1)
    seed(env, kind)
    twin = again(env)  # before anything was looked at
    for _ in range(3):
        assert equal(step(env, kind), step(twin, kind))
        twin = again(env)  # in mid-tick too


def test_what_was_given_back_can_be_pickled():
    env = views.world("populace/coevolution-v0", worlds=2, users=4)
    seen = env.reset(seed=0)
    back = pickle.loads(pickle.dumps(seen))
    assert torch.equal(back["user"]["values"], seen["user"]["values"])
