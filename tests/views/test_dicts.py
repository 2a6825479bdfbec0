"""The dicts of a parallel environment: plain by default, at every size, so that code in C finds what is in them."""

import json
import pickle

import numpy as np
import pytest
import torch.utils._pytree as pytree
import toy

from populace.envs import views
from populace.envs.views.lazy import LazyDict

SIZES = [1, 3, 3000]


def step(users, **more):
    env = views.parallel_env("populace/coevolution-v0", users=users, focal="user", flat=True, **more)
    first = env.reset(seed=0)
    answers = np.random.default_rng(0).integers(0, 2, (users, 8))
    return (*first, *env.step({"user": answers}))


@pytest.mark.parametrize("users", SIZES)
def test_dicts_are_plain(users):
    parts = step(users)
    names = [f"user_{i}" for i in range(users)]
    for part in parts:
        assert type(part) is dict
        assert list(part) == names
    rewards = parts[3]
    assert len(json.loads(json.dumps(rewards))) == users
    assert len(pytree.tree_leaves(rewards)) == users
    assert len({} | rewards) == len(dict.items(rewards)) == users
    assert json.loads(json.dumps(parts[6])) == parts[6]
    match rewards:
        case {"user_0": float()}:
            pass
        case _:
            pytest.fail("a pattern does not match")


@pytest.mark.parametrize("package", ["orjson", "msgpack", "tree", "optree"])
def test_readers_in_c(package):
    module = pytest.importorskip(package)
    rewards = step(3)[3]
    read = {
        "orjson": lambda: json.loads(module.dumps(rewards)),
        "msgpack": lambda: module.unpackb(module.packb(rewards)),
        "tree": lambda: dict(zip(rewards, module.flatten(rewards), strict=True)),
        "optree": lambda: dict(zip(rewards, module.tree_leaves(rewards), strict=True)),
    }[package]
    assert read() == rewards


@pytest.mark.parametrize("users", SIZES)
def test_lazy_dicts_say_the_same(users):
    for plain, lazy in zip(step(users), step(users, lazy=True), strict=True):
        assert type(lazy) is LazyDict
        assert list(lazy) == list(plain)
        for name in plain:
            np.testing.assert_equal(lazy[name], plain[name])
        assert type(pickle.loads(pickle.dumps(lazy))) is dict


def test_the_infos_of_agents_are_dicts_of_their_own():
    env = views.parallel_env(toy.Toy, users=3)
    _, infos = env.reset(seed=0)
    infos["user_0"]["mine"] = 1
    assert "mine" not in infos["user_1"]
    assert "mine" not in env.step({agent: env.action_space(agent).sample() for agent in env.agents})[-1]["user_0"]
