"""PettingZoo's own tests, and a stricter one of determinism, over every registered world and the toy."""

from functools import partial
from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest
import toy
from pettingzoo.test import api_test, max_cycles_test, parallel_api_test, parallel_seed_test, render_test, seed_test

from populace.envs import views
from populace.errors import PopulaceError
from populace.registry import manifests

TOYS = {
    "toy": {},
    "toy, masked": {"forbid": True},
    "toy, ends": {"patience": 4},
    "toy, users leave": {"leaving": 0.3, "returning": 0.3},
}
CYCLES = 12


def _playable(name):
    """Registered worlds whose views can be built without a population and with default policies."""
    try:
        views.parallel_env(name, users=4)
    except PopulaceError as error:
        return str(error)
    return ""


def _case(name, flat):
    if name in TOYS:
        return partial(views.parallel_env, toy.Toy, users=4, options=TOYS[name], flat=flat, max_cycles=CYCLES)
    if fault := _playable(name):
        pytest.skip(f"{name} has no view of its own: {fault}")
    return partial(views.parallel_env, name, users=4, flat=flat, max_cycles=CYCLES)


WORLDS = manifests.shipped()
CASES = [(name, flat) for name in (*WORLDS, *TOYS) for flat in (False, True)]
pytestmark = [
    # Remarks on style: several roles have several spaces, and at rest an agent sees zeros.
    pytest.mark.filterwarnings("ignore:.*(space|Observation|Agents|observation|minimum|maximum).*:UserWarning"),
    pytest.mark.parametrize(("name", "flat"), CASES),
]


def _aec(make):
    return lambda **more: views.env(*make.args, **{**make.keywords, **more})


def test_parallel_api(name, flat):
    parallel_api_test(_case(name, flat)(), num_cycles=CYCLES)


def test_aec_api(name, flat):
    api_test(_aec(_case(name, flat))(), num_cycles=CYCLES)


def test_seeds(name, flat):
    make = _case(name, flat)
    parallel_seed_test(make, num_cycles=CYCLES)
    seed_test(_aec(make), num_cycles=CYCLES)


def test_max_cycles(name, flat):
    make = _case(name, flat)
    if name in TOYS and name not in ("toy", "toy, masked"):
        pytest.skip("its agents end before the horizon")
    if name in WORLDS and views.build(name, users=4).world.ends:
        pytest.skip("it may end before the horizon")
    world = views.build(*make.args, users=4, options=make.keywords.get("options")).world
    once = all(len(role.phases) == 1 for role in world.cast.values() if role.phases)
    # The test counts an action a cycle; where a role has several turns a tick, only the converter does that.
    aec = _aec(make) if once else partial(_aec(make), turns="all")
    max_cycles_test(SimpleNamespace(parallel_env=make, env=aec))


def test_render(name, flat):
    render_test(_aec(_case(name, flat)))


def _episode(env, seed, seed_of_acts):
    observation, infos = env.reset(seed=seed)
    record = [(observation.copy(), infos.copy())]
    rng = np.random.default_rng(seed_of_acts)
    while env.agents:
        actions = {}
        for agent in env.agents:
            space = env.action_space(agent)
            space.seed(int(rng.integers(2**31)))
            actions[agent] = space.sample()
        record.append(tuple(part.copy() for part in env.step(actions)))
    return record


def _equal(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_equal(a[k], b[k]) for k in a)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(_equal(x, y) for x, y in zip(a, b, strict=True))
    return np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f")


def test_the_same_seed_gives_the_same_values_to_the_end_and_another_seed_does_not(name, flat):
    make = _case(name, flat)
    first, second = _episode(make(), 3, 1), _episode(make(), 3, 1)
    assert len(first) > 1
    assert _equal(first, second)
    again = make()
    _episode(again, 9, 5)  # an environment's past must not matter
    assert _equal(first, _episode(again, 3, 1))
    assert not _equal(first, _episode(make(), 4, 1))


def test_observations_are_in_their_spaces(name, flat):
    env = _case(name, flat)()
    observation, _ = env.reset(seed=0)
    while env.agents:
        for agent in env.agents:
            assert env.observation_space(agent).contains(observation[agent]), (agent, observation[agent])
        observation, *_ = env.step({agent: env.action_space(agent).sample() for agent in env.agents})


def test_registries(name, flat):
    if name in TOYS or flat:
        pytest.skip("only registered worlds")
    _case(name, flat)
    import pettingzoo

    if hasattr(pettingzoo, "make"):  # since 1.27
        env = pettingzoo.make("parallel", name, users=4, max_cycles=2)
        assert isinstance(env, views.ParallelView)
        assert env.max_cycles == 2
        aec = pettingzoo.make("aec", name, users=4)
        aec.reset(seed=0)
        assert aec.num_agents == len(env.possible_agents)
    batch = gymnasium.make_vec(name, num_envs=2, users=4)
    assert isinstance(batch, views.VectorView)
    assert batch.num_envs == 2


def test_module_of_the_world(name, flat):
    if name in TOYS or flat:
        pytest.skip("only registered worlds")
    _case(name, flat)
    import importlib

    module = importlib.import_module("populace.envs." + name.split("/")[1].replace("-v", "_v"))
    assert module.parallel_env(users=4).metadata["name"] == name.split("/")[1].replace("-v", "_v")
    assert module.world(users=4, worlds=2).reset(seed=0)
    assert module.raw_env(users=4).possible_agents == module.env(users=4).possible_agents
    assert module.vector_env(num_envs=3, users=4).reset(seed=0)[0].shape[0] == 3
