"""What users feel by the kernel is what they feel by torch."""

import pytest
import torch
from kernels_stage import both

from populace.envs.drift import Drift, DriftOptions
from populace.registry import policies
from populace.rollout import rollout
from populace.run import start

CASES = {
    "plain": {},
    "trust": {"trust": True, "discovery": 0.1, "hindsight": 0.2, "probes": 3},
    "one spread": {"spread": 1.0, "ratings": "course", "trust": True},
}


@pytest.mark.parametrize("case", CASES)
def test_both_forms_play_the_same(case):
    def work():
        options = DriftOptions.model_validate(CASES[case])
        population = Drift.population(70, options)
        world = Drift(options, population.census)
        players = {}
        for role, name in {**world.defaults, "assistant": "frozen"}.items():
            if role in world.cast:
                kind = policies.get(name, within="drift")
                players[role] = kind(kind.Options())
        return rollout(world, players, start(world, players, population, seed=0, worlds=3), 6).state

    plain, fast = both(work)
    for name in ("act", "deceived", "here", "biased"):
        assert torch.equal(getattr(plain, name), getattr(fast, name)), name
    for name in ("felt", "exposure", "rating"):
        assert torch.allclose(getattr(plain, name), getattr(fast, name), atol=1e-5, rtol=0.0), name
