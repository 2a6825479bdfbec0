"""A caller whose torch makes float64 by default gets the same bits: every dtype in the library is its own."""

from pathlib import Path

import pytest
import torch

from populace import scenarios
from populace.envs import views
from populace.numerics import either
from populace.registry import manifests
from populace.rollout import Keep, rollout
from populace.run import start

WORLDS = manifests.shipped()

LIBRARY = sorted((Path(scenarios.__file__).parent / "library").glob("*.yaml"))
BIG = 3000
"""Cells of more users are left out: their arms are those of smaller ones, and they take long."""


@pytest.fixture
def double():
    def set_double():
        torch.set_default_dtype(torch.float64)

    yield set_double
    torch.set_default_dtype(torch.float32)


def _measures(cell):
    built = scenarios.build(cell)
    if built.population.census.size > BIG:
        return None
    keep = Keep()
    run = start(built.world, built.policies, built.population, seed=5, worlds=1)
    rollout(built.world, built.policies, run, 3, keep, learn_every=2)
    return {name: torch.stack(series) for name, series in keep.series.items()}


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_every_scenario_has_the_same_bits(path, double):
    cells = {cell.base_arm: cell for cell in scenarios.load(path).cells}.values()
    cells = list(cells)[:6]
    usual = [_measures(cell) for cell in cells]
    double()
    for cell, one in zip(cells, usual, strict=True):
        other = _measures(cell)
        if one is None:
            continue
        assert one.keys() == other.keys()
        for name, series in one.items():
            assert series.dtype == other[name].dtype == torch.float32, name
            assert torch.equal(series.nan_to_num(7.5), other[name].nan_to_num(7.5)), (cell.arm, name)


@pytest.mark.parametrize("name", WORLDS)
def test_views_have_the_same_numbers(name, double):
    def play():
        env = views.parallel_env(name, users=4, flat=True, flat_actions=True, max_cycles=6)
        found = [env.reset(seed=1)[0]]
        for number, agent in enumerate(env.possible_agents):
            env.action_space(agent).seed(number)
        while env.agents:
            found += env.step({agent: env.action_space(agent).sample() for agent in env.agents})[:2]
        batch = views.vector_env(name, num_envs=2, users=4, max_cycles=3)
        batch.reset(seed=1)
        batch.action_space.seed(0)
        found += [{"batch": batch.step(batch.action_space.sample())[0]} for _ in range(5)]
        return found

    usual = play()
    double()
    for one, other in zip(usual, play(), strict=True):
        assert one.keys() == other.keys()
        for agent in one:
            a, b = (x[agent]["observation"] if isinstance(x[agent], dict) else x[agent] for x in (one, other))
            assert torch.equal(torch.as_tensor(a), torch.as_tensor(b)), agent


def test_one_of_two_numbers_is_float32(double):
    double()
    chosen = either(torch.tensor([True, False]), 0.1, 0.2)
    assert chosen.dtype == torch.float32
    assert torch.equal(chosen, torch.tensor([0.1, 0.2], dtype=torch.float32))
